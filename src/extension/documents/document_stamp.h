// Stamps of what a document's lookups give, in shared memory: whoever writes to
// converge.document, converge.change, converge.replica or converge.unfolded gives the
// document another stamp with the commit. Who remembers what it saw beside the stamp
// and finds the same stamp, with the row locked, need not look again.
//
// A stamp is put before the commit shows, so that who gets the row's lock after it
// finds it. Documents share stamps by hash: what another one's writer changes is
// looked up again for nothing. Without shared memory (shared_preload_libraries), and
// where transactions may be prepared (max_prepared_transactions), stamps are unknown.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/row.h"

namespace converge {

// What nothing is remembered beside.
inline constexpr std::uint64_t kUnknownStamp = 0;

// The place of a stamp.
using StampSlot = std::uint32_t;
StampSlot name_slot(const Collection* collection, const RowRef& ref);  // which document has the name
StampSlot writers_slot(std::int64_t document);                         // what any replica's end or compaction changes
StampSlot writer_slot(std::int64_t document, std::int64_t replica);    // whose the replica is, and its last number
StampSlot unfolded_slot(std::int64_t document);                        // what of it has been folded

std::uint64_t stamp_in(StampSlot slot);

// The open transaction writes what the stamp is for.
void change_stamp(StampSlot slot);
// The same where it holds the lock of the document's row, and only adds to what is there: a
// replica, its next number. Who added may remember it.
void add_to_stamp(StampSlot slot);

// To be called once before a transaction callback is registered that wants to ask the
// following when the transaction has committed.
void watch_stamps();
// What was in the slot before the transaction changed it, and what is there for whoever
// remembers what it added. False: it changed nothing there.
bool find_changed_stamp(StampSlot slot, std::uint64_t* before, std::uint64_t* after);

}  // namespace converge
