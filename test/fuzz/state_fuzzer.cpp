// The decoder of one type (CONVERGE_FUZZ_TYPE), and what is done with what it
// takes. The input holds two states: a byte says where the first one ends.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "allocation.h"
#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/field.h"
#include "core/json/json.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/sequence/text.h"
#include "core/ydoc/ydoc.h"

namespace {

using namespace converge;

constexpr FieldType kType = FieldType::CONVERGE_FUZZ_TYPE;

void must(bool holds) {
  if (!holds) std::abort();
}

// A join may be refused for its size alone.
std::string joined(std::string_view a, std::string_view b) {
  auto result = merge(kType, a, b);
  if (!result.ok()) {
    must(result.error().code == ErrorCode::too_large);
    return {};
  }
  return *result;
}

// ---- the value of a state is what its type promises

void look_at(const LwwMap& map) {
  must(validate_json(map.to_json()).ok());
  for (auto key : map.keys()) must(map.get(key).has_value());
}

template <class Set>
void look_at_set(const Set& set) {
  const auto elements = set.elements();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    must(set.contains(elements[i]));
    must(i == 0 || elements[i - 1] < elements[i]);
  }
}
void look_at(const OrSet& set) { look_at_set(set); }
void look_at(const LwwSet& set) { look_at_set(set); }

void look_at(const MvRegister& reg) {
  for (auto value : reg.values()) must(validate_json(value).ok());
}

void look_at(const PnCounter& counter) { (void)counter.value(); }
void look_at(const GCounter& counter) {
  if (auto value = counter.value(); value.ok()) must(*value >= 0);
}

void look_at(const Text& text) { must(text.substr(0, text.char_length()).value() == text.text()); }

void look_at(const YDoc& document) {
  if (auto json = document.json(); json.ok()) {
    must(validate_json(*json).ok() || json->size() > 1000);  // nested deeper than JSON may be
  }
}

template <class State>
void look(std::string_view bytes) {
  const auto state = State::decode(bytes);
  must(state.ok() && state->encode() == bytes);
  look_at(*state);
}

void look(std::string_view bytes) {
  switch (kType) {
    case FieldType::lww_map: return look<LwwMap>(bytes);
    case FieldType::or_set: return look<OrSet>(bytes);
    case FieldType::crdt_text: return look<Text>(bytes);
    case FieldType::pn_counter: return look<PnCounter>(bytes);
    case FieldType::g_counter: return look<GCounter>(bytes);
    case FieldType::mv_register: return look<MvRegister>(bytes);
    case FieldType::lww_set: return look<LwwSet>(bytes);
    case FieldType::ydoc: return look<YDoc>(bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] == 0xff ? input.size() : data[0] * input.size() / 255;
  const std::string_view a = input.substr(0, cut);
  const std::string_view b = input.substr(cut);

  (void)version(kType, a);
  (void)greatest_hlc(kType, a);
  (void)merge(kType, a, empty_state(kType));
  // Eight of a ydoc's lists fit a byte.
  const std::size_t weight = kType == FieldType::ydoc ? 16 * a.size() : a.size();
  if (!fuzz::decode_within_bounds(weight, [&] { return validate(kType, a); }).ok()) return 0;
  // What is valid is canonical, and joins with itself to itself.
  look(a);
  must(joined(a, a) == a);
  must(joined(a, empty_state(kType)) == a);
  must(version(kType, a).ok());
  must(*difference(kType, a, a) == empty_state(kType));
  must(joined(empty_state(kType), *delta(kType, a, "")) == a);
  if (!validate(kType, b).ok()) return 0;
  if (kType == FieldType::crdt_text || kType == FieldType::ydoc) {
    // Two texts made up apart may use one identifier for two things, and then
    // there is no join to agree on: it must end well, no more.
    (void)joined(a, b);
    return 0;
  }
  const std::string ab = joined(a, b);
  must(ab == joined(b, a));
  if (ab.empty()) return 0;
  must(validate(kType, ab).ok());
  must(joined(ab, a) == ab);
  return 0;
}
