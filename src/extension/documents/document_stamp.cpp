#include "extension/documents/document_stamp.h"

#include <cstring>

#include "extension/module.h"

extern "C" {
#include "access/twophase.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
}

namespace converge {
namespace {

constexpr int kSlots = 1 << 17;

struct Stamps {
  pg_atomic_uint64 last;  // the stamp that was given last
  pg_atomic_uint64 slots[kSlots];
};

Stamps* stamps = nullptr;
shmem_request_hook_type previous_request_hook = nullptr;
shmem_startup_hook_type previous_startup_hook = nullptr;

// Nobody is told when another session commits what was prepared, after a restart perhaps.
bool are_kept() { return max_prepared_xacts == 0; }

void request_shmem() {
  if (previous_request_hook != nullptr) previous_request_hook();
  if (are_kept()) RequestAddinShmemSpace(MAXALIGN(sizeof(Stamps)));
}

void start_shmem() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  if (!are_kept()) return;
  bool found = false;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  stamps = static_cast<Stamps*>(ShmemInitStruct("converge document stamps", sizeof(Stamps), &found));
  if (!found) {
    pg_atomic_init_u64(&stamps->last, kUnknownStamp + 1);
    for (pg_atomic_uint64& slot : stamps->slots) pg_atomic_init_u64(&slot, kUnknownStamp + 1);
  }
  LWLockRelease(AddinShmemInitLock);
}

// The stamps that the open transaction changes.
struct Change {
  StampSlot slot;
  bool only_added;
  std::uint64_t before;
};
Change* changes = nullptr;
int change_count = 0;
int change_room = 0;
std::uint64_t after = kUnknownStamp;
// Where in `changes` a slot is, and one more; 0: nowhere.
std::int32_t places[kSlots];

void forget_changes() {
  for (int i = 0; i < change_count; i++) places[changes[i].slot] = 0;
  change_count = 0;
  after = kUnknownStamp;
}

// What was there before.
std::uint64_t put(StampSlot slot, std::uint64_t stamp) { return pg_atomic_exchange_u64(&stamps->slots[slot], stamp); }

std::uint64_t new_stamp() { return pg_atomic_add_fetch_u64(&stamps->last, 1); }

// Between pre-commit and the moment at which the commit shows, nobody else has the row's
// lock. Who writes without it changes the stamp once more behind the commit: somebody may
// have seen the new one beside the old state.
void at_transaction_end(XactEvent event, void*) {
  if (change_count == 0) return;
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      after = new_stamp();
      for (int i = 0; i < change_count; i++) changes[i].before = put(changes[i].slot, after);
      break;
    case XACT_EVENT_COMMIT:
      for (int i = 0; i < change_count; i++) {
        // (Or it was said after pre-commit.)
        if (!changes[i].only_added || changes[i].before == kUnknownStamp) (void)put(changes[i].slot, new_stamp());
      }
      forget_changes();
      break;
    case XACT_EVENT_ABORT:
      forget_changes();
      break;
    default:
      break;
  }
}

// What a stamp is for. Without padding: it is hashed.
struct Subject {
  std::uint64_t number;  // a document, or a hash of its name
  std::int32_t kind;
  Oid database;
};

StampSlot slot_of(std::uint64_t number, std::int32_t kind) {
  const Subject subject{number, kind, MyDatabaseId};
  return hash_bytes(reinterpret_cast<const unsigned char*>(&subject), sizeof subject) % kSlots;
}

}  // namespace

StampSlot name_slot(const Collection* collection, const RowRef& ref) {
  const auto hash = [](const char* text) {
    return hash_bytes_extended(reinterpret_cast<const unsigned char*>(text), static_cast<int>(std::strlen(text)), 0);
  };
  return slot_of(hash_combine64(hash(ref.tenant), hash(ref.key)), collection->number);
}

StampSlot writers_slot(std::int64_t document) { return slot_of(static_cast<std::uint64_t>(document), -1); }

StampSlot writer_slot(std::int64_t document, std::int64_t replica) {
  return slot_of(hash_combine64(static_cast<std::uint64_t>(document), static_cast<std::uint64_t>(replica)), -3);
}

StampSlot unfolded_slot(std::int64_t document) { return slot_of(static_cast<std::uint64_t>(document), -2); }

std::uint64_t stamp_in(StampSlot slot) {
  return stamps != nullptr ? pg_atomic_read_u64(&stamps->slots[slot]) : kUnknownStamp;
}

namespace {

void note_change(StampSlot slot, bool only_adds) {
  if (stamps == nullptr) return;
  if (places[slot] != 0) {
    Change* change = &changes[places[slot] - 1];
    change->only_added = change->only_added && only_adds;
    return;
  }
  watch_stamps();
  if (change_count == change_room) {
    const int room = change_room == 0 ? 64 : change_room * 2;
    const Size size = sizeof(Change) * static_cast<Size>(room);
    changes = static_cast<Change*>(changes == nullptr ? MemoryContextAlloc(TopMemoryContext, size) : repalloc(changes, size));
    change_room = room;
  }
  changes[change_count++] = {slot, only_adds, kUnknownStamp};
  places[slot] = change_count;
}

}  // namespace

void change_stamp(StampSlot slot) { note_change(slot, false); }

void add_to_stamp(StampSlot slot) { note_change(slot, true); }

void watch_stamps() {
  static bool watching = false;
  if (!watching) RegisterXactCallback(at_transaction_end, nullptr);
  watching = true;
}

bool find_changed_stamp(StampSlot slot, std::uint64_t* before, std::uint64_t* changed_to) {
  if (places[slot] == 0 || after == kUnknownStamp) return false;
  const Change& change = changes[places[slot] - 1];
  *before = change.before;
  *changed_to = change.only_added ? after : kUnknownStamp;
  return true;
}

}  // namespace converge

void converge_init_document_stamps() {
  if (!process_shared_preload_libraries_in_progress) return;
  converge::previous_request_hook = shmem_request_hook;
  shmem_request_hook = converge::request_shmem;
  converge::previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = converge::start_shmem;
}
