#include "extension/documents/fold.h"

#include <algorithm>
#include <cstring>

#include "extension/documents/access.h"
#include "extension/documents/deltas.h"
#include "extension/documents/document.h"
#include "extension/documents/quarantine.h"
#include "extension/documents/row_merge.h"
#include "extension/documents/settings.h"
#include "extension/documents/subtransaction.h"
#include "extension/documents/unfolded.h"
#include "extension/security/identity.h"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_fold);
}

namespace converge {
namespace {

// What one round holds in memory and merges in one subtransaction; 500 changes
// are due at the latest, a backlog may hold more.
constexpr int kMaxRoundChanges = 4096;
constexpr std::size_t kMaxRoundBytes = 16 << 20;

// An unfolded change.
struct Edit {
  std::int64_t replica;
  std::int64_t seq;
  int count;
  FieldChange* fields;
};

// How far a replica's changes were read before the row was locked.
struct ReadReplica {
  UnfoldedReplica unfolded;
  std::int64_t next;  // the first number that was not read
};

struct Fold {
  Collection* collection;
  RowRef ref;
  std::int64_t document;
  LockedRow locked;
  // Round by round.
  Edit* edits;
  int count;
  std::size_t bytes;
  // What was done before the row was locked: nothing, or the replicas that it went
  // through, in their order, how many edits it read and what it made of them.
  ReadReplica* read;
  int read_count;
  int ahead_count;
  RowAhead* ahead;
  FoldResult result;
};

struct Range {
  Fold* fold;
  int first, end;
};

// ------------------------------------------------------------------ the row

// The edits' deltas, by field.
void gather(const Fold& fold, int first, int end, Deltas* deltas) {
  for (int i = first; i < end; i++) {
    const Edit& edit = fold.edits[i];
    for (int j = 0; j < edit.count; j++) {
      // A field that was dropped has no row to be in.
      const Field* field = find_field(fold.collection, edit.fields[j].field);
      if (field != nullptr) deltas[field - fold.collection->fields].add(edit.fields[j].delta);
    }
  }
}

// Merges the edits into the row. Raises what its triggers and constraints raise.
void apply_edits(void* argument) {
  const auto* range = static_cast<Range*>(argument);
  Deltas deltas[kMaxFields] = {};
  gather(*range->fold, range->first, range->end, deltas);
  (void)merge_into_row(range->fold->collection, range->fold->ref, deltas, nullptr);
}

// The table's owner may have taken a privilege from itself, or its triggers may
// need one: no change is at fault for that.
bool is_folds_fault(const ErrorData* error) {
  return is_edits_fault(error) && error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE;
}

void quarantine_edit(Fold* fold, const Edit& edit, const ErrorData& error) {
  NameData fields[kMaxFields];
  int count = 0;
  for (int i = 0; i < edit.count; i++) {
    const Field* field = find_field(fold->collection, edit.fields[i].field);
    // What was immediate is in the row already.
    if (field != nullptr && field->deferred) fields[count++] = field->name;
  }
  for (int i = 0; i < edit.count && count == 0; i++) {
    // It was deferred when it was pushed, and is not any more.
    const Field* field = find_field(fold->collection, edit.fields[i].field);
    if (field != nullptr) fields[count++] = field->name;
  }
  put_into_quarantine({fold->ref.tenant, fold->document, edit.replica}, edit.seq, fields, count, error);
  ereport(LOG, (errmsg("change %lld of replica %lld on document \"%s\" of collection \"%s\" is in quarantine",
                       static_cast<long long>(edit.seq), static_cast<long long>(edit.replica), fold->ref.key,
                       fold->collection->name),
                errdetail_internal("%s", error.message)));
}

// Folds a range of the edits; of one that raises, halves, so that only the
// changes that raise are put aside.
void fold_range(Fold* fold, int first, int end) {
  if (first == end) return;
  CHECK_FOR_INTERRUPTS();
  Range range{fold, first, end};
  ErrorData* error = in_subtransaction(apply_edits, &range);
  if (error == nullptr) {
    fold->result.folded += end - first;
    return;
  }
  if (!is_folds_fault(error)) ReThrowError(error);
  if (end - first == 1) {
    quarantine_edit(fold, fold->edits[first], *error);
    fold->result.quarantined++;
    return;
  }
  FreeErrorData(error);
  const int middle = first + (end - first) / 2;
  fold_range(fold, first, middle);
  fold_range(fold, middle, end);
}

// -------------------------------------------------------------- what to fold

void read_edit(const LoggedChange& change, Edit* edit) {
  *edit = {change.replica, change.seq, 0, nullptr};
  if (change.refused) return;
  auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
  decode_logged_payload(change.payload, payload);
  edit->count = payload->count;
  edit->fields = static_cast<FieldChange*>(palloc(sizeof(FieldChange) * static_cast<Size>(Max(payload->count, 1))));
  std::memcpy(static_cast<void*>(edit->fields), payload->fields, sizeof(FieldChange) * static_cast<Size>(payload->count));
  pfree(payload);
}

void begin_round(Fold* fold) {
  fold->edits = static_cast<Edit*>(palloc(sizeof(Edit) * kMaxRoundChanges));
  fold->count = 0;
  fold->bytes = 0;
  fold->read = nullptr;
  fold->read_count = 0;
  fold->ahead_count = 0;
  fold->ahead = nullptr;
}

// Reads what the round may still hold of a replica's changes from number `*next` on, which
// is moved behind them. Whether these are all.
bool read_edits(Fold* fold, Relation log, Snapshot snapshot, std::int64_t replica, std::int64_t* next) {
  if (fold->count == kMaxRoundChanges || fold->bytes >= kMaxRoundBytes) return false;
  bool all = false;
  LogScan scan(log, {fold->ref.tenant, fold->document, replica}, *next - 1, snapshot);
  while (fold->count < kMaxRoundChanges && fold->bytes < kMaxRoundBytes) {
    LoggedChange change;
    all = !scan.next(&change);
    if (all) break;
    read_edit(change, &fold->edits[fold->count++]);
    fold->bytes += change.payload.size();
    *next = change.seq + 1;
  }
  scan.close();
  return all;
}

// Reads and merges what is unfolded before the row is locked: what is in the log stays as
// it is, and whether the row is as it was is seen when it is locked.
void work_ahead(Fold* fold) {
  begin_round(fold);
  int count;
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  const UnfoldedReplica* replicas = unfolded_replicas(fold->ref.tenant, fold->document, snapshot, &count);
  fold->read = static_cast<ReadReplica*>(palloc_extended(sizeof(ReadReplica) * static_cast<Size>(Max(count, 1)),
                                                         MCXT_ALLOC_HUGE));
  OwnedTable log("change", AccessShareLock);
  for (int i = 0; i < count; i++) {
    fold->read[i] = {replicas[i], replicas[i].from_seq};
    (void)read_edits(fold, log.relation, snapshot, replicas[i].replica, &fold->read[i].next);
  }
  fold->read_count = count;
  log.close();
  UnregisterSnapshot(snapshot);
  if (fold->count == 0) return;
  fold->ahead_count = fold->count;
  fold->ahead = static_cast<RowAhead*>(palloc0(sizeof(RowAhead)));
  gather(*fold, 0, fold->count, fold->ahead->deltas);
  merge_ahead(fold->collection, fold->ref, fold->ahead);
}

// Whether what was read ahead is unfolded still, as it was then: more may be by now.
bool is_still_unfolded(const Fold& fold, const UnfoldedReplica* replicas, int count) {
  int found = 0;
  for (int i = 0; i < count && found < fold.read_count; i++) {
    const UnfoldedReplica& read = fold.read[found].unfolded;
    if (replicas[i].replica != read.replica) continue;
    if (replicas[i].from_seq != read.from_seq) return false;
    found++;
  }
  return found == fold.read_count;
}

// Reads what one round may hold, beyond what was read ahead, and forgets that it is
// unfolded. Whether there is more.
bool take_edits(Fold* fold) {
  bool more = false;
  int count;
  const UnfoldedReplica* replicas = unfolded_replicas(fold->ref.tenant, fold->document, nullptr, &count);
  // Somebody else has folded it meanwhile.
  if (!is_still_unfolded(*fold, replicas, count)) begin_round(fold);
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  OwnedTable log("change", AccessShareLock);
  OwnedTable unfolded("unfolded", RowExclusiveLock);
  for (int i = 0, found = 0; i < count; i++) {
    const Writer writer{fold->ref.tenant, fold->document, replicas[i].replica};
    const bool was_read = found < fold->read_count && fold->read[found].unfolded.replica == writer.replica;
    std::int64_t next = was_read ? fold->read[found++].next : replicas[i].from_seq;
    const bool all = read_edits(fold, log.relation, snapshot, writer.replica, &next);
    more = more || !all;
    if (all || next > replicas[i].from_seq) move_unfolded(&unfolded, writer, all ? 0 : next);
  }
  unfolded.close();
  log.close();
  UnregisterSnapshot(snapshot);
  CommandCounterIncrement();
  return more;
}

// Locks the row and takes what is to be merged into it, in a round that has begun.
// False: there is no such document any more.
bool take(Fold* fold) {
  bool visible;
  const bool locked = lock_row_or_see(fold->collection, fold->ref, &visible, &fold->locked);
  if (!locked && visible) {
    ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("could not lock the row of document \"%s\"",
                                                                fold->ref.key)));
  }
  // Under the key there may be another document by now.
  if (!locked || find_document(fold->collection, fold->ref) != fold->document) {
    forget_unfolded(fold->ref.tenant, fold->document);
    return false;
  }
  fold->result.more = take_edits(fold);
  return true;
}

