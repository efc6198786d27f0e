// Differences make the newer value of the older one, and a restoration the earlier
// one again.
#include "core/history/field_difference.h"

#include "core/history/field_restore.h"
#include "core/history/field_view.h"
#include "property/kinds.h"

namespace converge::property {
namespace {

constexpr ReplicaId kFresh = (ReplicaId{1} << 53) - 1;

template <class Kind>
std::string json_of(const typename Kind::State& state) {
  const auto json = value_json(Kind::type, state.encode());
  RC_ASSERT(json.ok());
  return *json;
}

// The text in a JSON string that was made of one without a character to escape.
std::string unquoted(const std::string& json) { return json.empty() ? json : json.substr(1, json.size() - 2); }

TEST(FieldDifference, OfTextsDoneInOrderGivesTheNewerOne) {
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t pick) {
    History<TextKind> history;
    history.run(numbers);
    const Text older = history.some(pick);
    const Text newer = history.all();
    const auto differences = field_differences(FieldType::crdt_text, older.encode(), newer.encode());
    RC_ASSERT(differences.ok());
    Text done = older;
    for (const FieldDifference& one : *differences) {
      const std::string was = unquoted(one.older);
      const std::string is = unquoted(one.newer);
      Text measured;
      RC_ASSERT(measured.insert(1, 0, was).ok());
      const auto there = done.substr(one.at, measured.char_length());
      RC_ASSERT(there.ok());
      RC_ASSERT(*there == was);
      RC_ASSERT(done.splice(kFresh, one.at, measured.char_length(), is).ok());
      RC_ASSERT(std::string(one.action) == (was.empty() ? "insert" : is.empty() ? "delete" : "replace"));
    }
    RC_ASSERT(done.text() == newer.text());
  });
}

TEST(FieldDifference, OfMapsAndSetsNamesWhatIsOtherwise) {
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t pick) {
    History<MapKind> history;
    history.run(numbers);
    const LwwMap older = history.some(pick);
    const LwwMap newer = history.all();
    const auto differences = field_differences(FieldType::lww_map, older.encode(), newer.encode());
    RC_ASSERT(differences.ok());
    LwwMap done = older;
    for (const FieldDifference& one : *differences) {
      RC_ASSERT(one.older == older.get(one.item).value_or(""));
      RC_ASSERT(one.newer == newer.get(one.item).value_or(""));
      RC_ASSERT((std::string(one.action) == "unset") == one.newer.empty());
      RC_ASSERT((one.newer.empty() ? done.unset(kFresh, 1, one.item) : done.set(kFresh, 1, one.item, one.newer)).ok());
    }
    RC_ASSERT(done.to_json() == newer.to_json());
  });
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t pick) {
    History<OrSetKind> history;
    history.run(numbers);
    const OrSet older = history.some(pick);
    const OrSet newer = history.all();
    const auto differences = field_differences(FieldType::or_set, older.encode(), newer.encode());
    RC_ASSERT(differences.ok());
    OrSet done = older;
    for (const FieldDifference& one : *differences) {
      const bool adds = std::string(one.action) == "add";
      RC_ASSERT(adds || std::string(one.action) == "remove");
      RC_ASSERT(older.contains(one.item) != adds);
      RC_ASSERT((adds ? done.add(kFresh, one.item) : done.remove(kFresh, one.item)).ok());
    }
    RC_ASSERT(done.elements() == newer.elements());
  });
}

template <class Kind>
class RestoreOf : public ::testing::Test {};
using RestorableKinds =
    ::testing::Types<MapKind, LwwSetKind, OrSetKind, TextKind, PnCounterKind, RegisterKind>;
TYPED_TEST_SUITE(RestoreOf, RestorableKinds);

TYPED_TEST(RestoreOf, GivesTheEarlierValueAndMergesWithWhatIsConcurrent) {
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t pick) {
    History<TypeParam> history;
    history.run(numbers);
    const auto present = history.all();
    const auto earlier = history.some(pick);
    // What was never assigned cannot be again.
    if (TypeParam::type == FieldType::mv_register && json_of<TypeParam>(earlier) == "[]") return;
    const auto edit = restore_field(TypeParam::type, present.encode(), earlier.encode(), kFresh, 1);
    RC_ASSERT(edit.ok());
    auto restored = present;
    join(restored, decoded<typename TypeParam::State>(edit->delta));
    RC_ASSERT(json_of<TypeParam>(restored) == json_of<TypeParam>(earlier));
    RC_ASSERT(restored.version_of(kFresh) == edit->counter);
    if (json_of<TypeParam>(present) == json_of<TypeParam>(earlier)) RC_ASSERT(is_empty_state(edit->delta));

    // Somebody has edited meanwhile: both orders give the same.
    auto theirs = present;
    std::string delta;
    TypeParam::edit(theirs, kReplicas[1], pick, &delta);
    auto here = restored;
    join(here, theirs);
    join(theirs, decoded<typename TypeParam::State>(edit->delta));
    RC_ASSERT(here.encode() == theirs.encode());
  });
}

