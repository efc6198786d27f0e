#include "extension/documents/capture.h"

#include <cstring>

#include "extension/documents/announcement.h"
#include "extension/documents/document.h"
#include "extension/documents/field_value.h"
#include "extension/documents/log.h"
#include "extension/documents/plain_column.h"
#include "extension/documents/policy_column.h"
#include "extension/documents/replay.h"
#include "extension/documents/replica.h"
#include "extension/documents/yjs_client.h"
#include "extension/security/identity.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_join_old);
PG_FUNCTION_INFO_V1(converge_capture);
PG_FUNCTION_INFO_V1(converge_capture_truncate);
}

namespace converge {
namespace {

TriggerData* trigger_data(FunctionCallInfo fcinfo, const char* function) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function converge.%s was not called by a trigger", function)));
  }
  return reinterpret_cast<TriggerData*>(fcinfo->context);
}

[[noreturn]] void wrong_event(const char* function) {
  ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                  errmsg("function converge.%s was not called by the trigger that track() makes", function)));
}

Collection* tracked_collection(Relation relation) {
  Collection* collection = collection_of(relation);
  if (collection == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" is not tracked", RelationGetRelationName(relation)),
                    errhint("Call converge.track() for it, or drop its triggers.")));
  }
  return collection;
}

// A field of the row that is written, as push or fold has announced it.
struct AnnouncedField {
  struct varlena* before;  // as it stood in the row; null: it is not known
  struct varlena* value;   // null: it is not touched
  std::uint64_t bit;       // of Announcement.stored
};

AnnouncedField announced_field(const Announcement* announcement, const Field& field) {
  const Field* same = announcement != nullptr ? find_field(announcement->collection, NameStr(field.name)) : nullptr;
  if (same == nullptr) return {};
  const auto at = same - announcement->collection->fields;
  return {announcement->before != nullptr ? announcement->before[at] : nullptr, announcement->values[at],
          std::uint64_t{1} << at};
}

// Whether a field gets what was announced, which was made of what it had and so holds it.
// Notes it: no trigger comes after the one that asks, so that what it leaves is stored.
bool is_as_announced(const AnnouncedField& field, Datum before, Datum after, bool is_null,
                     const Announcement* announcement) {
  if (field.before == nullptr || field.value == nullptr) return false;
  const bool same = same_value(PointerGetDatum(field.before), false, before, false) &&
                    same_value(PointerGetDatum(field.value), false, after, is_null);
  announcement->stored = same ? announcement->stored | field.bit : announcement->stored & ~field.bit;
  return same;
}

struct varlena* value_of(Datum value, bool is_null) {
  return is_null ? nullptr : reinterpret_cast<struct varlena*>(DatumGetPointer(value));
}

void refuse_key_change(Relation relation, const KeyColumn& column, HeapTuple old_row, HeapTuple new_row) {
  TupleDesc description = RelationGetDescr(relation);
  const FormData_pg_attribute* attribute = TupleDescAttr(description, column.attribute - 1);
  bool old_null, new_null;
  Datum before = heap_getattr(old_row, column.attribute, description, &old_null);
  Datum after = heap_getattr(new_row, column.attribute, description, &new_null);
  if (old_null == new_null &&
      (old_null || datum_image_eq(before, after, attribute->attbyval, attribute->attlen))) {
    return;
  }
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot change column \"%s\" of a row of tracked table \"%s\"",
                         NameStr(column.name), RelationGetRelationName(relation)),
                  errdetail("Tenant and key name the document."),
                  errhint("Delete the row and insert it again: it will be a new document.")));
}

// A trigger that was made since track() and fires after the join could store
// what loses history.
void refuse_later_trigger(const TriggerData* trigger) {
  const TriggerDesc* triggers = trigger->tg_relation->trigdesc;
  if (triggers == nullptr) return;
  for (int i = 0; i < triggers->numtriggers; i++) {
    const Trigger& other = triggers->triggers[i];
    if (TRIGGER_FOR_ROW(other.tgtype) && TRIGGER_FOR_BEFORE(other.tgtype) && TRIGGER_FOR_UPDATE(other.tgtype) &&
        other.tgenabled != TRIGGER_DISABLED && std::strcmp(other.tgname, trigger->tg_trigger->tgname) > 0) {
      ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("trigger \"%s\" of tracked table \"%s\" fires after converge's own", other.tgname,
                             RelationGetRelationName(trigger->tg_relation)),
                      errhint("Rename it so that it sorts before \"~\".")));
    }
  }
}

