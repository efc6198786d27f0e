// converge.push(): many changes of many clients in one call.
//
//   push.cpp        the request and the answer, identities, locks
//   push_check.cpp  what is wrong with a change, without writing anything
//   push_apply.cpp  one document's changes: the log and the row
//   push_state.cpp  what the document has already, and whose what a change brings is
//   push_group.cpp  groups: subtransactions, and what to do when one fails
#pragma once

#include "extension/compat.h"

#include <cstdint>
#include <string_view>

#include "extension/documents/collection.h"
#include "extension/documents/deltas.h"
#include "extension/documents/known_document.h"
#include "extension/documents/log.h"
#include "extension/documents/replica.h"
#include "extension/documents/row.h"
#include "extension/documents/temporary_key.h"
#include "extension/security/identity.h"
#include "proto/converge.pb-c.h"

namespace converge {

inline constexpr std::size_t kMaxRequestBytes = 16 << 20;
// Of changes, and of groups and documents, which may be empty.
inline constexpr int kMaxRequestChanges = 65536;
inline constexpr int kMaxRequestDocuments = 65536;
// In one DocumentPush.
inline constexpr int kMaxPushReplicas = 256;
// Of which one change has structs: each that is new takes a row, while others wait.
inline constexpr int kMaxChangeYjsClients = 4096;

struct Verdict {
  Converge__Wire__Code code;
  const char* message;
  std::int64_t expected_seq;
  // Of a violated constraint, and its name; else null.
  const char* sqlstate = nullptr;
  const char* constraint = nullptr;
};

// What is known of one replica while its changes are gone through.
struct PushReplica {
  std::int64_t replica;
  bool appeared;    // there is a row in converge.replica
  std::int64_t last;
  bool unfolded;    // converge.unfolded says that some of its changes are
  bool is_known;    // from an earlier push: what `row` has besides its principal was not read
  std::int64_t yjs_client;  // one that is the principal's, or kNoYjsClient
  ReplicaRow row;
};

// What one subtransaction writes to.
struct PushTables {
  OwnedTable log;
  LogBatch batch;
  // The documents of which changes wait in the batch.
  std::int64_t* waiting;
  int waiting_count, waiting_room;
  // Of the document that is gone through: a replica under which its principal may
  // have made identifiers, as was looked up last. 0: none.
  std::int64_t own_author;

  PushTables();
  // These are opened when they are needed first.
  OwnedTable* replicas() { return open("replica", &replicas_); }
  OwnedTable* unfolded() { return open("unfolded", &unfolded_); }
  void add(const NewChange& change);
  void flush();
  // Flushes before something of that document is looked up in the log.
  void flush_for(std::int64_t document);
  void close();

 private:
  MemoryContext context_;
  OwnedTable* replicas_;
  OwnedTable* unfolded_;
  OwnedTable* open(const char* name, OwnedTable** table);
};

struct PushGroup;

// A DocumentPush on its way.
struct PushDocument {
  const Converge__Wire__DocumentPush* wire;
  const char* principal;
  PushGroup* group;
  Collection* collection;  // null: every verdict is decided
  RowRef ref;
  LockedRow locked;
  std::int64_t document;
  KnownDocument* known;    // what is known of it; or null
  bool narrowed;           // the token does not let it be changed, whatever policies allow
  bool writable;           // the row is locked; otherwise it is only visible
  bool creates;            // there was no row, and the first change is to make it
  const char* temporary_key;  // its author's own name for it, or null
  std::uint64_t incarnation;  // the only one it may be; 0: any
  Verdict* verdicts;       // one for each change
};

// A change that may be applied.
struct CheckedChange {
  Payload payload;
  const Field* fields[kMaxFields];
};

// A document's fields as they are with what a push has added so far: read when
// somebody asks, and kept up to date from then on.
struct PushedState {
  bool loaded = false;
  struct varlena* values[kMaxFields] = {};

