// The laws that every type keeps, on random histories: the join is commutative,
// associative and idempotent; equal sets of deltas give equal bytes; the delta
// contract; the difference; encoding and decoding are inverse; field.h says the
// same as the classes.
#include "property/kinds.h"

namespace converge::property {
namespace {

template <class Kind>
class Laws : public ::testing::Test {};

struct KindName {
  template <class Kind>
  static std::string GetName(int) {
    return std::string(field_type_name(Kind::type));
  }
};

using Kinds = ::testing::Types<MapKind, OrSetKind, TextKind, PnCounterKind, GCounterKind,
                               RegisterKind, LwwSetKind>;
TYPED_TEST_SUITE(Laws, Kinds, KindName);

template <class State>
State joined(State a, const State& b) {
  join(a, b);
  return a;
}

TYPED_TEST(Laws, hold) {
  using State = typename TypeParam::State;
  constexpr FieldType type = TypeParam::type;
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t pick) {
    History<TypeParam> history;
    history.run(numbers);
    const State a = history.some(pick);
    const State b = history.some(pick + 1);
    const State c = history.some(pick + 2);
    const std::string bytes_a = a.encode();
    const std::string bytes_b = b.encode();

    // A join semilattice, byte for byte.
    const State ab = joined(a, b);
    const std::string bytes_ab = ab.encode();
    RC_ASSERT(joined(b, a).encode() == bytes_ab);
    RC_ASSERT(joined(ab, c).encode() == joined(a, joined(b, c)).encode());
    RC_ASSERT(joined(a, a).encode() == bytes_a);
    RC_ASSERT(joined(ab, a).encode() == bytes_ab);
    RC_ASSERT(joined(a, State()).encode() == bytes_a);

    // Any order, grouping and repetition.
    const std::string bytes_all = history.all().encode();
    RC_ASSERT(history.all_otherwise(pick).encode() == bytes_all);
    RC_ASSERT(history.all_at_once(pick) == bytes_all);
    State everybody;
    for (const State& state : history.states) join(everybody, state);
    RC_ASSERT(everybody.encode() == bytes_all);

    // For every state that includes `since`, as ab includes a's version.
    for (const State* with : {&ab, &a}) {
      auto delta = c.delta(a.version());
      RC_ASSERT(delta.ok());
      RC_ASSERT(joined(*with, *delta).encode() == joined(*with, c).encode());
    }
    RC_ASSERT(ab.version().includes(a.version()));

    // The difference: exact, and empty where there is none.
    const State lacking = b.difference(a);
    RC_ASSERT(joined(a, lacking).encode() == bytes_ab);
    RC_ASSERT(joined(a, ab.difference(a)).encode() == bytes_ab);
    RC_ASSERT(a.difference(ab).encode() == empty_state(type));
    RC_ASSERT((bytes_ab == bytes_a) == (lacking.encode() == empty_state(type)));

    // Encoding is the identity, and what field.h does is the same.
    RC_ASSERT(decoded<State>(bytes_a).encode() == bytes_a);
    RC_ASSERT(validate(type, bytes_ab).ok());
    RC_ASSERT(merge(type, bytes_a, bytes_b).value() == bytes_ab);
    RC_ASSERT(difference(type, bytes_a, bytes_b).value() == lacking.encode());
    RC_ASSERT(version(type, bytes_a).value() == a.version().encode());
    RC_ASSERT(delta(type, bytes_b, a.version().encode()).value() ==
              b.delta(a.version()).value().encode());
  });
}

// Whatever a byte of an encoding becomes, it is refused or canonical. (A text's
// decoder leaves it to validate() to find out whether its runs stand in the
// order that integrating them gives; it must survive them all the same.)
TYPED_TEST(Laws, decode_is_exact) {
  using State = typename TypeParam::State;
  constexpr FieldType type = TypeParam::type;
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t place, std::uint8_t flip) {
    History<TypeParam> history;
    history.run(numbers);
    std::string bytes = history.all().encode();
    const auto check = [&] {
      auto state = State::decode(bytes);
      const bool valid = validate(type, bytes).ok();
      RC_ASSERT(state.ok() || !valid);
      if (type != FieldType::crdt_text) RC_ASSERT(state.ok() == valid);
      if (valid) RC_ASSERT(state->encode() == bytes);
    };
    bytes[place % bytes.size()] = static_cast<char>(bytes[place % bytes.size()] ^ flip);
    check();
    if (place % 2 == 0) bytes.resize(place / 2 % (bytes.size() + 1));
    check();
  });
}

}  // namespace
}  // namespace converge::property