// Locks and merges in one subtransaction: a row that one locks and another changes
// gets a multixact, at every fold.
void fold_together(void* argument) {
  auto* fold = static_cast<Fold*>(argument);
  work_ahead(fold);
  if (!take(fold)) return;
  Deltas deltas[kMaxFields] = {};
  gather(*fold, fold->ahead_count, fold->count, deltas);
  (void)merge_into_row(fold->collection, fold->ref, deltas, nullptr, &fold->locked, fold->ahead);
  fold->result.folded += fold->count;
}

void fold_round(void* argument) {
  auto* fold = static_cast<Fold*>(argument);
  const int level = begin_lock_timeout(push_lock_timeout);
  if (ErrorData* error = in_subtransaction(fold_together, fold); error != nullptr) {
    if (!is_folds_fault(error)) ReThrowError(error);
    FreeErrorData(error);
    begin_round(fold);
    if (take(fold)) fold_range(fold, 0, fold->count);
  }
  end_lock_timeout(level);
}

}  // namespace

FoldResult fold_document(const char* tenant, std::int64_t document) {
  Fold fold{};
  std::int32_t number;
  const char* key;
  if (describe_document(tenant, document, &number, &key)) fold.collection = collection_numbered(number);
  if (fold.collection == nullptr) {
    forget_unfolded(tenant, document);
    return fold.result;
  }
  fold.ref = {tenant, key};
  fold.document = document;

  // What the caller's own statements deferred is not the fold's, and the fold's constraints
  // do not wait: in a security-restricted operation PostgreSQL lets none.
  fire_deferred_constraints();
  const Identity caller = copy_identity(current_identity());
  set_identity(kNobody);
  as_table_owner(fold.collection, fold_round, &fold);
  set_identity(caller);
  return fold.result;
}

