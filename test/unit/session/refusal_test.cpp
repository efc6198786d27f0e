// What a refusal takes back, and what is made again.
#include "session/fixture.h"

namespace converge::session {
namespace {

TEST_F(Session, a_refusal_takes_back_the_change_and_makes_the_later_ones_again) {
  type(anna, 0, "base");
  server.sync(anna);
  type(anna, 4, " bad");
  type(anna, 0, "good ");
  set(anna, "k", "1");
  tag(anna, "t");
  EXPECT_EQ(text(anna), "good base bad");
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.seq, 2u);
  EXPECT_EQ(refusal.lost.size(), 1u);
  EXPECT_EQ(refusal.reapplied, 3u);
  EXPECT_EQ(text(anna), "good base");
  EXPECT_EQ(props(anna), R"({"k":1})");
  const auto offered = anna.unacknowledged();
  ASSERT_EQ(offered.size(), 3u);
  EXPECT_EQ(offered[0].replica, 101u);
  EXPECT_EQ(offered[0].seq, 1u);
  server.sync(anna);
  server.subscribe(anna);
  expect_equal_to_server(anna);
}

// Who may write at all loses only what the constraint said no to.
TEST_F(Session, a_violated_constraint_takes_back_its_change_alone) {
  type(anna, 0, "good");
  set(anna, "k", "\"forbidden\"");
  type(anna, 4, " text");
  tag(anna, "t");
  const Refusal refusal = refuse(anna, 2, Code::violates_constraint);
  EXPECT_EQ(refusal.reapplied, 2u);
  EXPECT_EQ(refusal.lost.size(), 1u);
  EXPECT_EQ(text(anna), "good text");
  EXPECT_EQ(props(anna), "{}");
}

TEST_F(Session, typing_behind_a_refused_character_stays_in_its_place) {
  type(anna, 0, "[]");
  server.sync(anna);
  type(anna, 1, "h");
  for (std::uint64_t i = 0; i < 4; ++i) type(anna, 2 + i, std::string(1, "ello"[i]));
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.reapplied, 4u);
  EXPECT_EQ(text(anna), "[ello]");
}

TEST_F(Session, what_a_refused_deletion_took_comes_back) {
  type(anna, 0, "abcdef");
  server.sync(anna);
  erase(anna, 1, 3);      // a ef
  type(anna, 1, "X");     // aXef
  erase(anna, 0, 1);      // Xef
  erase(anna, 1, 1);      // Xf
  EXPECT_EQ(text(anna), "Xf");
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.reapplied, 3u);
  EXPECT_EQ(text(anna), "Xbcdf");
}

// Of a document that cannot be seen no number is taken: what stands before the
// refused one may have met a locked row.
TEST_F(Session, a_refusal_says_nothing_of_the_changes_before_it) {
  type(anna, 0, "first");
  type(anna, 5, " second");
  const Change first = anna.unacknowledged()[0];
  auto refusal = anna.on_reject(first.replica, 2, static_cast<std::uint32_t>(Code::unknown_document), "", 0);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ(text(anna), "first");
  EXPECT_EQ(anna.pending(), 1u);
  EXPECT_EQ(anna.unacknowledged()[0].seq, 1u);
  refusal = anna.on_reject(first.replica, 1, static_cast<std::uint32_t>(Code::unknown_document), "", 0);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ(text(anna), "");
  EXPECT_EQ(anna.pending(), 0u);
}

TEST_F(Session, what_stands_between_two_edits_of_a_change_is_not_typed_again) {
  type(anna, 0, "[]");
  server.sync(anna);
  server.subscribe(bert);
  type(anna, 1, "bad");
  ASSERT_TRUE(anna.begin_change(++now).ok());
  ASSERT_TRUE(anna.text_insert("body", 0, "<").ok());
  ASSERT_TRUE(anna.text_insert("body", 6, ">").ok());
  ASSERT_TRUE(anna.commit_change().ok());
  EXPECT_EQ(text(anna), "<[bad]>");
  EXPECT_EQ(refuse(anna, 2, kMalformed).reapplied, 1u);
  EXPECT_EQ(text(anna), "<[]>");
  type(bert, 1, "mid");  // between the brackets that both know
  server.sync(bert);
  server.sync(anna);
  server.subscribe(anna);
  EXPECT_EQ(text(anna), "<[mid]>");
  expect_equal_to_server(anna);
}

TEST_F(Session, a_deletion_of_refused_text_alone_has_nothing_left_to_do) {
  type(anna, 0, "ab");
  server.sync(anna);
  type(anna, 1, "xyz");
  erase(anna, 2, 1);
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.reapplied, 0u);
  EXPECT_EQ(refusal.lost.size(), 2u);
  EXPECT_EQ(text(anna), "ab");
  EXPECT_EQ(anna.pending(), 0u);
}

