#include "extension/documents/push.h"

#include <cstring>

#include "extension/documents/access.h"
#include "extension/documents/announcement.h"
#include "extension/documents/deltas.h"
#include "extension/documents/document.h"
#include "extension/documents/row_merge.h"
#include "extension/documents/settings.h"
#include "extension/documents/subtransaction.h"
#include "extension/documents/unfolded.h"
#include "extension/module.h"
#include "extension/security/audit.h"
#include "extension/security/limits.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace converge {
namespace {

// Of a refusal's reason, which is kept with the replica.
constexpr int kMaxReasonBytes = 512;

// Joins the deltas to the row, within the tenant's limits.
void merge(const PushDocument& document, Deltas* deltas, const Limits& limits) {
  (void)merge_into_row(document.collection, document.ref, deltas, &limits, &document.locked);
}

NewChange new_change(const PushDocument& document, const Converge__Wire__Change& change, bool refused) {
  NewChange made{};
  made.writer = {document.ref.tenant, document.document, static_cast<std::int64_t>(change.replica)};
  made.seq = static_cast<std::int64_t>(change.seq);
  made.hlc = change.hlc;
  made.principal = document.principal;
  made.payload = {reinterpret_cast<const char*>(change.payload.data), change.payload.len};
  made.refused = refused;
  return made;
}

void appear(const PushDocument& document, PushReplica* replica, PushTables* tables) {
  if (replica->appeared) return;
  create_replica(tables->replicas(), {document.ref.tenant, document.document, replica->replica}, document.principal,
                 tables->batch.node.epoch);
  replica->row.principal = document.principal;
  replica->appeared = true;
}

// Once for each replica, which it ends.
void record_refusal(const PushDocument& document, const Verdict& verdict) {
  const char* event = verdict.code == CONVERGE__WIRE__CODE__CODE_DENIED ? "denial" : "equivocation";
  record_audit({document.ref.tenant, event, document.principal,
                document_name(document.collection->name, document.ref.key), verdict.message});
}

// Whether the principal may have one more replica on the document. False: `verdict`
// says that it may not, and nothing is to be recorded.
bool may_appear(const PushDocument& document, const PushReplica& replica, const Limits& limits, Verdict* verdict) {
  const std::int64_t most = limits.replicas;
  if (replica.appeared || most == 0) return true;
  if (count_replicas(document.ref.tenant, document.document, document.principal, most) < most) return true;
  *verdict = {CONVERGE__WIRE__CODE__CODE_LIMIT,
              psprintf("the principal has %lld replicas on the document, which is the limit", static_cast<long long>(most)), 0};
  return false;
}

// Whether the tenant may have one more document.
bool may_create(const PushDocument& document, const Limits& limits, Verdict* verdict) {
  const std::int64_t most = limits.tenant_documents;
  if (most == 0 || number_of(Counted::documents, document.ref.tenant, most) < most) return true;
  *verdict = {CONVERGE__WIRE__CODE__CODE_LIMIT,
              psprintf("the tenant has %lld documents, which is the limit", static_cast<long long>(most)), 0};
  return false;
}

// Whether the tenant's log may grow.
bool may_grow(const PushDocument& document, const Limits& limits, Verdict* verdict) {
  const std::int64_t most = limits.tenant_bytes;
  if (most == 0 || bytes_of(document.ref.tenant) < most) return true;
  *verdict = {CONVERGE__WIRE__CODE__CODE_LIMIT,
              psprintf("the tenant's log is larger than its limit of %lld bytes", static_cast<long long>(most)), 0};
  return false;
}

// Ends the replica: takes the change's number if it is the next, and remembers why.
void write_refusal(const PushDocument& document, const Converge__Wire__Change& change, PushReplica* replica,
                   PushTables* tables, const Verdict& verdict) {
  const auto seq = static_cast<std::int64_t>(change.seq);
  appear(document, replica, tables);
  std::int64_t from = replica->last + 1;
  if (seq == from) {
    append_change(&tables->log, tables->batch.node, new_change(document, change, true));
    replica->last = seq;
  }
  if (replica->row.refused_from != 0) return;
  if (verdict.code == CONVERGE__WIRE__CODE__CODE_DENIED || verdict.code == CONVERGE__WIRE__CODE__CODE_EQUIVOCATION) {
    record_refusal(document, verdict);
  }
  const int length = pg_mbcliplen(verdict.message, static_cast<int>(std::strlen(verdict.message)), kMaxReasonBytes);
  replica->row.refused_from = from;
  replica->row.refused_code = verdict.code;
  replica->row.refused_message = pnstrdup(verdict.message, static_cast<Size>(length));
  replica->row.refused_sqlstate = verdict.sqlstate;
  replica->row.refused_constraint = verdict.constraint;
  refuse_replica(tables->replicas(), {document.ref.tenant, document.document, replica->replica}, replica->row);
}

// Whether the change touches a field that is folded later.
bool is_deferred(const CheckedChange& checked) {
  for (int i = 0; i < checked.payload.count; i++) {
    if (checked.fields[i]->deferred) return true;
  }
  return false;
}

// The replica's last change is not in the row.
void defer_change(const PushDocument& document, PushReplica* replica, PushTables* tables) {
  if (replica->unfolded) return;
  const Writer writer{document.ref.tenant, document.document, replica->replica};
  OwnedTable* unfolded = tables->unfolded();
  if (replica->last == 1 || !has_unfolded(unfolded->relation, writer)) mark_unfolded(unfolded, writer, replica->last);
  replica->unfolded = true;
}

// Makes the row of a document, with the fields the change brings. Raises where
// it cannot be made.
void create_row(PushDocument* document, const CheckedChange& checked) {
  struct varlena* values[kMaxFields] = {};
  std::uint64_t mask = 0;
  for (int i = 0; i < checked.payload.count; i++) {
    const auto field = checked.fields[i] - document->collection->fields;
    const std::string_view delta = checked.payload.fields[i].delta;
    values[field] = reinterpret_cast<struct varlena*>(
        cstring_to_text_with_len(delta.data(), static_cast<int>(delta.size())));
    mask |= std::uint64_t{1} << field;
  }
  if (document->temporary_key != nullptr) document->ref.key = make_key(document->collection, document->ref.key);
  if (insert_row_announced(document->collection, document->ref, mask, values) != 1) {
    row_not_written("inserted");
  }
  document->document = find_document(document->collection, document->ref);
  if (document->document == 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                    errmsg("document key is not in the form the key's columns write it"),
                    errdetail("Or a trigger changed it.")));
  }
  if (document->temporary_key != nullptr) add_temporary_key(temporary_key_of(*document), document->document);
}