TEST(Restore, WhatOnlyGrowsCannotGoBack) {
  for (const FieldType type : {FieldType::g_counter, FieldType::ydoc}) {
    EXPECT_FALSE(can_be_restored(type));
    const auto edit = restore_field(type, empty_state(type), empty_state(type), kFresh, 1);
    ASSERT_FALSE(edit.ok());
    EXPECT_EQ(edit.error().code, ErrorCode::invalid);
  }
}

TEST(Restore, ACounterThatIsTooFarAwayIsNamed) {
  PnCounter present;
  ASSERT_TRUE(present.increment(1, INT64_MAX).ok());
  PnCounter earlier;
  ASSERT_TRUE(earlier.increment(2, INT64_MIN).ok());
  const auto edit = restore_field(FieldType::pn_counter, present.encode(), earlier.encode(), kFresh, 1);
  ASSERT_FALSE(edit.ok());
  EXPECT_EQ(edit.error().code, ErrorCode::out_of_range);
  EXPECT_NE(edit.error().detail.find("9223372036854775807"), std::string::npos);
}

// ---------------------------------------------------------------------- summaries

template <class State, class Edit>
std::string summary(FieldType type, Edit edit) {
  State state;
  std::string delta;
  EXPECT_TRUE(edit(state, &delta).ok());
  const auto text = delta_summary(type, delta);
  EXPECT_TRUE(text.ok());
  return *text;
}

TEST(DeltaSummary, SaysWhatAnEditDid) {
  Text text;
  ASSERT_TRUE(text.insert(1, 0, "Hello").ok());
  std::string delta;
  ASSERT_TRUE(text.splice(1, 1, 2, "\"é\"", &delta).ok());
  EXPECT_EQ(*delta_summary(FieldType::crdt_text, delta), "insert \"\\\"é\\\"\"; delete 2");
  EXPECT_EQ(summary<LwwMap>(FieldType::lww_map, [](LwwMap& map, std::string* out) { return map.set(1, 1, "k", "[1]", out); }),
            "set \"k\" = [1]");
  LwwMap map;
  ASSERT_TRUE(map.set(1, 1, "k", "1").ok());
  ASSERT_TRUE(map.unset(1, 1, "k", &delta).ok());
  EXPECT_EQ(*delta_summary(FieldType::lww_map, delta), "unset \"k\"");
  EXPECT_EQ(summary<OrSet>(FieldType::or_set, [](OrSet& set, std::string* out) { return set.add(1, "a", out); }), "add \"a\"");
  OrSet set;
  ASSERT_TRUE(set.add(1, "a").ok());
  ASSERT_TRUE(set.remove(1, "a", &delta).ok());
  EXPECT_EQ(*delta_summary(FieldType::or_set, delta), "remove");
  EXPECT_EQ(summary<PnCounter>(FieldType::pn_counter,
                               [](PnCounter& counter, std::string* out) { return counter.increment(1, -3, out); }),
            "count -3");
  EXPECT_EQ(summary<MvRegister>(FieldType::mv_register,
                                [](MvRegister& one, std::string* out) { return one.assign(1, "true", out); }),
            "assign true");
}

TEST(DeltaSummary, IsShortWhateverTheEdit) {
  const std::string long_text(100'000, 'x');
  EXPECT_EQ(summary<Text>(FieldType::crdt_text,
                          [&](Text& text, std::string* out) { return text.insert(1, 0, long_text, out); }),
            "insert \"" + std::string(39, 'x') + "…");
  LwwMap map;
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(map.set(1, 1, std::to_string(i), "1").ok());
  EXPECT_EQ(*delta_summary(FieldType::lww_map, map.encode()),
            "set \"0\" = 1; set \"1\" = 1; set \"2\" = 1; set \"3\" = 1; 5 more");
}

TEST(ValueJson, OfEveryTypesEmptyStateIsWhatIsInIt) {
  EXPECT_EQ(*value_json(FieldType::lww_map, empty_state(FieldType::lww_map)), "{}");
  EXPECT_EQ(*value_json(FieldType::or_set, empty_state(FieldType::or_set)), "[]");
  EXPECT_EQ(*value_json(FieldType::lww_set, empty_state(FieldType::lww_set)), "[]");
  EXPECT_EQ(*value_json(FieldType::crdt_text, empty_state(FieldType::crdt_text)), "\"\"");
  EXPECT_EQ(*value_json(FieldType::pn_counter, empty_state(FieldType::pn_counter)), "0");
  EXPECT_EQ(*value_json(FieldType::g_counter, empty_state(FieldType::g_counter)), "0");
  EXPECT_EQ(*value_json(FieldType::mv_register, empty_state(FieldType::mv_register)), "[]");
  EXPECT_EQ(*value_json(FieldType::ydoc, empty_state(FieldType::ydoc)), "{}");
  for (const FieldType type : {FieldType::lww_map, FieldType::crdt_text, FieldType::pn_counter, FieldType::ydoc}) {
    EXPECT_FALSE(value_json(type, "\xff").ok());
    EXPECT_FALSE(delta_summary(type, "\xff").ok() && type != FieldType::ydoc);
    EXPECT_FALSE(field_differences(type, "\xff", empty_state(type)).ok());
  }
}

}  // namespace
}  // namespace converge::property
