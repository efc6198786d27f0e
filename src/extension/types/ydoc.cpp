// ydoc as an SQL type: what ydoc.sql declares. Positions count characters from 0.
#include "extension/types/state.h"

#include "core/ydoc/ydoc.h"
#include "extension/types/edit.h"
#include "extension/types/json.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(ydoc, YDoc)
CONVERGE_MERGE_AGG(ydoc, YDoc)

namespace {

// Argument `n`, 1 if there is none. Glue.
UpdateFormat format_argument(FunctionCallInfo fcinfo, int n) {
  const int32 format = PG_NARGS() > n ? PG_GETARG_INT32(n) : 1;
  if (format != 1 && format != 2)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("unknown format %d of Yjs updates", static_cast<int>(format)),
                    errhint("Formats are 1 and 2.")));
  return static_cast<UpdateFormat>(format);
}

// Glue.
std::uint64_t count_argument(FunctionCallInfo fcinfo, int n, const char* what) {
  const int32 value = PG_GETARG_INT32(n);
  if (value < 0)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%s %d is negative", what, static_cast<int>(value))));
  return static_cast<std::uint64_t>(value);
}

StateArgument document_argument(FunctionCallInfo fcinfo) {
  return state_argument(FieldType::ydoc, PG_GETARG_DATUM(0));
}

// What view(const YDoc&), a Result<std::string>, gives, as a varlena. Glue.
template <class View>
Datum bytes_of(FunctionCallInfo fcinfo, View view) {
  const StateArgument document = document_argument(fcinfo);
  return boundary::call([&] {
    return with_state<YDoc>(document, [&](const YDoc& state) -> Result<Datum> {
      const Result<std::string> made = view(state);
      if (!made) return made.error();
      return boundary::datum(*made);
    });
  });
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(ydoc_new);
PG_FUNCTION_INFO_V1(ydoc_apply);
PG_FUNCTION_INFO_V1(ydoc_update);
PG_FUNCTION_INFO_V1(ydoc_state_vector);
PG_FUNCTION_INFO_V1(ydoc_to_jsonb);
PG_FUNCTION_INFO_V1(ydoc_text);
PG_FUNCTION_INFO_V1(ydoc_xml);
PG_FUNCTION_INFO_V1(ydoc_insert);
PG_FUNCTION_INFO_V1(ydoc_delete);
PG_FUNCTION_INFO_V1(ydoc_set);
PG_FUNCTION_INFO_V1(ydoc_unset);

Datum ydoc_new(PG_FUNCTION_ARGS) {
  const std::string_view update = bytes_argument(fcinfo, 0);
  return boundary::call([&]() -> Result<Datum> {
    YDoc document;
    if (const auto applied = document.apply_update(update, UpdateFormat::v1); !applied)
      return applied.error();
    return boundary::datum(document.encode());
  });
}

Datum ydoc_apply(PG_FUNCTION_ARGS) {
  const std::string_view update = bytes_argument(fcinfo, 1);
  const UpdateFormat format = format_argument(fcinfo, 2);
  if (const StateArgument stored = document_argument(fcinfo); stored.live == nullptr) {
    const Datum applied = boundary::call([&]() -> Result<Datum> {
      const auto state = YDoc::apply_to_encoded(stored.bytes, update, format);
      if (!state) return state.error();
      return *state ? boundary::datum(**state) : Datum{0};
    });
    if (applied != 0) return applied;
  }
  ExpandedState* document =
      editable_state<YDoc>(FieldType::ydoc, PG_GETARG_DATUM(0), result_context(fcinfo));
  boundary::call([&]() -> Result<bool> {
    const auto applied = live_state<YDoc>(document->live).apply_update(update, format);
    if (!applied) return applied.error();
    return true;
  });
  return expanded_datum(document);
}

Datum ydoc_update(PG_FUNCTION_ARGS) {
  const std::string_view since = bytes_argument(fcinfo, 1);
  const UpdateFormat format = format_argument(fcinfo, 2);
  return bytes_of(fcinfo, [&](const YDoc& document) { return document.update_since(since, format); });
}

Datum ydoc_state_vector(PG_FUNCTION_ARGS) {
  return bytes_of(fcinfo, [](const YDoc& document) -> Result<std::string> { return document.state_vector(); });
}

Datum ydoc_to_jsonb(PG_FUNCTION_ARGS) {
  const StateArgument document = document_argument(fcinfo);
  return jsonb_of(boundary::call([&] {
    return with_state<YDoc>(document, [](const YDoc& state) -> Result<char*> {
      const Result<std::string> json = state.json();
      if (!json) return json.error();
      return boundary::cstring_of(*json);
    });
  }));
}

Datum ydoc_text(PG_FUNCTION_ARGS) {
  const std::string_view root = bytes_argument(fcinfo, 1);
  return bytes_of(fcinfo, [&](const YDoc& document) -> Result<std::string> { return document.text(root); });
}

Datum ydoc_xml(PG_FUNCTION_ARGS) {
  const std::string_view root = bytes_argument(fcinfo, 1);
  return bytes_of(fcinfo, [&](const YDoc& document) { return document.xml(root); });
}

Datum ydoc_insert(PG_FUNCTION_ARGS) {
  const std::string_view root = bytes_argument(fcinfo, 1);
  const std::uint64_t at = count_argument(fcinfo, 2, "position");
  const std::string_view text = bytes_argument(fcinfo, 3);
  prepare_edit();
  return edit_argument<YDoc>(FieldType::ydoc, fcinfo, [&](YDoc& document, ReplicaId replica) {
    return document.insert_text(replica, root, at, text);
  });
}

Datum ydoc_delete(PG_FUNCTION_ARGS) {
  const std::string_view root = bytes_argument(fcinfo, 1);
  const std::uint64_t at = count_argument(fcinfo, 2, "position");
  const std::uint64_t count = count_argument(fcinfo, 3, "number of characters");
  prepare_edit();
  return edit_argument<YDoc>(FieldType::ydoc, fcinfo, [&](YDoc& document, ReplicaId) {
    return document.erase(root, at, count);
  });
}

Datum ydoc_set(PG_FUNCTION_ARGS) {
  const std::string_view root = bytes_argument(fcinfo, 1);
  const std::string_view key = bytes_argument(fcinfo, 2);
  const std::string_view value = json_text(PG_GETARG_JSONB_P(3));
  prepare_edit();
  return edit_argument<YDoc>(FieldType::ydoc, fcinfo, [&](YDoc& document, ReplicaId replica) {
    return document.set_key(replica, root, key, value);
  });
}

Datum ydoc_unset(PG_FUNCTION_ARGS) {
  const std::string_view root = bytes_argument(fcinfo, 1);
  const std::string_view key = bytes_argument(fcinfo, 2);
  prepare_edit();
  return edit_argument<YDoc>(FieldType::ydoc, fcinfo, [&](YDoc& document, ReplicaId) {
    return document.erase_key(root, key);
  });
}
}