TEST_F(Session, keys_that_others_set_since_are_left_to_them) {
  set(anna, "k", "\"refused\"");
  set(anna, "k", "\"mine\"");
  set(anna, "l", "\"mine too\"");
  now += 1000;
  set(bert, "k", "\"theirs\"");
  server.sync(bert);
  server.subscribe(anna);
  EXPECT_EQ(props(anna), R"({"k":"theirs","l":"mine too"})");
  const Refusal refusal = refuse(anna, 1, kMalformed);
  EXPECT_EQ(refusal.reapplied, 1u);
  EXPECT_EQ(props(anna), R"({"k":"theirs","l":"mine too"})");
  server.sync(anna);
  server.subscribe(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, removals_are_made_again_but_spare_what_others_added) {
  tag(anna, "a");
  tag(anna, "b");
  server.sync(anna);
  server.subscribe(bert);
  tag(anna, "refused");
  untag(anna, "a");
  untag(anna, "b");
  untag(anna, "refused");
  tag(bert, "b");
  server.sync(bert);
  server.subscribe(anna);
  const Refusal refusal = refuse(anna, 3, kMalformed);
  EXPECT_EQ(refusal.reapplied, 1u);
  EXPECT_EQ(tags(anna), std::vector<std::string>{"b"});
}

TEST_F(Session, where_writing_is_denied_nothing_is_tried_again) {
  type(anna, 0, "a");
  set(anna, "k", "1");
  const Refusal refusal = refuse(anna, 1, Code::denied);
  EXPECT_EQ(refusal.lost.size(), 2u);
  EXPECT_EQ(refusal.reapplied, 0u);
  EXPECT_EQ(text(anna), "");
  EXPECT_EQ(props(anna), "{}");
  EXPECT_TRUE(anna.unacknowledged().empty());
}

TEST_F(Session, changes_before_the_refused_one_were_committed) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  const auto offered = anna.unacknowledged();
  server.push(offered[0]);
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.lost.size(), 1u);
  EXPECT_EQ(text(anna), "a");
  server.subscribe(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, a_lost_refusal_is_learned_from_the_next_number) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  type(anna, 2, "c");
  const auto offered = anna.unacknowledged();
  server.push(offered[0]);
  server.refuse(offered[1]);
  auto refusal = anna.on_reject(100, 3, static_cast<std::uint32_t>(Code::after_refused), "", 2);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ((*refusal)->seq, 2u);
  EXPECT_EQ((*refusal)->reapplied, 1u);
  EXPECT_EQ(text(anna), "ac");
  // The verdicts on the old replica's other numbers come late.
  auto late = anna.on_reject(100, 3, static_cast<std::uint32_t>(Code::after_refused), "", 2);
  ASSERT_TRUE(late.ok());
  EXPECT_FALSE(late->has_value());
  EXPECT_EQ(text(anna), "ac");
}

TEST_F(Session, a_refused_number_in_the_log_waits_for_its_verdict) {
  type(anna, 0, "a");
  server.refuse(anna.unacknowledged()[0]);
  ASSERT_TRUE(anna.on_changes(server.log()).ok());
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
  EXPECT_EQ(anna.log_version(), server.version());
  EXPECT_EQ(server.push(anna.unacknowledged()[0]), Code::after_refused);
  auto refusal = anna.on_reject(100, 1, static_cast<std::uint32_t>(Code::after_refused), "", 1);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ(text(anna), "");
}

TEST_F(Session, counters_registers_and_sets_of_the_last_word_go_the_same_way) {
  const std::vector<FieldInfo> more = {{"votes", FieldType::pn_counter},
                                       {"visits", FieldType::g_counter},
                                       {"color", FieldType::mv_register},
                                       {"flags", FieldType::lww_set}};
  ASSERT_TRUE(anna.on_fields(more).ok());
  auto change = [&](auto edit) {
    ASSERT_TRUE(anna.begin_change(++now).ok());
    ASSERT_TRUE(edit().ok());
    ASSERT_TRUE(anna.commit_change().ok());
  };
  change([&] { return anna.counter_increment("votes", 5); });
  change([&] { return anna.counter_increment("votes", -7); });
  change([&] { return anna.counter_increment("visits", 1); });
  change([&] { return anna.register_assign("color", "\"red\""); });
  change([&] { return anna.register_assign("color", "\"blue\""); });
  change([&] { return anna.set_add("flags", "a"); });
  change([&] { return anna.set_add("flags", "b"); });
  change([&] { return anna.set_remove("flags", "a"); });
  ASSERT_TRUE(anna.begin_change(++now).ok());
  EXPECT_EQ(anna.counter_increment("visits", -1).error().message, "a g_counter only grows");
  EXPECT_EQ(anna.counter_increment("color", 1).error().message, "field has another type");
  EXPECT_EQ(anna.set_add("votes", "x").error().message, "field has another type");
  ASSERT_TRUE(anna.commit_change().ok());

  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  EXPECT_EQ(again.counter_value("votes").value(), -2);
  auto refusal = again.on_reject(100, 1, static_cast<std::uint32_t>(kMalformed), "no", 0);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ((*refusal)->reapplied, 7u);
  EXPECT_EQ(again.counter_value("votes").value(), -7);
  EXPECT_EQ(again.counter_value("visits").value(), 1);
  EXPECT_EQ(again.register_values("color").value(), std::vector<std::string>{"\"blue\""});
  EXPECT_EQ(again.set_elements("flags").value(), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace converge::session
