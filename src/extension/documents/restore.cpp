// restore(): gives a document an earlier content again, by an edit.
#include "core/history/field_restore.h"
#include "extension/documents/access.h"
#include "extension/documents/field_value.h"
#include "extension/documents/fold.h"
#include "extension/documents/moment.h"
#include "extension/documents/owned_table.h"
#include "extension/types/edit.h"

extern "C" {
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_restore);
}

namespace converge {
namespace {

struct Restoration {
  struct varlena* state;  // null: the field has the earlier value
};

Restoration restored(FieldType type, std::string_view present, std::string_view earlier) {
  const std::uint64_t now_ms = prepare_edit();
  return boundary::call([&]() -> Result<Restoration> {
    const ReplicaId replica = minting::fresh_replica();
    const Result<FieldRestoration> edit = restore_field(type, present, earlier, replica, now_ms);
    if (!edit) return edit.error();
    if (is_empty_state(edit->delta)) return Restoration{nullptr};
    minting::minted(type, replica, edit->counter);
    const Result<std::string> state = merge(type, present, edit->delta);
    if (!state) return state.error();
    return Restoration{boundary::varlena_of(*state)};
  });
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_restore(PG_FUNCTION_ARGS) {
  PreventCommandIfReadOnly("restore()");
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char* key = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const TimestampTz moment = PG_GETARG_TIMESTAMPTZ(2);
  ReadableDocument found = write_document(name, key);
  // What waits for its deferred fields is part of what is edited.
  (void)fold_whole_document(found.ref.tenant, found.document);
  if (!read_row(found.collection, found.ref, false, found.values)) no_such_document(name, key);

  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  const DocumentMoment then = document_at(found.collection, found.ref, found.document, moment, snapshot);
  UnregisterSnapshot(snapshot);
  if (!then.existed) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("document \"%s\" did not exist as of %s", key, timestamptz_to_str(moment))));
  }
  struct varlena* values[kMaxFields] = {};  // those in the mask are written
  Datum edited[kMaxFields];
  int count = 0;
  std::uint64_t mask = 0;
  for (int i = 0; i < found.collection->field_count; i++) {
    const Field& field = found.collection->fields[i];
    const std::string_view present = state_bytes(field.type, found.values[i]);
    const std::string_view earlier = state_bytes(field.type, then.states[i]);
    if (present == earlier) continue;
    if (!can_be_restored(field.type)) {
      ereport(NOTICE, (errmsg("field \"%s\" stays as it is", NameStr(field.name)),
                       errdetail("A %s cannot be given an earlier value.", format_type_be(field.type_oid))));
      continue;
    }
    values[i] = restored(field.type, present, earlier).state;
    if (values[i] == nullptr) continue;
    mask |= std::uint64_t{1} << i;
    edited[count++] = CStringGetTextDatum(NameStr(field.name));
  }
  if (mask != 0 && update_row(found.collection, found.ref, mask, values) != 1) {
    ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION), errmsg("the document's row was not updated"),
                    errdetail("A trigger kept it as it was.")));
  }
  PG_RETURN_ARRAYTYPE_P(construct_array(edited, count, TEXTOID, -1, false, TYPALIGN_INT));
}
