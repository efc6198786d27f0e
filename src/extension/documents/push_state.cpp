// What a push has to know of the documents' states: whether a change that the
// server numbers adds anything, and whose the identifiers and the Yjs clients are
// that it brings.
#include "extension/documents/push.h"

#include <algorithm>
#include <cstring>

#include "extension/documents/field_value.h"
#include "extension/documents/replay.h"
#include "extension/documents/yjs_client.h"

extern "C" {
#include "access/xact.h"
#include "utils/snapmgr.h"
}

namespace converge {
namespace {

// What the field has now.
std::string_view field_state(const PushDocument& document, const Field* field, const PushedState& state) {
  return state_bytes(field->type, state.values[field - document.collection->fields]);
}

}  // namespace

void PushedState::load(const PushDocument& document, Deltas* deltas, PushTables* tables) {
  if (loaded) return;
  loaded = true;
  Collection* collection = document.collection;
  tables->flush_for(document.document);
  CommandCounterIncrement();
  if (!read_locked_row(collection, document.locked, values) && !read_row(collection, document.ref, false, values)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("the document's row cannot be read")));
  }
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  (void)add_unfolded(collection, document.ref.tenant, document.document, snapshot, values);
  UnregisterSnapshot(snapshot);
  for (int i = 0; i < collection->field_count; i++) {
    if (deltas[i].count == 0) continue;
    const FieldType type = collection->fields[i].type;
    values[i] = merge_states(type, state_bytes(type, values[i]), deltas[i].join(type));
  }
}

void PushedState::add(const PushDocument& document, const CheckedChange& change) {
  for (int i = 0; i < change.payload.count; i++) {
    const Field* field = change.fields[i];
    struct varlena** value = &values[field - document.collection->fields];
    *value = merge_states(field->type, state_bytes(field->type, *value), change.payload.fields[i].delta);
  }
}

bool adds_nothing(const PushDocument& document, const CheckedChange& change, Deltas* deltas, PushTables* tables,
                  PushedState* state) {
  state->load(document, deltas, tables);
  for (int i = 0; i < change.payload.count; i++) {
    const Field* field = change.fields[i];
    const std::string_view has = field_state(document, field, *state);
    struct varlena* merged = merge_states(field->type, has, change.payload.fields[i].delta);
    const bool same = boundary::view(merged) == has;
    pfree(merged);
    if (!same) return false;
  }
  return true;
}

namespace {

// Whether nobody has written under the replica in the server's present epoch: it ended
// when the server was restored, because every client takes another replica then. (What
// was under way to the server as it was may have come since, and been refused.)
bool is_of_past_epoch(const Writer& writer, const ReplicaRow& row, PushTables* tables) {
  if (row.refused_from == 1) return true;
  const std::int64_t epoch = tables->batch.node.epoch;
  if (row.epoch == epoch) return false;
  tables->flush_for(writer.document);
  const std::int64_t last = row.refused_from != 0 ? row.refused_from - 1 : last_logged(tables->log.relation, writer);
  LoggedChange change;
  return last == 0 || !find_logged(tables->log.relation, writer, last, &change) || change.epoch != epoch;
}

// Whether the document lacks something that the delta has of that author.
bool adds_as(const PushDocument& document, const Field* field, std::string_view delta, std::int64_t author,
             Deltas* deltas, PushTables* tables, PushedState* state) {
  state->load(document, deltas, tables);
  const std::string_view has = field_state(document, field, *state);
  struct varlena* lacking = state_difference(field->type, has, boundary::view(merge_states(field->type, has, delta)));
  if (lacking == nullptr) return false;
  const DeltaAuthors adding = authors_of_delta(field->type, boundary::view(lacking));
  return std::find(adding.replicas, adding.replicas + adding.count, static_cast<ReplicaId>(author)) !=
         adding.replicas + adding.count;
}

bool are_few_replicas(const FieldChange& field, int count, Verdict* verdict) {
  if (count <= kMaxPushReplicas) return true;
  *verdict = {CONVERGE__WIRE__CODE__CODE_TOO_LARGE,
              psprintf("delta of field \"%s\" has identifiers of %d replicas; the limit is %d", field.field, count,
                       kMaxPushReplicas), 0};
  return false;
}

bool are_few_yjs_clients(const FieldChange& field, int count, Verdict* verdict) {
  if (count <= kMaxChangeYjsClients) return true;
  *verdict = {CONVERGE__WIRE__CODE__CODE_TOO_LARGE,
              psprintf("update of field \"%s\" has structs of %d Yjs clients; the limit is %d", field.field, count,
                       kMaxChangeYjsClients), 0};
  return false;
}

}  // namespace

bool has_few_authors(const CheckedChange& change, Verdict* verdict) {
  for (int i = 0; i < change.payload.count; i++) {
    const FieldChange& field = change.payload.fields[i];
    const FieldType type = change.fields[i]->type;
    const bool few = type == FieldType::ydoc
                         ? are_few_yjs_clients(field, yjs_clients_of(field.delta).count, verdict)
                         : are_few_replicas(field, authors_of_delta(type, field.delta).count, verdict);
    if (!few) return false;
  }
  return true;
}