// A trigger that was made since track() and fires before a row is captured: what
// it does to the row would be logged before the row is a document, or after it is
// none any more.
void refuse_earlier_trigger(const TriggerData* trigger) {
  const TriggerDesc* triggers = trigger->tg_relation->trigdesc;
  if (triggers == nullptr) return;
  for (int i = 0; i < triggers->numtriggers; i++) {
    const Trigger& other = triggers->triggers[i];
    if (TRIGGER_FOR_ROW(other.tgtype) && TRIGGER_FOR_AFTER(other.tgtype) && other.tgenabled != TRIGGER_DISABLED &&
        std::strcmp(other.tgname, trigger->tg_trigger->tgname) < 0) {
      ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("trigger \"%s\" of tracked table \"%s\" fires before converge's own", other.tgname,
                             RelationGetRelationName(trigger->tg_relation)),
                      errhint("Rename it so that it sorts after \"!converge_capture\".")));
    }
  }
}

// Logs a change of this server's replica.
void log_own_change(const char* tenant, std::int64_t document, const Payload& payload) {
  const ServerNode node = current_node();
  OwnedTable log("change", RowExclusiveLock);
  NewChange change{};
  change.writer = {tenant, document, node.replica};
  change.seq = next_own_seq(log.relation, change.writer);
  change.hlc = tick_hlc();
  change.principal = current_identity().principal;
  change.payload = boundary::view(encode_payload(payload));
  append_change(&log, node, change);
  log.close();
  note_yjs_clients(tenant, document, payload);
}

void add(Payload* payload, const Field& field, struct varlena* delta) {
  payload->fields[payload->count++] = {NameStr(field.name), boundary::view(delta)};
}

// What the value of a field was before the part of an edit that is still to be
// logged: the old value and what push has announced.
std::string_view logged_state(const Field& field, struct varlena* old_value, const Announcement* announcement) {
  const std::string_view old_state = state_bytes(field.type, old_value);
  if (announcement == nullptr) return old_state;
  struct varlena* value = announced_field(announcement, field).value;
  if (value == nullptr) return old_state;
  return boundary::view(merge_states(field.type, old_state, boundary::view(value)));
}

void log_updated_row(const Collection* collection, HeapTuple old_row, HeapTuple new_row, TupleDesc description) {
  Payload payload;
  payload.operation = Operation::update;
  RowRef ref{};
  const Announcement* announcement = nullptr;
  for (int i = 0; i < collection->field_count; i++) {
    const Field& field = collection->fields[i];
    bool old_null, new_null;
    Datum before = heap_getattr(old_row, field.attribute, description, &old_null);
    Datum after = heap_getattr(new_row, field.attribute, description, &new_null);
    if (same_value(before, old_null, after, new_null)) continue;
    if (ref.key == nullptr) {
      ref = ref_of(collection, new_row, description);
      announcement = announced(collection, ref);
    }
    // What push announced is mostly what was stored, byte for byte: then the value need not
    // be fetched again.
    const AnnouncedField part = announced_field(announcement, field);
    if (part.value != nullptr && (announcement->stored & part.bit) != 0) continue;
    const std::string_view stored = state_bytes(field.type, value_of(after, new_null));
    if (part.value != nullptr && boundary::view(part.value) == stored) continue;
    const std::string_view base = logged_state(field, value_of(before, old_null), announcement);
    if (struct varlena* delta = state_difference(field.type, base, stored)) add(&payload, field, delta);
  }
  add_included(collection, old_row, new_row, description, &payload);
  const bool was_deleted = is_softly_deleted(collection, old_row, description);
  const bool is_deleted = is_softly_deleted(collection, new_row, description);
  if (payload.count == 0 && payload.column_count == 0 && was_deleted == is_deleted) return;
  if (ref.key == nullptr) {
    ref = ref_of(collection, new_row, description);
    announcement = announced(collection, ref);
  }
  if (was_deleted != is_deleted && (announcement == nullptr || !announcement->marks)) {
    payload.operation = is_deleted ? Operation::remove : Operation::insert;
  }
  if (payload.operation == Operation::update && payload.count == 0 && payload.column_count == 0) return;
  const std::int64_t document = find_document(collection, ref);
  if (document == 0) {
    // A row from a time when the triggers did not fire.
    log_inserted_row(collection, new_row, description);
    return;
  }
  log_own_change(ref.tenant, document, payload);
}