std::int64_t fold_whole_document(const char* tenant, std::int64_t document) {
  std::int64_t folded = 0;
  MemoryContext round = AllocSetContextCreate(CurrentMemoryContext, "converge fold", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(round);
  FoldResult result;
  do {
    MemoryContextReset(round);
    result = fold_document(tenant, document);
    folded += result.folded;
  } while (result.more);
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(round);
  return folded;
}

namespace {

struct DocumentList {
  std::int32_t collection;
  UnfoldedDocument* documents;
  int count, room;
};

bool add_to_list(const UnfoldedDocument& found, void* argument) {
  auto* list = static_cast<DocumentList*>(argument);
  std::int32_t number;
  const char* key;
  if (!describe_document(found.tenant, found.document, &number, &key) || number != list->collection) return true;
  if (list->count == list->room) {
    list->room *= 2;
    list->documents = static_cast<UnfoldedDocument*>(
        repalloc_huge(list->documents, sizeof(UnfoldedDocument) * static_cast<Size>(list->room)));
  }
  list->documents[list->count] = found;
  list->documents[list->count++].tenant = pstrdup(found.tenant);
  return true;
}

}  // namespace

std::int64_t fold_collection(Collection* collection) {
  DocumentList list{collection->number, static_cast<UnfoldedDocument*>(palloc(sizeof(UnfoldedDocument) * 64)), 0, 64};
  for_each_unfolded(add_to_list, &list);
  // In the order in which push() locks them.
  std::sort(list.documents, list.documents + list.count, [](const UnfoldedDocument& a, const UnfoldedDocument& b) {
    const int tenants = std::strcmp(a.tenant, b.tenant);
    return tenants != 0 ? tenants < 0 : a.document < b.document;
  });
  std::int64_t folded = 0;
  for (int i = 0; i < list.count; i++) {
    // There is an entry for each replica.
    if (i > 0 && list.documents[i].document == list.documents[i - 1].document) continue;
    folded += fold_whole_document(list.documents[i].tenant, list.documents[i].document);
  }
  return folded;
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_fold(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  if (PG_ARGISNULL(1) != PG_ARGISNULL(2)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("tenant and key of a document go together"),
                    errhint("Leave both out to fold the whole collection.")));
  }
  PreventCommandIfReadOnly("fold()");
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  Collection* collection = collection_named(name);
  if (collection == nullptr) no_such_collection(name);
  check_table_owner(collection->tracked);
  if (PG_ARGISNULL(1)) PG_RETURN_INT64(fold_collection(collection));
  const char* tenant = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const char* key = text_to_cstring(PG_GETARG_TEXT_PP(2));
  const std::int64_t document = find_document(collection, {tenant, key});
  if (document == 0) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("document \"%s\" of collection \"%s\" does not exist", key, name)));
  }
  PG_RETURN_INT64(fold_whole_document(tenant, document));
}
