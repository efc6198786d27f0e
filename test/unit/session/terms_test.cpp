// Changes on terms: made once or not at all, and only where nobody else has written.
#include "fixture.h"

namespace converge::session {
namespace {

class OnTerms : public Session {
 protected:
  // A change of `key` on these terms; the change as it is offered.
  Change set_on(DocumentSession& session, std::string_view key, Terms terms) {
    EXPECT_TRUE(session.begin_change(++now, terms).ok());
    EXPECT_TRUE(session.map_set("props", key, "1").ok());
    const auto change = session.commit_change();
    EXPECT_TRUE(change.ok() && *change != nullptr);
    return **change;
  }

  // Pushes what is offered next, and tells the session the verdict.
  std::optional<Refusal> push_next(DocumentSession& session, std::uint64_t seq) {
    const auto offered = session.unacknowledged(seq);
    EXPECT_FALSE(offered.empty());
    const Change& change = offered.at(0);
    const Code code = server.push(change);
    if (code == Code::ok || code == Code::duplicate) {
      EXPECT_TRUE(session.on_ack(change.replica, change.seq).ok());
      return std::nullopt;
    }
    auto refusal = session.on_reject(change.replica, change.seq, static_cast<std::uint32_t>(code), "no", change.seq);
    EXPECT_TRUE(refusal.ok());
    return refusal.ok() ? *refusal : std::nullopt;
  }
};

TEST_F(OnTerms, WhatIsExpectedIsWhatTheSessionHasSeen) {
  set(bert, "b", "1");
  server.sync(bert);
  server.subscribe(anna);
  const Change change = set_on(anna, "a", {.expect = true});
  EXPECT_EQ(LogVersion::decode(change.expect).value().get(200), 1u);
  EXPECT_TRUE(anna.awaits(change.replica, change.seq));
  EXPECT_FALSE(push_next(anna, 1));
  EXPECT_FALSE(anna.awaits(change.replica, change.seq));
  EXPECT_EQ(props(anna), R"({"a":1,"b":1})");
  server.subscribe(bert);
  expect_equal_to_server(bert);
}

TEST_F(OnTerms, OnlyWhereNobodyElseHasWrittenSince) {
  const Change change = set_on(anna, "a", {.expect = true});
  set(bert, "b", "1");
  server.sync(bert);
  const auto refusal = push_next(anna, 1);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(static_cast<Code>(refusal->code), Code::expectation_failed);
  ASSERT_EQ(refusal->lost.size(), 1u);
  EXPECT_FALSE(anna.awaits(change.replica, change.seq));
  EXPECT_EQ(props(anna), "{}");
  // Having seen it, it may.
  server.subscribe(anna);
  set_on(anna, "a", {.expect = true});
  EXPECT_FALSE(push_next(anna, 0));
  EXPECT_EQ(props(anna), R"({"a":1,"b":1})");
  expect_equal_to_server(anna);
}

TEST_F(OnTerms, ItsOwnEarlierChangesAreExpectedUnderWhateverReplica) {
  set(anna, "x", "1");
  refuse(anna, 1, Code::denied);
  set(anna, "y", "1");
  set_on(anna, "a", {.expect = true});
  while (anna.pending() > 0) ASSERT_FALSE(push_next(anna, 0));
  expect_equal_to_server(anna);
}

TEST_F(OnTerms, OneThatExpectsSomethingIsSentByItself) {
  set(anna, "x", "1");
  set_on(anna, "a", {.expect = true});
  set(anna, "y", "1");
  set_on(anna, "b", {.once = true});
  const auto sizes = [&](std::uint64_t from) { return anna.unacknowledged(from).size(); };
  EXPECT_EQ(sizes(1), 1u);
  EXPECT_EQ(sizes(2), 1u);
  EXPECT_FALSE(anna.unacknowledged(2)[0].expect.empty());
  EXPECT_EQ(sizes(3), 2u);
}

TEST_F(OnTerms, IsLostWithTheRefusalOfOneBeforeItAndNotMadeAgain) {
  set(anna, "x", "1");
  const Change once = set_on(anna, "a", {.once = true});
  set(anna, "y", "1");
  const Refusal refusal = refuse(anna, 1, kMalformed);
  EXPECT_EQ(refusal.lost.size(), 2u);
  EXPECT_EQ(refusal.reapplied, 1u);
  EXPECT_FALSE(anna.awaits(once.replica, once.seq));
  EXPECT_EQ(props(anna), R"({"y":1})");
  server.sync(anna);
  expect_equal_to_server(anna);
}

TEST_F(OnTerms, WhatComesBehindALostOneIsMadeAgain) {
  type(anna, 0, "Hello");
  server.sync(anna);
  server.subscribe(bert);
  ASSERT_TRUE(anna.begin_change(++now, {.expect = true}).ok());
  ASSERT_TRUE(anna.text_insert("body", 5, " there").ok());
  ASSERT_TRUE(anna.commit_change().ok());
  type(anna, 11, "!");
  set(bert, "b", "1");
  server.sync(bert);
  const auto refusal = push_next(anna, 2);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reapplied, 1u);
  EXPECT_EQ(text(anna), "Hello!");
  server.subscribe(anna);
  server.sync(anna);
  expect_equal_to_server(anna);
}

TEST_F(OnTerms, IsNotOfferedToARestoredServer) {
  anna.on_epoch(1);
  set(anna, "x", "1");
  const Change once = set_on(anna, "a", {.once = true});
  set(anna, "y", "1");
  EXPECT_FALSE(anna.take_refusal());
  anna.on_epoch(2);
  EXPECT_FALSE(anna.awaits(once.replica, once.seq));
  const auto refusal = anna.take_refusal();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(static_cast<Code>(refusal->code), Code::aborted);
  EXPECT_EQ(refusal->lost.size(), 1u);
  EXPECT_FALSE(anna.take_refusal());
  // Nor is one made before it is known what the server holds: the offer is one change.
  EXPECT_FALSE(anna.begin_change(++now, {.once = true}).ok());
  server.subscribe(anna);
  server.sync(anna);
  EXPECT_EQ(props(anna), R"({"x":1,"y":1})");
  expect_equal_to_server(anna);
}

TEST_F(OnTerms, AreNotMadeOneWithOthers) {
  set(anna, "x", "1");
  set_on(anna, "a", {.once = true});
  anna.reconcile();
  EXPECT_FALSE(anna.needs_pull());
  EXPECT_EQ(anna.unacknowledged().size(), 2u);
}

TEST_F(OnTerms, AreKeptAcrossARestart) {
  set(anna, "x", "1");
  const Change before = set_on(anna, "a", {.expect = true});
  DocumentSession again(replicas_from(300));
  ASSERT_TRUE(again.load(anna.save()).ok());
  EXPECT_EQ(again.save(), anna.save());
  EXPECT_EQ(again.unacknowledged(2).at(0).expect, before.expect);
  set(bert, "b", "1");
  server.sync(bert);
  ASSERT_FALSE(push_next(again, 1));
  const auto refusal = push_next(again, 2);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(props(again), R"({"x":1})");
  // One that another session takes over is given up where the server was restored.
  anna.on_epoch(1);
  bert.on_epoch(2);
  ASSERT_TRUE(bert.adopt(anna.save()).ok());
  const auto given_up = bert.take_refusal();
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->lost.size(), 1u);
  EXPECT_EQ(props(bert), R"({"b":1,"x":1})");
}

TEST_F(OnTerms, ASessionSavedWithoutTermsIsRead) {
  set(anna, "x", "1");
  std::string saved = anna.save();
  ASSERT_EQ(saved[0], '\xc2');
  // The one entry's terms are two zero bytes behind its replica, number and clock.
  const Change offered = anna.unacknowledged().at(0);
  const std::size_t at = saved.find(std::string("\0\0\1\5props", 8));
  ASSERT_NE(at, std::string::npos);
  saved.erase(at, 2);
  saved[0] = '\xc1';
  DocumentSession again(replicas_from(300));
  ASSERT_TRUE(again.load(saved).ok());
  EXPECT_EQ(again.unacknowledged().at(0).fields, offered.fields);
}

}  // namespace
}  // namespace converge::session