// Whether there is a document by now that was to be made: an earlier part of the
// request may have made it, or somebody else meanwhile. False: it was made and is
// gone again.
bool find_made_document(PushDocument* document) {
  lock_policies(document->ref.tenant);
  if (!hold_collection(document)) return false;
  std::int64_t made = 0;
  if (document->temporary_key != nullptr) {
    const TemporaryKey name = temporary_key_of(*document);
    lock_temporary_key(name);
    made = find_temporary_key(name);
    document->document = 0;
    document->writable = !document->narrowed;
    if (made == 0) return true;
    std::int32_t number;
    if (!describe_document(document->ref.tenant, made, &number, &document->ref.key)) return false;
  }
  bool there;
  const bool locked = lock_row_or_see(document->collection, document->ref, &there, &document->locked);
  document->document = there ? find_document(document->collection, document->ref) : 0;
  document->writable = (locked || !there) && !document->narrowed;
  return made == 0 || document->document == made;
}

// Sets or clears the row's deletion column. Raises where a policy or trigger keeps
// it as it was.
void mark_document(const PushDocument& document, bool deleted) {
  if (mark_row_announced(document.collection, document.ref, deleted) > 0) return;
  PlainValues plain;
  if (read_plain_values(document.collection, document.ref, false, &plain) && plain.deleted == deleted) return;
  row_not_written("updated");
}

// Softly where the collection has it so. Whether the document is gone.
bool delete_document(const PushDocument& document) {
  if (document.collection->deletion.attribute != InvalidAttrNumber) {
    mark_document(document, true);
    return false;
  }
  if (delete_row_announced(document.collection, document.ref) != 1) row_not_written("deleted");
  return true;
}

// Numbers a change that came without.
void give_number(Converge__Wire__Change* change, const PushReplica& replica) {
  change->seq = static_cast<std::uint64_t>(replica.last + 1);
  if (change->hlc == 0) change->hlc = now_ms() << 16;
}

