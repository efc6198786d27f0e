// What a client sends, and what comes from others.
#include "session/fixture.h"

namespace converge::session {
namespace {

// ---- numbers, acknowledgement, resending

TEST_F(Session, numbers_its_changes_from_one_without_gaps) {
  type(anna, 0, "a");
  set(anna, "k", "1");
  tag(anna, "t");
  const auto offered = anna.unacknowledged();
  ASSERT_EQ(offered.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(offered[i].seq, i + 1);
    EXPECT_EQ(offered[i].replica, 100u);
    EXPECT_EQ(offered[i].fields.size(), 1u);
  }
  EXPECT_LT(offered[0].hlc, offered[1].hlc);
}

TEST_F(Session, one_change_may_hold_edits_of_several_fields) {
  ASSERT_TRUE(anna.begin_change(1).ok());
  ASSERT_TRUE(anna.text_insert("body", 0, "ab").ok());
  ASSERT_TRUE(anna.text_insert("body", 1, "-").ok());
  ASSERT_TRUE(anna.map_set("props", "k", "1").ok());
  ASSERT_TRUE(anna.map_set("props", "l", "2").ok());
  auto change = anna.commit_change();
  ASSERT_TRUE(change.ok());
  EXPECT_EQ((*change)->fields.size(), 2u);
  server.sync(anna);
  server.subscribe(bert);
  EXPECT_EQ(text(bert), "a-b");
  EXPECT_EQ(props(bert), R"({"k":1,"l":2})");
}

TEST_F(Session, a_change_that_changed_nothing_has_no_number) {
  ASSERT_TRUE(anna.begin_change(1).ok());
  ASSERT_TRUE(anna.set_remove("tags", "absent").ok());
  auto change = anna.commit_change();
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(*change, nullptr);
  EXPECT_TRUE(anna.unacknowledged().empty());
}

TEST_F(Session, an_edit_that_fails_leaves_the_open_change_as_it_was) {
  ASSERT_TRUE(anna.begin_change(1).ok());
  ASSERT_TRUE(anna.text_insert("body", 0, "ab").ok());
  EXPECT_EQ(anna.text_insert("body", 9, "x").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(anna.map_set("props", "k", "{").error().code, ErrorCode::malformed);
  EXPECT_EQ(anna.map_set("body", "k", "1").error().message, "field has another type");
  EXPECT_EQ(anna.set_add("nothing", "k").error().message, "no such field");
  auto change = anna.commit_change();
  ASSERT_TRUE(change.ok());
  EXPECT_EQ((*change)->fields.size(), 1u);
  EXPECT_EQ(text(anna), "ab");
}

TEST_F(Session, edits_stand_between_begin_and_commit) {
  EXPECT_EQ(anna.text_insert("body", 0, "x").error().message, "no change is open");
  EXPECT_FALSE(anna.commit_change().ok());
  ASSERT_TRUE(anna.begin_change(1).ok());
  EXPECT_FALSE(anna.begin_change(1).ok());
  EXPECT_FALSE(anna.on_changes({}).ok());
}

TEST_F(Session, an_ack_empties_the_journal_up_to_its_number) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  type(anna, 2, "c");
  ASSERT_TRUE(anna.on_ack(100, 2).ok());
  ASSERT_EQ(anna.unacknowledged().size(), 1u);
  EXPECT_EQ(anna.unacknowledged()[0].seq, 3u);
  EXPECT_EQ(LogVersion::decode(anna.log_version()).value().get(100), 2u);
  ASSERT_TRUE(anna.on_ack(100, 2).ok());  // again
  ASSERT_TRUE(anna.on_ack(999, 7).ok());  // of somebody else
  EXPECT_EQ(anna.pending(), 1u);
  EXPECT_EQ(text(anna), "abc");
}

TEST_F(Session, offers_again_what_was_not_acknowledged) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  const auto first = anna.unacknowledged();
  EXPECT_EQ(server.push(first[0]), Code::ok);  // and the connection breaks
  const auto again = anna.unacknowledged();
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(server.push(again[0]), Code::duplicate);
  EXPECT_EQ(server.push(again[1]), Code::ok);
  ASSERT_TRUE(anna.on_ack(100, 2).ok());
  EXPECT_TRUE(anna.unacknowledged().empty());
  expect_equal_to_server(anna);
}

TEST_F(Session, offers_from_a_number_and_up_to_a_size) {
  for (int i = 0; i < 5; ++i) type(anna, 0, "x");
  EXPECT_EQ(anna.unacknowledged(4).size(), 2u);
  EXPECT_EQ(anna.unacknowledged(4)[0].seq, 4u);
  EXPECT_EQ(anna.unacknowledged(0, 1).size(), 1u);
  EXPECT_TRUE(anna.unacknowledged(6).empty());
}

TEST_F(Session, a_gap_is_no_refusal) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  auto verdict = anna.on_reject(100, 2, static_cast<std::uint32_t>(Code::gap), "", 1);
  ASSERT_TRUE(verdict.ok());
  EXPECT_FALSE(verdict->has_value());
  EXPECT_EQ(anna.unacknowledged(1).size(), 2u);
  EXPECT_FALSE(anna.needs_pull());
}

TEST_F(Session, what_is_only_unavailable_is_kept) {
  type(anna, 0, "a");
  for (Code code : {Code::unavailable, Code::unauthenticated, Code::limit}) {
    auto verdict = anna.on_reject(100, 1, static_cast<std::uint32_t>(code), "", 0);
    ASSERT_TRUE(verdict.ok());
    EXPECT_FALSE(verdict->has_value());
  }
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
}

