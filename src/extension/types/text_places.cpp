// Who wrote what in a crdt_text, and places that stay where they are while it is
// edited: what text_places.sql declares.
#include "extension/types/state.h"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

#include <vector>

#include "core/sequence/text.h"

using namespace converge;

namespace {

struct BlameRows {
  const TextBlame* begin;
  std::size_t count;
};

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(crdt_text_authors);
PG_FUNCTION_INFO_V1(crdt_text_anchor);
PG_FUNCTION_INFO_V1(crdt_text_position_of);

Datum crdt_text_authors(PG_FUNCTION_ARGS) {
  const StateArgument content = state_argument(FieldType::crdt_text, PG_GETARG_DATUM(0));
  const BlameRows rows = boundary::call([&] {
    return with_state<Text>(content, [](const Text& state) -> converge::Result<BlameRows> {
      const std::vector<TextBlame> blame = state.blame();
      auto* kept = static_cast<TextBlame*>(boundary::allocate(sizeof(TextBlame) * (blame.size() + 1)));
      std::copy(blame.begin(), blame.end(), kept);
      return BlameRows{kept, blame.size()};
    });
  });
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (std::size_t i = 0; i < rows.count; ++i) {
    const TextBlame& row = rows.begin[i];
    Datum values[] = {Int32GetDatum(static_cast<int32>(row.at)), Int32GetDatum(static_cast<int32>(row.count)),
                      Int64GetDatum(static_cast<int64>(row.replica)), Int64GetDatum(static_cast<int64>(row.clock))};
    bool nulls[] = {false, false, false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return Datum{0};
}

Datum crdt_text_anchor(PG_FUNCTION_ARGS) {
  const StateArgument content = state_argument(FieldType::crdt_text, PG_GETARG_DATUM(0));
  const int32 at = PG_GETARG_INT32(1);
  const std::string_view side = bytes_argument(fcinfo, 2);
  if (side != "before" && side != "after")
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("unknown side of a character: \"%s\"", text_to_cstring(PG_GETARG_TEXT_PP(2))),
                    errdetail("It is \"before\" or \"after\".")));
  if (at < 0)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("position %d is negative", static_cast<int>(at))));
  return boundary::call([&] {
    return with_state<Text>(content, [&](const Text& state) -> converge::Result<Datum> {
      const auto anchor = state.anchor(static_cast<std::uint64_t>(at), side == "before" ? TextAnchor::Side::before
                                                                                        : TextAnchor::Side::after);
      if (!anchor) return anchor.error();
      return boundary::datum(anchor->encode());
    });
  });
}

Datum crdt_text_position_of(PG_FUNCTION_ARGS) {
  const StateArgument content = state_argument(FieldType::crdt_text, PG_GETARG_DATUM(0));
  const std::string_view bytes = bytes_argument(fcinfo, 1);
  PG_RETURN_INT32(boundary::call([&] {
    return with_state<Text>(content, [&](const Text& state) -> converge::Result<int32> {
      const auto anchor = TextAnchor::decode(bytes);
      if (!anchor) return anchor.error();
      const auto position = state.position(*anchor);
      if (!position) return position.error();
      return static_cast<int32>(*position);
    });
  }));
}
}
