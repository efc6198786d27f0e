// converge.change: the log. append_change() and LogBatch are the one way in.
#pragma once

#include "extension/compat.h"

#include <cstdint>
#include <string_view>

#include "extension/documents/node.h"
#include "extension/documents/owned_table.h"
#include "extension/documents/payload.h"

namespace converge {

// One writer on one document.
struct Writer {
  const char* tenant;
  std::int64_t document;
  std::int64_t replica;
};

struct NewChange {
  Writer writer;
  std::int64_t seq;
  std::uint64_t hlc;
  const char* principal;
  std::string_view payload;
  bool refused;  // the number is taken, the payload is only hashed
};

struct LoggedChange {
  std::int64_t replica;
  std::int64_t seq;
  std::uint64_t hlc;
  const char* principal;
  bool refused;
  std::string_view payload;  // empty when refused
  unsigned char hash[kHashBytes];
  std::uint64_t xid;
  std::int64_t epoch;
  std::int64_t recorded_at;  // a TimestampTz
  ItemPointerData tid;
};

// Keeps compaction, and others who call this, away from the document's log until
// the transaction ends. For who may refuse changes there without the row's lock.
void lock_log(std::int64_t document);

// Adds a change. The caller holds the document's row lock or the log's, has checked the
// number, and keeps `log` (converge.change, RowExclusiveLock) open over a batch.
//
// The commit will be synchronous whatever the session asks for: a commit that
// others can see but a crash can undo would give its number away twice. A
// number that is taken raises 23505.
void append_change(OwnedTable* log, const ServerNode& node, const NewChange& change);

// Adds changes as append_change() does, many with one insertion: they are in the
// log, for whoever looks, only after flush(). Not for longer than one memory
// context, and flushed before it ends.
struct LogBatch {
  static constexpr int kMaxChanges = 1000;
  static constexpr std::size_t kMaxBytes = 4 << 20;

  OwnedTable* log;
  ServerNode node;
  TupleDesc description;  // a copy, which slots need not pin
  struct TupleTableSlot** slots;
  int room;   // for slots
  int made;   // of them
  int count;  // changes that wait
  std::size_t bytes;

  LogBatch(OwnedTable* log, const ServerNode& node);
  bool is_full() const { return count == kMaxChanges || bytes > kMaxBytes; }
  // It is not full.
  void add(const NewChange& change);
  void flush();
  // Flushes, and frees the slots.
  void close();
};

// The writer's greatest number in the log, 0 if none: in `snapshot`, or, where
// that is null, as it is at this moment with what this command has added. (What
// compaction dropped, converge.replica has.)
std::int64_t last_logged(Relation log, const Writer& writer, Snapshot snapshot = nullptr);

// The same. Quick where `about` is near it: what lies below is not looked at, unless
// nothing lies above.
std::int64_t last_logged_near(Relation log, const Writer& writer, std::int64_t about, Snapshot snapshot = nullptr);

// The writer's last change with a number below `before`, as `snapshot` sees it, in
// CurrentMemoryContext. False: there is none in the log.
bool find_last_logged(Relation log, const Writer& writer, std::int64_t before, Snapshot snapshot, LoggedChange* change);

// The change with that number, in CurrentMemoryContext. False: not in the log.
bool find_logged(Relation log, const Writer& writer, std::int64_t seq, LoggedChange* change);

// How many of the writer's changes after number `after` were recorded before
// `moment` (a TimestampTz): numbers are found by bisection, as if later ones were
// never recorded earlier.
std::int64_t logged_before(Relation log, const Writer& writer, std::int64_t after, std::int64_t moment);

// The first document behind that one, in the order of tenant and number, that has
// changes in the log; its number is 0 if there is none. In CurrentMemoryContext.
struct LoggedDocument {
  const char* tenant;
  std::int64_t document;
};
LoggedDocument next_logged_document(const char* tenant, std::int64_t document);

// The writer's changes after `after` in order, as `snapshot` sees them.
struct LogScan {
  Relation log;
  Relation index;
  SysScanDesc scan;
  MemoryContext context;  // the scan's own: it allocates as it goes

  LogScan(Relation log, const Writer& writer, std::int64_t after, Snapshot snapshot);
  // The next change, in CurrentMemoryContext, which may be reset between two
  // calls. False: no more.
  bool next(LoggedChange* change);
  void close();
};

// A hybrid clock's reading for a change that SQL made.
std::uint64_t tick_hlc();
// The wall clock, milliseconds since 1970.
std::uint64_t now_ms();

}  // namespace converge