TEST_F(Session, refuses_more_than_the_journal_may_hold) {
  for (std::size_t i = 0; i < kMaxJournalChanges; ++i) tag(anna, "t");
  EXPECT_EQ(anna.begin_change(1).error().code, ErrorCode::too_large);
  ASSERT_TRUE(anna.on_ack(100, 10).ok());
  EXPECT_TRUE(anna.begin_change(1).ok());
}

// ---- what comes from others

TEST_F(Session, skips_what_it_knows) {
  type(bert, 0, "x");
  server.sync(bert);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(anna.on_changes(server.log()).ok());
  EXPECT_EQ(text(anna), "x");
  expect_equal_to_server(anna);
}

TEST_F(Session, a_hole_asks_for_a_pull_and_nothing_is_skipped) {
  for (int i = 0; i < 3; ++i) type(bert, static_cast<std::uint64_t>(i), "x");
  set(bert, "k", "1");
  server.sync(bert);
  auto log = server.log();
  Change other;
  other.replica = 7;
  other.seq = 1;
  std::string delta;
  OrSet set;
  ASSERT_TRUE(set.add(7, "seven", &delta).ok());
  other.fields = {{"tags", delta}};
  server.push(other);
  auto update = anna.on_changes({log[0], log[2], log[3], other});
  ASSERT_TRUE(update.ok());
  EXPECT_TRUE(update->needs_pull);
  EXPECT_EQ(text(anna), "x");
  EXPECT_EQ(tags(anna), std::vector<std::string>{"seven"});
  EXPECT_EQ(LogVersion::decode(anna.log_version()).value().to_text(), R"({"7": 1, "200": 1})");
  server.subscribe(anna);
  EXPECT_FALSE(anna.needs_pull());
  expect_equal_to_server(anna);
}

TEST_F(Session, its_own_change_coming_back_proves_the_commit) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  for (const Change& change : anna.unacknowledged()) server.push(change);
  ASSERT_TRUE(anna.on_changes(server.log()).ok());
  EXPECT_EQ(anna.pending(), 0u);
  EXPECT_EQ(text(anna), "ab");
  ASSERT_TRUE(anna.on_ack(100, 2).ok());
  expect_equal_to_server(anna);
}

TEST_F(Session, a_state_covers_changes_but_acknowledges_none) {
  type(bert, 0, "old ");
  server.sync(bert);
  type(anna, 0, "a");
  const auto offered = anna.unacknowledged();
  server.push(offered[0]);
  ASSERT_TRUE(anna.on_state(server.state(), server.version()).ok());
  ASSERT_TRUE(anna.on_caught_up(server.version()).ok());
  EXPECT_EQ(anna.log_version(), server.version());
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
  server.sync(anna);
  EXPECT_EQ(anna.pending(), 0u);
  expect_equal_to_server(anna);
}

TEST_F(Session, a_field_that_was_added_since_comes_with_its_first_change) {
  LwwMap map;
  std::string delta;
  ASSERT_TRUE(map.set(7, 1, "k", "1", &delta).ok());
  Change change;
  change.replica = 7;
  change.seq = 1;
  change.fields = {{"extra", delta}};
  ASSERT_TRUE(anna.on_changes({change}).ok());
  EXPECT_EQ(anna.map_json("extra").value(), R"({"k":1})");
  EXPECT_EQ(anna.on_fields({{"extra", FieldType::or_set}}).error().code, ErrorCode::wrong_type);
}

TEST_F(Session, tells_when_the_row_went) {
  Change change;
  change.replica = 7;
  change.seq = 1;
  change.operation = Operation::remove;
  auto update = anna.on_changes({change});
  ASSERT_TRUE(update.ok());
  EXPECT_TRUE(update->deleted);
  EXPECT_EQ(anna.begin_change(1).error().message, "the document is deleted");
}

TEST_F(Session, tells_how_a_text_changed) {
  anna.observe_text(true);
  type(anna, 0, "h😀llo");
  type(bert, 0, "ö");
  server.sync(anna);
  server.subscribe(bert);
  erase(bert, 2, 2);
  server.sync(bert);
  const std::string before = text(anna);
  auto update = anna.on_changes(server.changes_since(anna.log_version()));
  ASSERT_TRUE(update.ok());
  ASSERT_EQ(update->fields.size(), 1u);
  ASSERT_EQ(update->fields[0].splices.size(), 1u);
  EXPECT_EQ(update->fields[0].splices[0], *splice_between(before, text(anna)));
  update = anna.on_changes(server.log());
  ASSERT_TRUE(update.ok());
  EXPECT_TRUE(update->fields.empty());
}

TEST_F(Session, a_change_that_makes_no_sense_is_named) {
  Change change;
  change.replica = 7;
  change.seq = 1;
  change.fields = {{"body", "\x31garbage"}};
  EXPECT_EQ(anna.on_changes({change}).error().code, ErrorCode::malformed);
  change.fields = {{"body", "\x11"}};
  EXPECT_EQ(anna.on_changes({change}).error().code, ErrorCode::wrong_type);
  change.replica = kReplicaLimit;
  EXPECT_EQ(anna.on_changes({change}).error().message, "malformed change");
  EXPECT_EQ(anna.log_version(), LogVersion().encode());
}

}  // namespace
}  // namespace converge::session
