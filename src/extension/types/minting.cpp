#include "extension/boundary.h"

#include "extension/types/minting.h"

namespace converge::minting {

std::array<Minted, kRemembered> remembered{};

namespace {

std::uint64_t edits = 0;
ReplicaId fresh = 0;  // 0: none drawn

}  // namespace

void prepare() {
  while (fresh == 0) {
    if (!pg_strong_random(&fresh, sizeof fresh))
      ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random replica")));
    fresh &= kReplicaLimit - 1;
  }
}

ReplicaId fresh_replica() { return fresh; }

void minted(FieldType type, ReplicaId replica, std::uint64_t counter) {
  if (counter == 0) return;  // not even a fresh replica is used up
  ++edits;
  Minted* place = &remembered[0];
  for (Minted& entry : remembered) {
    if (entry.counter != 0 && entry.replica == replica && entry.type == type) {
      place = &entry;
      break;
    }
    if (entry.used < place->used) place = &entry;
  }
  *place = Minted{type, replica, counter, edits};
  if (replica == fresh) fresh = 0;
}

}  // namespace converge::minting
