#include "worker/background/fold_notes.h"

namespace converge::worker {
namespace {

// A note is these, one after the other, and the tenant's name with its final zero.
constexpr uint32 kHeaderBytes = sizeof(int64) + sizeof(int32);

void clear(FoldNotes* notes, bool read) {
  LWLockAcquire(notes->lock, LW_EXCLUSIVE);
  notes->read = read;
  notes->asleep = false;
  notes->overflow = false;
  notes->changes = 0;
  notes->used = 0;
  LWLockRelease(notes->lock);
}

}  // namespace

void begin_reading(FoldNotes* notes) { clear(notes, true); }

void end_reading(FoldNotes* notes) { clear(notes, false); }

bool add_fold_notes(FoldNotes* notes, const FoldNote* added, int count, uint32 enough) {
  LWLockAcquire(notes->lock, LW_EXCLUSIVE);
  for (int i = 0; notes->read && i < count; i++) {
    const auto name = static_cast<uint32>(strlen(added[i].tenant)) + 1;

    if (sizeof(notes->bytes) - notes->used < kHeaderBytes + name) {
      notes->overflow = true;
      break;
    }
    char* at = notes->bytes + notes->used;
    memcpy(at, &added[i].document, sizeof(int64));
    memcpy(at + sizeof(int64), &added[i].changes, sizeof(int32));
    memcpy(at + kHeaderBytes, added[i].tenant, name);
    notes->used += kHeaderBytes + name;
    notes->changes += static_cast<uint32>(added[i].changes);
  }
  const bool wake = notes->read && (notes->asleep || notes->overflow || notes->changes >= enough ||
                                    notes->used > sizeof(notes->bytes) / 2);
  notes->asleep = false;
  LWLockRelease(notes->lock);
  return wake;
}

FoldNote* take_fold_notes(FoldNotes* notes, bool nothing_waits, int* count, bool* overflow, bool* asleep) {
  // Before the lock: an error while it is held would be a pity.
  auto* bytes = static_cast<char*>(palloc(sizeof(notes->bytes)));

  LWLockAcquire(notes->lock, LW_EXCLUSIVE);
  const uint32 used = notes->used;
  memcpy(bytes, notes->bytes, used);
  *overflow = notes->overflow;
  notes->overflow = false;
  notes->changes = 0;
  notes->used = 0;
  notes->asleep = *asleep = used == 0 && !*overflow && nothing_waits;
  LWLockRelease(notes->lock);

  int size = 0;
  for (uint32 at = 0; at < used; size++) at += kHeaderBytes + static_cast<uint32>(strlen(bytes + at + kHeaderBytes)) + 1;
  auto* taken = static_cast<FoldNote*>(palloc(sizeof(FoldNote) * static_cast<Size>(Max(size, 1))));
  uint32 at = 0;
  for (int i = 0; i < size; i++) {
    memcpy(&taken[i].document, bytes + at, sizeof(int64));
    memcpy(&taken[i].changes, bytes + at + sizeof(int64), sizeof(int32));
    taken[i].tenant = bytes + at + kHeaderBytes;
    at += kHeaderBytes + static_cast<uint32>(strlen(taken[i].tenant)) + 1;
  }
  *count = size;
  return taken;
}

}  // namespace converge::worker
