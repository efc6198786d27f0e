// ANALYZE of sets and maps: beside what it finds for any type, the most common
// elements (elements.h) with their frequencies, where arrays have them too.
// element_stats.sql declares it, element_selectivity.cpp reads them.
#include "extension/types/state.h"

extern "C" {
#include "catalog/pg_operator.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
}

#include <vector>

#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "extension/types/element_counts.h"
#include "extension/types/elements.h"

using namespace converge;

namespace {

// Ten times as many as of whole values, as for arrays.
constexpr int kElementsPerTarget = 10;
// Larger values are passed over, as for arrays.
constexpr Size kLargestValue = 0x10000;

struct Analysis {
  AnalyzeAttrComputeStatsFunc any_type;  // PostgreSQL's own
  void* any_type_data;
  FieldType type;
  ElementCounts* counts;  // owned
  MemoryContextCallback on_reset;
};

// Body.
template <class State>
converge::Result<bool> count(ElementCounts& counts, const StateArgument& value) {
  return with_state<State>(value, [&](const State& state) -> converge::Result<bool> {
    for_each_element(state, [&](std::string_view element) { counts.add(element); });
    return true;
  });
}

void count_value(Analysis* analysis, Datum value) {
  const StateArgument argument = state_argument(analysis->type, value);
  boundary::call([&]() -> converge::Result<bool> {
    switch (analysis->type) {
      case FieldType::or_set:
        return count<OrSet>(*analysis->counts, argument);
      case FieldType::lww_set:
        return count<LwwSet>(*analysis->counts, argument);
      default:
        return count<LwwMap>(*analysis->counts, argument);
    }
  });
  // A sample may be large: what was detoasted goes at once.
  if (argument.live == nullptr && VARATT_IS_EXTENDED(DatumGetPointer(value)) &&
      !VARATT_IS_SHORT(DatumGetPointer(value)))
    pfree(const_cast<char*>(argument.bytes.data()) - VARHDRSZ);
}

// In CurrentMemoryContext: the values of the slot, and one number more for each.
struct Slot {
  Datum* values;
  float4* numbers;
  int count;
};

Slot make_slot(const ElementCounts* counts, double values) {
  return boundary::call([&]() -> converge::Result<Slot> {
    const std::vector<ElementCounts::Entry> common = counts->most_common();
    Slot slot{static_cast<Datum*>(boundary::allocate(sizeof(Datum) * (common.size() + 1))),
              static_cast<float4*>(boundary::allocate(sizeof(float4) * (common.size() + 2))), 0};
    float4 least = 1, most = 0;
    for (const ElementCounts::Entry& entry : common) {
      const auto frequency = static_cast<float4>(static_cast<double>(entry.count) / values);
      slot.values[slot.count] = boundary::datum(entry.element);
      slot.numbers[slot.count++] = frequency;
      least = std::min(least, frequency);
      most = std::max(most, frequency);
    }
    slot.numbers[slot.count] = least;
    slot.numbers[slot.count + 1] = most;
    return slot;
  });
}

void compute(VacAttrStats* stats, AnalyzeAttrFetchFunc fetch, int rows, double total_rows) {
  auto* analysis = static_cast<Analysis*>(stats->extra_data);
  stats->extra_data = analysis->any_type_data;
  analysis->any_type(stats, fetch, rows, total_rows);
  stats->extra_data = analysis;

  const auto wanted = static_cast<std::size_t>(ANALYZE_TARGET(stats) * kElementsPerTarget);
  analysis->counts = nullptr;
  analysis->on_reset.func = [](void* arg) {
    auto* held = static_cast<Analysis*>(arg);
    delete held->counts;
    held->counts = nullptr;
  };
  analysis->on_reset.arg = analysis;
  MemoryContextRegisterResetCallback(stats->anl_context, &analysis->on_reset);
  analysis->counts = boundary::call(
      [&]() -> converge::Result<ElementCounts*> { return new ElementCounts(wanted); });

  double values = 0;
  for (int row = 0; row < rows; ++row) {
    ANALYZE_DELAY_POINT();
    bool is_null;
    const Datum value = fetch(stats, row, &is_null);
    if (is_null || toast_raw_datum_size(value) > kLargestValue) continue;
    ++values;
    count_value(analysis, value);
  }
  int slot = 0;
  while (slot < STATISTIC_NUM_SLOTS && stats->stakind[slot] != 0) ++slot;
  if (values == 0 || slot == STATISTIC_NUM_SLOTS) return;
  MemoryContext before = MemoryContextSwitchTo(stats->anl_context);
  const Slot common = make_slot(analysis->counts, values);
  MemoryContextSwitchTo(before);
  if (common.count == 0) return;
  stats->stakind[slot] = STATISTIC_KIND_MCELEM;
  stats->staop[slot] = TextEqualOperator;
  stats->stacoll[slot] = DEFAULT_COLLATION_OID;
  stats->stanumbers[slot] = common.numbers;
  stats->numnumbers[slot] = common.count + 2;
  stats->stavalues[slot] = common.values;
  stats->numvalues[slot] = common.count;
  stats->statypid[slot] = TEXTOID;
  stats->statyplen[slot] = -1;
  stats->statypbyval[slot] = false;
  stats->statypalign[slot] = TYPALIGN_INT;
}

Datum typanalyze(FieldType type, FunctionCallInfo fcinfo) {
  auto* stats = reinterpret_cast<VacAttrStats*>(PG_GETARG_POINTER(0));
  if (!std_typanalyze(stats)) PG_RETURN_BOOL(false);
  auto* analysis =
      static_cast<Analysis*>(MemoryContextAllocZero(stats->anl_context, sizeof(Analysis)));
  analysis->any_type = stats->compute_stats;
  analysis->any_type_data = stats->extra_data;
  analysis->type = type;
  stats->compute_stats = compute;
  stats->extra_data = analysis;
  PG_RETURN_BOOL(true);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(or_set_typanalyze);
PG_FUNCTION_INFO_V1(lww_set_typanalyze);
PG_FUNCTION_INFO_V1(lww_map_typanalyze);

Datum or_set_typanalyze(PG_FUNCTION_ARGS) { return typanalyze(FieldType::or_set, fcinfo); }
Datum lww_set_typanalyze(PG_FUNCTION_ARGS) { return typanalyze(FieldType::lww_set, fcinfo); }
Datum lww_map_typanalyze(PG_FUNCTION_ARGS) { return typanalyze(FieldType::lww_map, fcinfo); }
}