// What else is asked of a change that came without a number.
Finding check_unnumbered(const PushDocument& document, const Converge__Wire__Change& change,
                         const CheckedChange& checked, Deltas* deltas, PushTables* tables, PushedState* state,
                         Verdict* verdict) {
  if (checked.payload.operation != Operation::update) {
    *verdict = {CONVERGE__WIRE__CODE__CODE_MALFORMED, "a change without a number makes or deletes the document", 0};
    return Finding::refuse;
  }
  // Who may not write is not refused what is there already.
  const bool is_new = document.writable && (change.is_new || has_new_yjs_client(document, checked));
  if (!is_new && adds_nothing(document, checked, deltas, tables, state)) {
    *verdict = {CONVERGE__WIRE__CODE__CODE_DUPLICATE, "", 0};
    return Finding::settled;
  }
  return check_permission(document, checked, verdict);
}

// The replicas that a DocumentPush has named so far.
struct NamedReplicas {
  PushReplica* replicas;
  int count, room;
};

// The change's replica. Null: the verdict stands.
PushReplica* find_replica_of(const PushDocument& document, const Converge__Wire__Change& change, PushTables* tables,
                             NamedReplicas* named, Verdict* verdict) {
  for (int i = named->count - 1; i >= 0; i--) {
    if (static_cast<std::uint64_t>(named->replicas[i].replica) == change.replica) return &named->replicas[i];
  }
  if (named->count == kMaxPushReplicas) {
    *verdict = {CONVERGE__WIRE__CODE__CODE_LIMIT,
                psprintf("more than %d replicas of one document in a request", kMaxPushReplicas), 0};
    return nullptr;
  }
  if (named->count == named->room) {
    named->room = named->room == 0 ? 4 : named->room * 2;
    const Size size = sizeof(PushReplica) * static_cast<Size>(named->room);
    named->replicas =
        static_cast<PushReplica*>(named->replicas == nullptr ? palloc(size) : repalloc(named->replicas, size));
  }
  PushReplica* replica = &named->replicas[named->count];
  if (!load_replica(document, change, tables, replica, verdict)) return nullptr;
  named->count++;
  return replica;
}

// For the next push.
void remember(const PushDocument& document, const NamedReplicas& named, bool deleted) {
  for (int i = 0; i < named.count; i++) {
    const PushReplica& replica = named.replicas[i];
    if (deleted || replica.row.refused_from != 0) return forget_document(document.known);
    if (!replica.appeared) continue;
    learn_writer(document.known, replica.replica, document.principal, replica.last, replica.unfolded,
                 replica.yjs_client);
  }
}

constexpr int kFirstWaiting = 16;

}  // namespace

PushTables::PushTables()
    : log("change", RowExclusiveLock),
      batch(&log, current_node()),
      waiting(static_cast<std::int64_t*>(palloc(sizeof(std::int64_t) * kFirstWaiting))),
      waiting_count(0),
      waiting_room(kFirstWaiting),
      own_author(0),
      context_(CurrentMemoryContext),
      replicas_(nullptr),
      unfolded_(nullptr) {}

OwnedTable* PushTables::open(const char* name, OwnedTable** table) {
  if (*table != nullptr) return *table;
  MemoryContext caller = MemoryContextSwitchTo(context_);
  *table = new (palloc(sizeof(OwnedTable))) OwnedTable(name, RowExclusiveLock);
  MemoryContextSwitchTo(caller);
  return *table;
}

void PushTables::add(const NewChange& change) {
  if (batch.is_full()) flush();
  // There are no more documents than changes.
  if (waiting_count == 0 || waiting[waiting_count - 1] != change.writer.document) {
    if (waiting_count == waiting_room) {
      waiting_room *= 2;
      waiting = static_cast<std::int64_t*>(repalloc(waiting, sizeof(std::int64_t) * static_cast<Size>(waiting_room)));
    }
    waiting[waiting_count++] = change.writer.document;
  }
  batch.add(change);
}

void PushTables::flush() {
  batch.flush();
  waiting_count = 0;
}

void PushTables::flush_for(std::int64_t document) {
  for (int i = 0; i < waiting_count; i++) {
    if (waiting[i] == document) {
      flush();
      return;
    }
  }
}

void PushTables::close() {
  batch.close();
  for (OwnedTable* table : {unfolded_, replicas_}) {
    if (table != nullptr) table->close();
  }
  log.close();
}