// Subscribers of a row whose policies look at what was changed are checked again.
void tell_of_changed_access(const Collection* collection, HeapTuple old_row, HeapTuple new_row, TupleDesc description) {
  if (!changed_policy_column(collection, old_row, new_row, description)) return;
  const RowRef ref = ref_of(collection, new_row, description);
  const std::int64_t document = find_document(collection, ref);
  if (document != 0) change_document_access(ref.tenant, document);
}

void visit_rows(Oid relation_id, RowVisitor visit) {
  Relation relation = table_open(relation_id, NoLock);
  if (relation->rd_rel->relkind == RELKIND_RELATION) {
    const Collection* collection = tracked_collection(relation);
    Snapshot snapshot = RegisterSnapshot(latest_snapshot());
    TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
    TupleTableSlot* slot = table_slot_create(relation, nullptr);
    MemoryContext each =
        AllocSetContextCreate(CurrentMemoryContext, "converge row", ALLOCSET_DEFAULT_SIZES);
    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
      CHECK_FOR_INTERRUPTS();
      MemoryContext old = MemoryContextSwitchTo(each);
      bool should_free;
      visit(collection, ExecFetchSlotHeapTuple(slot, false, &should_free), RelationGetDescr(relation));
      MemoryContextSwitchTo(old);
      MemoryContextReset(each);
    }
    MemoryContextDelete(each);
    ExecDropSingleTupleTableSlot(slot);
    table_endscan(scan);
    UnregisterSnapshot(snapshot);
  }
  table_close(relation, NoLock);
}

}  // namespace

void log_inserted_row(const Collection* collection, HeapTuple row, TupleDesc description) {
  const RowRef ref = ref_of(collection, row, description);
  const std::int64_t document = create_document(collection, ref);
  const Announcement* announcement = announced(collection, ref);
  Payload payload;
  payload.operation = announcement == nullptr ? Operation::insert : Operation::update;
  for (int i = 0; i < collection->field_count; i++) {
    const Field& field = collection->fields[i];
    bool is_null;
    Datum value = heap_getattr(row, field.attribute, description, &is_null);
    if (is_null) continue;
    auto* state = reinterpret_cast<struct varlena*>(PG_DETOAST_DATUM_PACKED(value));
    if (announcement != nullptr) {
      state = state_difference(field.type, logged_state(field, nullptr, announcement), boundary::view(state));
    }
    if (state != nullptr && !is_empty_state(boundary::view(state))) add(&payload, field, state);
  }
  add_included(collection, nullptr, row, description, &payload);
  if (announcement == nullptr || payload.count > 0 || payload.column_count > 0) {
    log_own_change(ref.tenant, document, payload);
  }
}

void log_unlogged_row(const Collection* collection, HeapTuple row, TupleDesc description) {
  const RowRef ref = ref_of(collection, row, description);
  const std::int64_t document = find_document(collection, ref);
  if (document == 0) {
    log_inserted_row(collection, row, description);
    return;
  }
  struct varlena* replayed[kMaxFields];
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  replay(collection, ref.tenant, document, snapshot, Replayed::everything, replayed);
  UnregisterSnapshot(snapshot);
  Payload payload;
  payload.operation = Operation::update;
  for (int i = 0; i < collection->field_count; i++) {
    const Field& field = collection->fields[i];
    bool is_null;
    const Datum value = heap_getattr(row, field.attribute, description, &is_null);
    struct varlena* delta = state_difference(field.type, state_bytes(field.type, replayed[i]),
                                             state_bytes(field.type, value_of(value, is_null)));
    if (delta != nullptr) add(&payload, field, delta);
  }
  add_included(collection, nullptr, row, description, &payload);
  if (payload.count > 0 || payload.column_count > 0) log_own_change(ref.tenant, document, payload);
}