  void load(const PushDocument& document, Deltas* deltas, PushTables* tables);
  // What was applied since.
  void add(const PushDocument& document, const CheckedChange& change);
};

// What check_change() finds.
enum class Finding {
  settled,  // the verdict stands, nothing is to be written
  refuse,   // the verdict stands, and the number is to be taken by a refusal
  apply,
};

// Decides about one change. `replica` is what load_replica() gave, brought up to
// date by the caller after each number it writes. `permitted`: also about whether
// the principal may make it; else check_permission() does.
Finding check_change(const PushDocument& document, const Converge__Wire__Change& change, const PushReplica& replica,
                     PushTables* tables, bool permitted, CheckedChange* checked, Verdict* verdict);
Finding check_permission(const PushDocument& document, const CheckedChange& change, Verdict* verdict);

// As check_change(), for a change that would make the document.
Finding check_creation(const PushDocument& document, const Converge__Wire__Change& change, CheckedChange* checked,
                       Verdict* verdict);

// Whether the document stands where its push expects it, or the push expects
// nothing. False: `verdict` says so, of a change of that replica.
bool check_expectation(const PushDocument& document, std::int64_t replica, PushTables* tables, Verdict* verdict);

// The name that the document's author gave it.
TemporaryKey temporary_key_of(const PushDocument& document);

// Keeps the collection as it is until the transaction ends, as an UPDATE does, and
// takes it as it is now: it may have been tracked anew, or a field deferred, since it
// was looked up. False: it is none any more.
bool hold_collection(PushDocument* document);

// Whether the first change says that it makes the document.
bool wants_creation(const Converge__Wire__DocumentPush& push);

// False: `verdict` says why nothing of this replica can be accepted.
bool load_replica(const PushDocument& document, const Converge__Wire__Change& change, PushTables* tables,
                  PushReplica* replica, Verdict* verdict);

// The changes first to end of a document: checked, logged, merged into the row or
// left to the fold. With a reason to refuse given, what could be applied is
// refused for it instead. Raises where the row cannot be written.
void apply_changes(const PushDocument& document, size_t first, size_t end, const Verdict* reason, PushTables* tables);

// One principal's part of the request.
struct PushGroup {
  Identity identity;
  bool authenticated;
  const char* token;         // empty: the caller's own identity
  std::uint64_t token_state; // under which it was verified (token_cache.h)
  bool atomic;
  PushDocument* documents;
  int count;
};

// Takes the lock of the tenant's policies, which holds until the transaction ends, and
// looks whether the group's token is still good: a revocation may have been committed
// while the lock was waited for. False: the document's verdicts are decided.
bool admit(PushDocument* document);

// Applies the groups, each under its identity, and fires the constraints they
// deferred. Fills the verdicts of the documents whose verdicts are not decided. Raises
// where a change cannot be written, or an atomic group not be applied as a whole.
void apply_together(PushGroup* groups, int count);

// The same, but what cannot be applied gets its verdicts and the rest is applied.
// `tried`: apply_together() raised.
void apply_groups(PushGroup* groups, int count, bool tried);

// Whether the document holds all of the changed fields already: its row, what is
// not folded into it, and what this push is about to merge into it.
bool adds_nothing(const PushDocument& document, const CheckedChange& change, Deltas* deltas, PushTables* tables,
                  PushedState* state);

// Whether the identifiers of what the change brings may be its principal's. They are
// the change's replica's, or of one that nobody has, as SQL mints them, and as the
// server has forgotten: never those of a replica that is another principal's, or the
// server's own, on the document, unless the document has what they stand for. But the
// first change of a replica may hold those of replicas of past epochs: so a client
// offers what a restored server forgot, others' edits included. (Those of a ydoc are
// its Yjs clients'.) False: `verdict` says whose they are.
bool may_author(const PushDocument& document, const Converge__Wire__Change& change, const CheckedChange& checked,
                Deltas* deltas, PushTables* tables, PushedState* state, Verdict* verdict);

// Whether the change has structs of a Yjs client of which the document has none: then
// it certainly adds something, and no state needs to be looked at.
bool has_new_yjs_client(const PushDocument& document, const CheckedChange& change);

// Whether the change has identifiers of few enough replicas and Yjs clients. False:
// `verdict` says how many. For a change that makes a document; of others the two below ask it.
bool has_few_authors(const CheckedChange& change, Verdict* verdict);

// Whether each Yjs client of which the change has structs that the document lacks
// is the principal's, or no principal's yet: then it is bound to it. That of `replica` is
// known to be, and is then the change's, if that has but one. False: `verdict` says whose
// it is.
bool bind_yjs_clients(const PushDocument& document, const CheckedChange& change, PushReplica* replica, Deltas* deltas,
                      PushTables* tables, PushedState* state, Verdict* verdict);

// Whether replica, number (0: the server is to give one) and clock are numbers
// that can be.
bool in_range(const Converge__Wire__Change& change);

}  // namespace converge