void apply_changes(const PushDocument& given, size_t first, size_t end, const Verdict* reason, PushTables* tables) {
  PushDocument document = given;
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext context = AllocSetContextCreate(caller, "converge push of a document", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(context);
  NamedReplicas named{nullptr, 0, 0};
  const Limits limits = limits_of(document.ref.tenant);
  tables->own_author = 0;
  Deltas deltas[kMaxFields] = {};
  bool touched = false;
  int deferred_count = 0;
  bool expected = reason != nullptr;
  bool deleted = document.creates && !find_made_document(&document);
  PushedState state;

  for (size_t i = first; i < end; i++) {
    Converge__Wire__Change change = *document.wire->changes[i];
    Verdict* verdict = &document.verdicts[i];
    if (deleted) {
      *verdict = {CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "the document was deleted", 0};
      continue;
    }
    CheckedChange checked;
    bool created = false;
    if (document.document == 0) {
      // Without a document there is no log in which a refusal could be kept.
      if (check_creation(document, change, &checked, verdict) != Finding::apply) continue;
      if (reason != nullptr) {
        *verdict = *reason;
        continue;
      }
      if (!may_create(document, limits, verdict) || !may_grow(document, limits, verdict)) continue;
      if (!has_few_authors(checked, verdict)) continue;
      create_row(&document, checked);
      count_added(Counted::documents, document.ref.tenant);
      created = true;
    }
    PushReplica* replica = find_replica_of(document, change, tables, &named, verdict);
    if (replica == nullptr) continue;
    if (!in_range(*document.wire->changes[i])) {
      *verdict = {CONVERGE__WIRE__CODE__CODE_MALFORMED, "number or clock of the change is out of range", 0};
      continue;
    }
    const bool numbered = change.seq != 0;
    if (!numbered) give_number(&change, *replica);
    Finding finding = check_change(document, change, *replica, tables, numbered, &checked, verdict);
    if (finding == Finding::apply && !numbered) {
      finding = check_unnumbered(document, change, checked, deltas, tables, &state, verdict);
    }
    if (finding == Finding::apply && reason == nullptr &&
        !may_author(document, change, checked, deltas, tables, &state, verdict)) {
      finding = Finding::refuse;
    }
    if (finding == Finding::apply && reason != nullptr) {
      *verdict = *reason;
      finding = Finding::refuse;
    }
    if (finding == Finding::apply && !expected) {
      expected = created || check_expectation(document, replica->replica, tables, verdict);
      if (!expected) finding = Finding::refuse;
    }
    if (!created && finding != Finding::settled && !may_appear(document, *replica, limits, verdict)) continue;
    if (!created && finding == Finding::apply && !may_grow(document, limits, verdict)) continue;
    // The last that may refuse it, because what is bound stays bound.
    if (finding == Finding::apply && !bind_yjs_clients(document, checked, replica, deltas, tables, &state, verdict)) {
      finding = Finding::refuse;
    }
    if (created && finding != Finding::apply) elog(ERROR, "change that made a document does not apply to it");
    if (finding == Finding::refuse && numbered) write_refusal(document, change, replica, tables, *verdict);
    if (finding != Finding::apply) continue;
    appear(document, replica, tables);
    tables->add(new_change(document, change, false));
    replica->last = static_cast<std::int64_t>(change.seq);
    *verdict = {CONVERGE__WIRE__CODE__CODE_OK, "", 0};
    if (created) continue;
    if (is_deferred(checked)) {
      defer_change(document, replica, tables);
      deferred_count++;
    }
    if (checked.payload.operation == Operation::remove) {
      tables->flush();
      if (touched) merge(document, deltas, limits);
      touched = false;
      deleted = delete_document(document);
      continue;
    }
    // Who makes a document wants it to be there.
    if (checked.payload.operation == Operation::insert &&
        document.collection->deletion.attribute != InvalidAttrNumber) {
      mark_document(document, false);
    }
    if (state.loaded) state.add(document, checked);
    for (int j = 0; j < checked.payload.count; j++) {
      if (checked.fields[j]->deferred) continue;
      deltas[checked.fields[j] - document.collection->fields].add(checked.payload.fields[j].delta);
      touched = true;
    }
  }
  if (deferred_count > 0) converge_note_unfolded(document.ref.tenant, document.document, deferred_count);
  if (touched) {
    // What the row's triggers add is logged behind what they saw.
    tables->flush();
    merge(document, deltas, limits);
  }
  remember(document, named, deleted);
  for (size_t i = first; i < end; i++) {
    // Beyond this context, and the subtransaction's.
    MemoryContext kept = GetMemoryChunkContext(document.verdicts);
    Verdict* verdict = &document.verdicts[i];
    for (const char** text : {&verdict->message, &verdict->sqlstate, &verdict->constraint}) {
      if (*text != nullptr) *text = MemoryContextStrdup(kept, *text);
    }
  }
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
}

}  // namespace converge
