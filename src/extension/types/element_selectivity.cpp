// How many rows the operators on sets and maps let through, from the frequencies
// of the elements that ANALYZE found (element_analyze.cpp); elements are taken to
// be independent.
#include "extension/compat.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
}

#include <string>
#include <string_view>

#include "extension/boundary.h"
#include "extension/types/elements.h"
#include "extension/types/json.h"
#include "extension/types/text_array.h"

using namespace converge;

namespace {

// The statistics of one column's elements; open() must be followed by close().
struct Frequencies {
  AttStatsSlot slot;
  double null_fraction;

  bool open(const VariableStatData& variable) {
    // Of a table whose policies the caller is under, they tell of rows that he may not
    // see: an estimate would say whether there are some with an element.
    if (!HeapTupleIsValid(variable.statsTuple) || !variable.acl_ok ||
        !get_attstatsslot(&slot, variable.statsTuple, STATISTIC_KIND_MCELEM, InvalidOid,
                          ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
      return false;
    null_fraction = reinterpret_cast<Form_pg_statistic>(GETSTRUCT(variable.statsTuple))->stanullfrac;
    if (slot.nvalues > 0 && slot.nnumbers == slot.nvalues + 2) return true;
    close();
    return false;
  }
  void close() { free_attstatsslot(&slot); }

  double least() const { return static_cast<double>(slot.numbers[slot.nvalues]); }

  // Of one element. One that is not among the common ones is rarer than they are.
  double of(std::string_view element) const {
    int low = 0, high = slot.nvalues;
    while (low < high) {
      const int middle = (low + high) / 2;
      const std::string_view there = boundary::view(DatumGetPointer(slot.values[middle]));
      if (there == element) return static_cast<double>(slot.numbers[middle]);
      if (there < element) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return least() / 2;
  }

  // Of an element that is not known yet: the mean.
  double of_any() const {
    double sum = 0;
    for (int i = 0; i < slot.nvalues; ++i) sum += static_cast<double>(slot.numbers[i]);
    return sum / slot.nvalues;
  }
};

enum class Asks { all, any };

struct Estimate {
  Asks asks;
  double selectivity;  // of what was added so far

  explicit Estimate(Asks what) : asks(what), selectivity(what == Asks::all ? 1 : 0) {}
  void add(double frequency) {
    if (asks == Asks::all) {
      selectivity *= frequency;
    } else {
      selectivity += frequency * (1 - selectivity);
    }
  }
};

// The frequency of a member of a map: of the pair where the value is scalar,
// otherwise of the key. Glue.
double of_member(const Frequencies& frequencies, const JsonMember& member) {
  if (!is_scalar_json(member.value)) return frequencies.of(member.key);
  return boundary::call([&]() -> converge::Result<double> {
    return frequencies.of(member_element(member.key, member.value));
  });
}

// Of a constant: an element, several, or a map's members.
double estimate(const Frequencies& frequencies, Asks asks, const Const* asked) {
  Estimate estimate(asks);
  switch (asked->consttype) {
    case TEXTOID:
      estimate.add(frequencies.of(boundary::view(PG_DETOAST_DATUM_PACKED(asked->constvalue))));
      break;
    case TEXTARRAYOID:
      for (const std::string_view element :
           text_elements(DatumGetArrayTypeP(asked->constvalue), Nulls::skip, "element"))
        estimate.add(frequencies.of(element));
      break;
    case JSONBOID: {
      Jsonb* object = DatumGetJsonbP(asked->constvalue);
      if (!JB_ROOT_IS_OBJECT(object)) return 0;
      for (const JsonMember& member : json_members(object, "a query"))
        estimate.add(of_member(frequencies, member));
      break;
    }
    default:
      return DEFAULT_MATCHING_SEL;
  }
  return estimate.selectivity;
}

Datum restriction(FunctionCallInfo fcinfo, Asks asks) {
  auto* root = reinterpret_cast<PlannerInfo*>(PG_GETARG_POINTER(0));
  auto* arguments = reinterpret_cast<List*>(PG_GETARG_POINTER(2));
  const int relation = PG_GETARG_INT32(3);
  VariableStatData variable;
  Node* other;
  bool variable_on_left;
  if (!get_restriction_variable(root, arguments, relation, &variable, &other, &variable_on_left))
    PG_RETURN_FLOAT8(DEFAULT_MATCHING_SEL);
  double selectivity = DEFAULT_MATCHING_SEL;
  Frequencies frequencies;
  if (IsA(other, Const) && castNode(Const, other)->constisnull) {
    selectivity = 0;  // the operators are strict
  } else if (frequencies.open(variable)) {
    selectivity = IsA(other, Const) ? estimate(frequencies, asks, castNode(Const, other))
                                    : frequencies.of_any();
    selectivity *= 1 - frequencies.null_fraction;
    frequencies.close();
  }
  ReleaseVariableStats(variable);
  CLAMP_PROBABILITY(selectivity);
  PG_RETURN_FLOAT8(selectivity);
}

// Whether statistics of elements in this variable are of a set or a map; those of
// what it is compared with (an array has them too) say nothing.
bool is_container(const VariableStatData& variable) {
  return variable.vartype != TEXTOID && variable.vartype != TEXTARRAYOID && variable.vartype != JSONBOID;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(all_elements_sel);
PG_FUNCTION_INFO_V1(any_element_sel);
PG_FUNCTION_INFO_V1(elements_joinsel);

Datum all_elements_sel(PG_FUNCTION_ARGS) { return restriction(fcinfo, Asks::all); }
Datum any_element_sel(PG_FUNCTION_ARGS) { return restriction(fcinfo, Asks::any); }

// What is asked for comes from the other side: taken to be one element, any of them.
Datum elements_joinsel(PG_FUNCTION_ARGS) {
  auto* root = reinterpret_cast<PlannerInfo*>(PG_GETARG_POINTER(0));
  auto* arguments = reinterpret_cast<List*>(PG_GETARG_POINTER(2));
  auto* join = reinterpret_cast<SpecialJoinInfo*>(PG_GETARG_POINTER(4));
  VariableStatData left, right;
  bool reversed;
  get_join_variables(root, arguments, join, &left, &right, &reversed);
  double selectivity = DEFAULT_MATCHING_SEL;
  Frequencies frequencies;
  if (frequencies.open(is_container(left) ? left : right)) {
    selectivity = frequencies.of_any() * (1 - frequencies.null_fraction);
    frequencies.close();
  }
  ReleaseVariableStats(left);
  ReleaseVariableStats(right);
  CLAMP_PROBABILITY(selectivity);
  PG_RETURN_FLOAT8(selectivity);
}
}