bool may_author(const PushDocument& document, const Converge__Wire__Change& change, const CheckedChange& checked,
                Deltas* deltas, PushTables* tables, PushedState* state, Verdict* verdict) {
  for (int i = 0; i < checked.payload.count; i++) {
    const Field* field = checked.fields[i];
    const std::string_view delta = checked.payload.fields[i].delta;
    if (field->type == FieldType::ydoc) continue;
    const DeltaAuthors authors = authors_of_delta(field->type, delta);
    if (!are_few_replicas(checked.payload.fields[i], authors.count, verdict)) return false;
    for (int j = 0; j < authors.count; j++) {
      const auto author = static_cast<std::int64_t>(authors.replicas[j]);
      if (authors.replicas[j] == change.replica || author == tables->own_author) continue;
      ReplicaRow row{};
      const Writer writer{document.ref.tenant, document.document, author};
      if (!find_replica(tables->replicas()->relation, writer, &row) || std::strcmp(row.principal, document.principal) == 0) {
        tables->own_author = author;
        continue;
      }
      if (change.seq == 1 && is_of_past_epoch(writer, row, tables)) continue;
      if (!adds_as(document, field, delta, author, deltas, tables, state)) continue;
      *verdict = {CONVERGE__WIRE__CODE__CODE_DENIED,
                  psprintf("delta of field \"%s\" has identifiers of replica %lld, which is another principal's",
                           checked.payload.fields[i].field, static_cast<long long>(author)), 0};
      return false;
    }
  }
  return true;
}

namespace {

// Those of the delta's Yjs clients of which the document lacks something.
YjsClients adding_clients(const PushDocument& document, const Field* field, std::string_view delta, Deltas* deltas,
                          PushTables* tables, PushedState* state) {
  state->load(document, deltas, tables);
  const std::string_view has = field_state(document, field, *state);
  struct varlena* lacking = state_difference(field->type, has, boundary::view(merge_states(field->type, has, delta)));
  return lacking == nullptr ? YjsClients{nullptr, 0} : yjs_clients_of(boundary::view(lacking));
}

}  // namespace

bool has_new_yjs_client(const PushDocument& document, const CheckedChange& change) {
  bool found = false;
  for (int i = 0; i < change.payload.count && !found; i++) {
    if (change.fields[i]->type != FieldType::ydoc) continue;
    const YjsClients clients = yjs_clients_of(change.payload.fields[i].delta);
    OwnedTable table("yjs_client", AccessShareLock);
    for (int j = 0; j < clients.count && !found; j++) {
      found = find_yjs_client(table.relation, document.ref.tenant, document.document, clients.clients[j]) == nullptr;
    }
    table.close();
  }
  return found;
}

bool bind_yjs_clients(const PushDocument& document, const CheckedChange& change, PushReplica* replica, Deltas* deltas,
                      PushTables* tables, PushedState* state, Verdict* verdict) {
  for (int i = 0; i < change.payload.count; i++) {
    const Field* field = change.fields[i];
    if (field->type != FieldType::ydoc) continue;
    const std::string_view delta = change.payload.fields[i].delta;
    const YjsClients clients = yjs_clients_of(delta);
    const bool one = clients.count == 1;
    if (clients.count == 0 || (one && clients.clients[0] == replica->yjs_client)) continue;
    if (!are_few_yjs_clients(change.payload.fields[i], clients.count, verdict)) return false;
    auto* to_bind = static_cast<std::int64_t*>(palloc(sizeof(std::int64_t) * static_cast<Size>(clients.count + 1)));
    int binding = 0;
    int passed_over = 0;  // another's, of which nothing is added
    OwnedTable table("yjs_client", RowExclusiveLock);
    YjsClients adding{nullptr, -1};  // not looked for yet
    for (int j = 0; j < clients.count; j++) {
      const std::int64_t client = clients.clients[j];
      const char* owner = find_yjs_client(table.relation, document.ref.tenant, document.document, client);
      if (owner != nullptr && std::strcmp(owner, document.principal) == 0) continue;
      if (owner != nullptr) {
        // Another's, or SQL's: what the document has already anyone may send again.
        if (adding.count < 0) adding = adding_clients(document, field, delta, deltas, tables, state);
        if (!adding.has(client)) {
          passed_over++;
          continue;
        }
        if (owner[0] != '\0') {
          table.close();
          *verdict = {CONVERGE__WIRE__CODE__CODE_DENIED,
                      psprintf("Yjs client %lld of this document is another principal's", static_cast<long long>(client)), 0};
          return false;
        }
      }
      to_bind[binding++] = client;
    }
    for (int j = 0; j < binding; j++) {
      bind_yjs_client(&table, document.ref.tenant, document.document, to_bind[j], document.principal);
    }
    table.close();
    CommandCounterIncrement();
    if (one && passed_over == 0) replica->yjs_client = clients.clients[0];
  }
  return true;
}

}  // namespace converge
