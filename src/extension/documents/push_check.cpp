#include "extension/documents/push.h"

#include <cstring>

#include "core/log/numbering.h"
#include "extension/documents/access.h"
#include "extension/documents/field_value.h"
#include "extension/documents/owned_table.h"
#include "extension/security/audit.h"

extern "C" {
#include "access/relation.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace converge {
namespace {

constexpr const char* kReadOnly = "the document may be read but not changed";

Finding settle(Verdict* verdict, Converge__Wire__Code code, const char* message, std::int64_t expected = 0) {
  *verdict = {code, message, expected};
  return Finding::settled;
}

Finding refuse(Verdict* verdict, Converge__Wire__Code code, const char* message) {
  *verdict = {code, message, 0};
  return Finding::refuse;
}

std::string_view payload_of(const Converge__Wire__Change& change) {
  return {reinterpret_cast<const char*>(change.payload.data), change.payload.len};
}

// A number that the replica has used already.
Finding check_known_number(const PushDocument& document, const Converge__Wire__Change& change,
                           const PushReplica& replica, PushTables* tables, Verdict* verdict) {
  const Writer writer{document.ref.tenant, document.document, replica.replica};
  unsigned char hash[kHashBytes];
  hash_change(change.hlc, payload_of(change), hash);
  ReplicaRow row = replica.row;
  if (replica.is_known) (void)find_replica(tables->replicas()->relation, writer, &row);
  tables->flush_for(document.document);
  LoggedChange logged{};
  std::string_view known;
  if (find_logged(tables->log.relation, writer, static_cast<std::int64_t>(change.seq), &logged)) {
    known = {reinterpret_cast<const char*>(logged.hash), kHashBytes};
  } else if (static_cast<std::int64_t>(change.seq) == row.last_seq && row.has_last_hash) {
    known = {reinterpret_cast<const char*>(row.last_hash), kHashBytes};
  }
  switch (resolve_taken(known, logged.refused, {reinterpret_cast<const char*>(hash), kHashBytes})) {
    case TakenBy::same:
      return settle(verdict, CONVERGE__WIRE__CODE__CODE_DUPLICATE, "");
    case TakenBy::same_refused:
      *verdict = {static_cast<Converge__Wire__Code>(row.refused_code), row.refused_message, 0, row.refused_sqlstate,
                  row.refused_constraint};
      return Finding::settled;
    case TakenBy::other:
      break;
  }
  // Two histories under one name: neither may go on, for their identifiers
  // clash. The caller ends the replica.
  return refuse(verdict, CONVERGE__WIRE__CODE__CODE_EQUIVOCATION,
                psprintf("number %lld of the replica is taken by another change", static_cast<long long>(change.seq)));
}

bool lies_ahead(std::uint64_t hlc, std::uint64_t now, Verdict* verdict) {
  if (!clock_lies_ahead(hlc, now)) return false;
  *verdict = {CONVERGE__WIRE__CODE__CODE_CLOCK_AHEAD,
              psprintf("clock is %llu s ahead of the server's; the limit is %llu s",
                       static_cast<unsigned long long>(((hlc >> 16) - now) / 1000),
                       static_cast<unsigned long long>(kMaxClockAheadMs / 1000)), 0};
  return true;
}

Converge__Wire__Code code_of(const boundary::Failure& failure) {
  return ERRCODE_TO_CATEGORY(failure.sqlstate) == ERRCODE_PROGRAM_LIMIT_EXCEEDED
             ? CONVERGE__WIRE__CODE__CODE_TOO_LARGE
             : CONVERGE__WIRE__CODE__CODE_MALFORMED;
}

const char* message_of(const boundary::Failure& failure) {
  return failure.detail[0] == '\0' ? pstrdup(failure.message)
                                   : psprintf("%s: %s", failure.message, failure.detail);
}

// The privilege of the column, where no UPDATE will ask for it. (The row's policies were
// asked when it was locked.)
Finding check_column(const PushDocument& document, const Field& field, Verdict* verdict) {
  if (!field.deferred || may_update(*document.collection, field)) return Finding::apply;
  return refuse(verdict, CONVERGE__WIRE__CODE__CODE_DENIED,
                psprintf("permission denied for column \"%s\" of table \"%s\"", NameStr(field.name),
                         get_rel_name(document.collection->tracked)));
}

// The content of a change whose number is the next. `permitted`: and whether the
// principal may make it, which is otherwise asked later.
Finding check_content(const PushDocument& document, const Converge__Wire__Change& change, bool permitted,
                      CheckedChange* checked, Verdict* verdict) {
  if (permitted && !document.writable) {
    return refuse(verdict, CONVERGE__WIRE__CODE__CODE_DENIED, kReadOnly);
  }
  const std::string_view bytes = payload_of(change);
  if (bytes.size() > kMaxPayloadBytes) {
    return refuse(verdict, CONVERGE__WIRE__CODE__CODE_TOO_LARGE,
                  psprintf("payload has %zu bytes; the limit is %zu", bytes.size(), kMaxPayloadBytes));
  }
  boundary::Failure failure;
  if (!decode_payload(bytes, &checked->payload, &failure)) {
    return refuse(verdict, CONVERGE__WIRE__CODE__CODE_MALFORMED, message_of(failure));
  }
  if (checked->payload.column_count > 0) {
    return refuse(verdict, CONVERGE__WIRE__CODE__CODE_MALFORMED, "the change sets a plain column");
  }
  if (checked->payload.operation == Operation::update && checked->payload.count == 0) {
    return refuse(verdict, CONVERGE__WIRE__CODE__CODE_MALFORMED, "the change names no field");
  }
  if (checked->payload.operation == Operation::remove && checked->payload.count > 0) {
    return refuse(verdict, CONVERGE__WIRE__CODE__CODE_MALFORMED, "the change deletes and edits the document");
  }
  const std::uint64_t now = now_ms();
  if (lies_ahead(change.hlc, now, verdict)) return Finding::refuse;
  for (int i = 0; i < checked->payload.count; i++) {
    const FieldChange& field = checked->payload.fields[i];
    checked->fields[i] = find_field(document.collection, field.field);
    if (checked->fields[i] == nullptr) {
      return refuse(verdict, CONVERGE__WIRE__CODE__CODE_UNKNOWN_FIELD,
                    psprintf("collection \"%s\" has no field \"%s\"", document.collection->name,
                             std::strlen(field.field) < NAMEDATALEN ? field.field : "…"));
    }
    if (permitted && check_column(document, *checked->fields[i], verdict) != Finding::apply) return Finding::refuse;
    std::uint64_t greatest = 0;
    if (!check_state(checked->fields[i]->type, field.delta, &greatest, &failure)) {
      return refuse(verdict, code_of(failure),
                    psprintf("delta of field \"%s\": %s", field.field, message_of(failure)));
    }
    if (lies_ahead(greatest, now, verdict)) return Finding::refuse;
  }
  return Finding::apply;
}

}  // namespace

bool in_range(const Converge__Wire__Change& change) {
  return change.replica > 0 && change.replica < kReplicaLimit && change.seq < kReplicaLimit &&
         change.hlc <= static_cast<std::uint64_t>(PG_INT64_MAX);
}

bool hold_collection(PushDocument* document) {
  Relation relation = try_relation_open(document->collection->tracked, RowExclusiveLock);
  if (relation == nullptr) return false;
  Collection* collection = collection_of(relation);
  relation_close(relation, NoLock);
  if (collection != nullptr) document->collection = collection;
  return collection != nullptr;
}

TemporaryKey temporary_key_of(const PushDocument& document) {
  return {document.ref.tenant, document.collection->number, document.principal, document.temporary_key};
}

bool wants_creation(const Converge__Wire__DocumentPush& push) {
  if (push.n_changes == 0 || push.incarnation != 0 || push.changes[0]->payload.len > kMaxPayloadBytes) return false;
  auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
  boundary::Failure failure;
  const bool wants = decode_payload(payload_of(*push.changes[0]), payload, &failure) &&
                     payload->operation == Operation::insert;
  pfree(payload);
  return wants;
}

Finding check_creation(const PushDocument& document, const Converge__Wire__Change& change, CheckedChange* checked,
                       Verdict* verdict) {
  if (!in_range(change)) {
    return settle(verdict, CONVERGE__WIRE__CODE__CODE_MALFORMED, "replica, number or clock of the change is out of range");
  }
  if (static_cast<std::int64_t>(change.replica) == current_node().replica) {
    return settle(verdict, CONVERGE__WIRE__CODE__CODE_DENIED, "the replica is the server's own");
  }
  if (change.seq != 1) {
    return settle(verdict, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
  }
  const char* why;
  if (document.temporary_key != nullptr) {
    if (!can_make_key(document.collection, document.ref.key, &why)) {
      return settle(verdict, CONVERGE__WIRE__CODE__CODE_MALFORMED, why);
    }
  } else {
    for (int i = 0; i < document.collection->key_count; i++) {
      if (document.collection->keys[i].origin != KeyOrigin::server) continue;
      return settle(verdict, CONVERGE__WIRE__CODE__CODE_DENIED,
                    "the server makes the keys of this collection: name the document by a temporary key");
    }
  }
  const Finding finding = check_content(document, change, true, checked, verdict);
  if (finding == Finding::apply && checked->payload.operation != Operation::insert) {
    return settle(verdict, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
  }
  return finding;
}

bool load_replica(const PushDocument& document, const Converge__Wire__Change& change, PushTables* tables,
                  PushReplica* replica, Verdict* verdict) {
  if (!in_range(change)) {
    settle(verdict, CONVERGE__WIRE__CODE__CODE_MALFORMED, "replica, number or clock of the change is out of range");
    return false;
  }
  replica->replica = static_cast<std::int64_t>(change.replica);
  if (replica->replica == current_node().replica) {
    settle(verdict, CONVERGE__WIRE__CODE__CODE_DENIED, "the replica is the server's own");
    return false;
  }
  const Writer writer{document.ref.tenant, document.document, replica->replica};
  replica->row = ReplicaRow{};
  replica->yjs_client = kNoYjsClient;
  const KnownWriter* known = find_writer(document.known, replica->replica);
  replica->is_known = known != nullptr && std::strcmp(known->principal, document.principal) == 0 &&
                      (change.seq == 0 || static_cast<std::int64_t>(change.seq) == known->last + 1);
  if (replica->is_known) {
    replica->appeared = true;
    replica->last = known->last;
    replica->unfolded = known->unfolded;
    replica->yjs_client = known->yjs_client;
    replica->row.principal = document.principal;
    return true;
  }
  replica->appeared = find_replica(tables->replicas()->relation, writer, &replica->row);
  replica->last = 0;
  replica->unfolded = false;
  if (!replica->appeared) return true;
  if (std::strcmp(replica->row.principal, document.principal) != 0) {
    settle(verdict, CONVERGE__WIRE__CODE__CODE_DENIED, "the replica is another principal's");
    note_audit({document.ref.tenant, "denial", document.principal,
                document_name(document.collection->name, document.ref.key), verdict->message});
    return false;
  }
  tables->flush_for(document.document);
  const std::int64_t last = change.seq == 0
                                ? last_logged(tables->log.relation, writer)
                                : last_logged_near(tables->log.relation, writer, static_cast<std::int64_t>(change.seq) - 1);
  replica->last = Max(last, replica->row.last_seq);
  return true;
}

Finding check_change(const PushDocument& document, const Converge__Wire__Change& change, const PushReplica& replica,
                     PushTables* tables, bool permitted, CheckedChange* checked, Verdict* verdict) {
  const ReplicaRecord record{static_cast<std::uint64_t>(replica.last),
                             static_cast<std::uint64_t>(replica.row.refused_from)};
  switch (place_of(record, change.seq)) {
    case NumberPlace::taken:
      return check_known_number(document, change, replica, tables, verdict);
    case NumberPlace::after_refused:
      return settle(verdict, CONVERGE__WIRE__CODE__CODE_AFTER_REFUSED,
                    psprintf("number %lld of the replica was refused: %s",
                             static_cast<long long>(replica.row.refused_from), replica.row.refused_message),
                    replica.row.refused_from);
    case NumberPlace::gap:
      return settle(verdict, CONVERGE__WIRE__CODE__CODE_GAP,
                    psprintf("number %llu of the replica is missing",
                             static_cast<unsigned long long>(expected_number(record))),
                    static_cast<std::int64_t>(expected_number(record)));
    case NumberPlace::next:
      break;
  }
  return check_content(document, change, permitted, checked, verdict);
}

Finding check_permission(const PushDocument& document, const CheckedChange& change, Verdict* verdict) {
  if (!document.writable) return refuse(verdict, CONVERGE__WIRE__CODE__CODE_DENIED, kReadOnly);
  for (int i = 0; i < change.payload.count; i++) {
    if (check_column(document, *change.fields[i], verdict) != Finding::apply) return Finding::refuse;
  }
  return Finding::apply;
}

bool check_expectation(const PushDocument& document, std::int64_t replica, PushTables* tables, Verdict* verdict) {
  if (document.wire->expect.len == 0) return true;
  int count = 0;
  const ReplicaPosition* positions = nullptr;
  std::int64_t* last = nullptr;
  if (document.document != 0) {
    tables->flush_for(document.document);
    Snapshot snapshot = RegisterSnapshot(latest_snapshot());
    positions = document_replicas(document.ref.tenant, document.document, snapshot, &count);
    UnregisterSnapshot(snapshot);
    last = static_cast<std::int64_t*>(palloc_extended(sizeof(std::int64_t) * static_cast<Size>(count + 1),
                                                      MCXT_ALLOC_HUGE));
    for (int i = 0; i < count; i++) {
      const Writer writer{document.ref.tenant, document.document, positions[i].replica};
      last[i] = Max(last_logged(tables->log.relation, writer), positions[i].compacted);
      // What was refused is nothing that anybody wrote.
      if (positions[i].refused_from != 0) last[i] = Min(last[i], positions[i].refused_from - 1);
    }
  }
  const std::string_view expected{reinterpret_cast<const char*>(document.wire->expect.data),
                                  document.wire->expect.len};
  auto compare = [&]() -> Result<bool> {
    const Result<LogVersion> version = LogVersion::decode(expected);
    if (!version) return version.error();
    LogVersion present;
    for (int i = 0; i < count; i++) {
      present.set(static_cast<ReplicaId>(positions[i].replica), static_cast<std::uint64_t>(last[i]));
    }
    return meets_expectation(*version, present, static_cast<ReplicaId>(replica));
  };
  bool met = false;
  boundary::Failure failure;
  if (!boundary::attempt(compare, &met, &failure)) {
    *verdict = {CONVERGE__WIRE__CODE__CODE_MALFORMED, message_of(failure), 0};
    return false;
  }
  if (!met) {
    *verdict = {CONVERGE__WIRE__CODE__CODE_EXPECTATION_FAILED,
                "the document was changed since the version that was expected", 0};
  }
  return met;
}

}  // namespace converge