void log_deleted_row(const Collection* collection, HeapTuple row, TupleDesc description) {
  const RowRef ref = ref_of(collection, row, description);
  const Announcement* announcement = announced(collection, ref);
  if (announcement != nullptr && announcement->removes) return;
  const std::int64_t document = find_document(collection, ref);
  if (document == 0) return;  // never logged, so that nobody knows of it
  Payload payload;
  payload.operation = Operation::remove;
  log_own_change(ref.tenant, document, payload);
}

void for_each_row(Oid tracked, RowVisitor visit) {
  CommandCounterIncrement();
  ListCell* cell;
  foreach (cell, find_all_inheritors(tracked, AccessShareLock, nullptr)) visit_rows(lfirst_oid(cell), visit);
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_join_old(PG_FUNCTION_ARGS) {
  TriggerData* trigger = trigger_data(fcinfo, "join_old");
  if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
      !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) {
    wrong_event("join_old");
  }
  Relation relation = trigger->tg_relation;
  TupleDesc description = RelationGetDescr(relation);
  const Collection* collection = tracked_collection(relation);
  HeapTuple old_row = trigger->tg_trigtuple;
  HeapTuple new_row = trigger->tg_newtuple;

  refuse_later_trigger(trigger);
  refuse_key_change(relation, collection->tenant, old_row, new_row);
  for (int i = 0; i < collection->key_count; i++) {
    refuse_key_change(relation, collection->keys[i], old_row, new_row);
  }

  const Announcement* announcement = nullptr;
  bool looked = !is_announcing();
  int columns[kMaxFields];
  Datum values[kMaxFields];
  bool nulls[kMaxFields] = {};
  int count = 0;
  for (int i = 0; i < collection->field_count; i++) {
    const Field& field = collection->fields[i];
    bool old_null, new_null;
    Datum before = heap_getattr(old_row, field.attribute, description, &old_null);
    Datum after = heap_getattr(new_row, field.attribute, description, &new_null);
    if (old_null || same_value(before, old_null, after, new_null)) continue;
    if (!looked) announcement = announced(collection, ref_of(collection, new_row, description));
    looked = true;
    if (is_as_announced(announced_field(announcement, field), before, after, new_null, announcement)) continue;
    const std::string_view old_state = state_bytes(field.type, value_of(before, old_null));
    const std::string_view new_state = state_bytes(field.type, value_of(after, new_null));
    struct varlena* joined = merge_states(field.type, old_state, new_state);
    if (!new_null && boundary::view(joined) == new_state) continue;
    columns[count] = field.attribute;
    values[count++] = PointerGetDatum(joined);
  }
  if (count > 0) new_row = heap_modify_tuple_by_cols(new_row, description, count, columns, values, nulls);
  return PointerGetDatum(new_row);
}

extern "C" PGDLLEXPORT Datum converge_capture(PG_FUNCTION_ARGS) {
  TriggerData* trigger = trigger_data(fcinfo, "capture");
  if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event)) {
    wrong_event("capture");
  }
  refuse_earlier_trigger(trigger);
  TupleDesc description = RelationGetDescr(trigger->tg_relation);
  const Collection* collection = tracked_collection(trigger->tg_relation);
  if (!is_announcing()) guard_policies();
  if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) {
    log_inserted_row(collection, trigger->tg_trigtuple, description);
  } else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) {
    tell_of_changed_access(collection, trigger->tg_trigtuple, trigger->tg_newtuple, description);
    log_updated_row(collection, trigger->tg_trigtuple, trigger->tg_newtuple, description);
  } else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event)) {
    log_deleted_row(collection, trigger->tg_trigtuple, description);
  } else {
    wrong_event("capture");
  }
  return PointerGetDatum(nullptr);
}

extern "C" PGDLLEXPORT Datum converge_capture_truncate(PG_FUNCTION_ARGS) {
  TriggerData* trigger = trigger_data(fcinfo, "capture_truncate");
  if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
      !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)) {
    wrong_event("capture_truncate");
  }
  for_each_row(RelationGetRelid(trigger->tg_relation), log_deleted_row);
  return PointerGetDatum(nullptr);
}
