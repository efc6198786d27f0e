#include "core/field.h"

#include <utility>

#include "core/clock/version_vector.h"
#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/gathering.h"
#include "core/long_work.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/sequence/text.h"
#include "core/state_header.h"
#include "core/ydoc/ydoc.h"

namespace converge {

namespace {

template <class State>
struct Of {
  using type = State;
};

// Calls use(Of<State>{}) with the class that stands for `type`.
template <class Answer, class Use>
Result<Answer> with_class(FieldType type, Use use) {
  switch (type) {
    case FieldType::lww_map:
      return use(Of<LwwMap>{});
    case FieldType::or_set:
      return use(Of<OrSet>{});
    case FieldType::crdt_text:
      return use(Of<Text>{});
    case FieldType::pn_counter:
      return use(Of<PnCounter>{});
    case FieldType::g_counter:
      return use(Of<GCounter>{});
    case FieldType::mv_register:
      return use(Of<MvRegister>{});
    case FieldType::lww_set:
      return use(Of<LwwSet>{});
    case FieldType::ydoc:
#ifdef __wasm__  // 19 kB more to load for a browser, whose sessions pass it by (live_field.h)
      break;
#else
      return use(Of<YDoc>{});
#endif
  }
  return Error{ErrorCode::invalid, "unknown field type",
               "it has number " + std::to_string(static_cast<unsigned>(type))};
}

}  // namespace

std::string_view field_type_name(FieldType type) {
  switch (type) {
    case FieldType::lww_map:
      return "lww_map";
    case FieldType::or_set:
      return "or_set";
    case FieldType::crdt_text:
      return "crdt_text";
    case FieldType::pn_counter:
      return "pn_counter";
    case FieldType::g_counter:
      return "g_counter";
    case FieldType::mv_register:
      return "mv_register";
    case FieldType::lww_set:
      return "lww_set";
    case FieldType::ydoc:
      return "ydoc";
  }
  return {};
}

Result<FieldType> field_type(std::string_view state) {
  if (state.empty()) {
    return Error{ErrorCode::malformed, "malformed state",
                 "it is empty, and even an empty state has one byte"};
  }
  const auto type = static_cast<FieldType>(static_cast<std::uint8_t>(state[0]) >> 4);
  if (field_type_name(type).empty()) {
    return Error{ErrorCode::malformed, "malformed state",
                 "its first byte, " + std::to_string(static_cast<std::uint8_t>(state[0])) +
                     ", names no type"};
  }
  Reader in(state);
  if (auto header = read_state_header(type, in); !header) return header.error();
  return type;
}

std::string empty_state(FieldType type) { return std::string(1, state_header(type)); }

bool is_empty_state(std::string_view state) { return state.size() == 1 && field_type(state).ok(); }

Result<void> validate(FieldType type, std::string_view state) {
  return with_class<void>(type, [&](auto of) -> Result<void> {
    using State = typename decltype(of)::type;
    // Where decoding alone does not tell (Text), the class has a check of its own.
    if constexpr (requires { State::validate(state); }) {
      return State::validate(state);
    } else {
      auto read = State::decode(state);
      if (!read) return read.error();
      return {};
    }
  });
}

Result<std::string> merge(FieldType type, std::string_view a, std::string_view b) {
  return with_class<std::string>(type, [&](auto of) -> Result<std::string> {
    using State = typename decltype(of)::type;
    if (a.size() < b.size()) std::swap(a, b);
    if constexpr (requires { State::merge_encoded(a, b); }) return State::merge_encoded(a, b);
    auto large = State::decode(a);
    if (!large) return large.error();
    if constexpr (requires { large->merge_encoded(b); }) {
      if (auto merged = large->merge_encoded(b); !merged) return merged.error();
    } else {
      auto small = State::decode(b);
      if (!small) return small.error();
      if (auto merged = large->merge(*small); !merged) return merged.error();
    }
    return large->encode();
  });
}

Result<std::string> merge_all(FieldType type, std::span<const std::string_view> states) {
  if (states.size() == 2) return merge(type, states[0], states[1]);
  return with_class<std::string>(type, [&](auto of) -> Result<std::string> {
    using State = typename decltype(of)::type;
    if constexpr (requires(State state) { state.merge_all_encoded(states); }) {
      State joined;
      if (auto merged = joined.merge_all_encoded(states); !merged) return merged.error();
      return joined.encode();
    } else {
      Gathering<State> gathering;
      for (const std::string_view state : states) {
        long_work();
        if (auto added = gathering.add(state); !added) return added.error();
      }
      return gathering.total();
    }
  });
}

Result<std::string> version(FieldType type, std::string_view state) {
  return with_class<std::string>(type, [&](auto of) -> Result<std::string> {
    auto read = decltype(of)::type::decode(state);
    if (!read) return read.error();
    return read->version().encode();
  });
}

Result<std::string> delta(FieldType type, std::string_view state, std::string_view since) {
  return with_class<std::string>(type, [&](auto of) -> Result<std::string> {
    auto read = decltype(of)::type::decode(state);
    if (!read) return read.error();
    auto known = VersionVector::decode(since);
    if (!known) return known.error();
    auto delta = read->delta(*known);
    if (!delta) return delta.error();
    return delta->encode();
  });
}

Result<std::string> difference(FieldType type, std::string_view older, std::string_view newer) {
  return with_class<std::string>(type, [&](auto of) -> Result<std::string> {
    using State = typename decltype(of)::type;
    auto before = State::decode(older);
    if (!before) return before.error();
    auto after = State::decode(newer);
    if (!after) return after.error();
    return after->difference(*before).encode();
  });
}

Result<std::uint64_t> greatest_hlc(FieldType type, std::string_view state) {
  return with_class<std::uint64_t>(type, [&](auto of) -> Result<std::uint64_t> {
    using State = typename decltype(of)::type;
    if constexpr (requires(const State& read) { read.greatest_hlc(); }) {
      auto read = State::decode(state);
      if (!read) return read.error();
      return read->greatest_hlc().bits;
    } else {
      return std::uint64_t{0};
    }
  });
}

}  // namespace converge
