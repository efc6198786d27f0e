// A client that was restarted, and a server that was restored.
#include "core/history/authorship.h"
#include "session/fixture.h"

namespace converge::session {
namespace {

// ---- restart

TEST_F(Session, what_was_saved_is_there_again) {
  type(anna, 0, "acknowledged ");
  server.sync(anna);
  type(anna, 0, "journal ");
  set(anna, "k", "[1]");
  tag(anna, "t");
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  EXPECT_EQ(text(again), text(anna));
  EXPECT_EQ(props(again), props(anna));
  EXPECT_EQ(tags(again), tags(anna));
  EXPECT_EQ(again.log_version(), anna.log_version());
  EXPECT_EQ(again.save(), anna.save());
  ASSERT_EQ(again.unacknowledged().size(), 3u);
  EXPECT_EQ(again.unacknowledged()[0].seq, 2u);
}

TEST_F(Session, what_another_session_left_is_adopted) {
  type(bert, 0, "both ");
  server.sync(bert);
  type(bert, 5, "left");
  set(bert, "k", "1");
  server.push(bert.unacknowledged()[0]);  // the acknowledgement did not come
  anna.observe_text(true);
  type(anna, 0, "own ");
  EXPECT_EQ(anna.adopt(bert.save()).error().message, "session has changes to offer");
  server.sync(anna);
  const auto update = anna.adopt(bert.save());
  ASSERT_TRUE(update.ok());
  EXPECT_EQ(update->fields.size(), 3u);
  EXPECT_EQ(anna.pending(), 2u);
  EXPECT_EQ(anna.unacknowledged()[0].replica, 200u);
  type(anna, 0, "new ");
  server.sync(anna);
  server.sync(anna);
  server.subscribe(anna);
  EXPECT_EQ(anna.pending(), 0u);
  EXPECT_EQ(server.log().back().replica, 101u);
  expect_equal_to_server(anna);
  EXPECT_EQ(text(anna).size(), std::string("new own both left").size());
}

TEST_F(Session, what_was_left_before_a_restore_is_offered_after_it) {
  anna.on_epoch(2);
  server.subscribe(anna);
  bert.on_epoch(1);
  type(bert, 0, "left");
  ASSERT_TRUE(anna.adopt(bert.save()).ok());
  EXPECT_TRUE(anna.needs_pull());
  EXPECT_EQ(text(anna), "left");
  server.subscribe(anna);
  server.sync(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, a_restored_session_writes_under_a_fresh_replica) {
  type(anna, 0, "a");
  const std::string saved = anna.save();
  type(anna, 1, "LOST");  // sent and committed, but the save is older
  for (const Change& change : anna.unacknowledged()) server.push(change);
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(saved).ok());
  type(again, 1, "b");
  // The old replica's changes first; the new one's wait for them.
  ASSERT_EQ(again.unacknowledged().size(), 1u);
  EXPECT_EQ(again.unacknowledged()[0].replica, 100u);
  server.sync(again);
  ASSERT_EQ(again.unacknowledged().size(), 1u);
  EXPECT_EQ(again.unacknowledged()[0].replica, 500u);
  EXPECT_EQ(again.unacknowledged()[0].seq, 1u);
  server.sync(again);
  server.subscribe(again);
  expect_equal_to_server(again);
  EXPECT_NE(text(again).find("LOST"), std::string::npos);
}

TEST_F(Session, a_refusal_after_a_restart_makes_the_saved_edits_again) {
  type(anna, 0, "bad");
  type(anna, 3, " good");
  set(anna, "k", "1");
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  set(again, "l", "2");
  const Refusal refusal = refuse(again, 1, kMalformed);
  EXPECT_EQ(refusal.reapplied, 3u);
  EXPECT_EQ(text(again), " good");
  EXPECT_EQ(props(again), R"({"k":1,"l":2})");
  EXPECT_EQ(again.unacknowledged().size(), 3u);
}

TEST_F(Session, loads_only_what_was_saved) {
  type(anna, 0, "a");
  set(anna, "k", "1");
  server.sync(anna);
  set(anna, "k", "2");
  tag(anna, "t");
  const std::string saved = anna.save();
  for (std::size_t size = 0; size < saved.size(); ++size) {
    DocumentSession other(replicas_from(1));
    EXPECT_FALSE(other.load(std::string_view(saved).substr(0, size)).ok()) << size;
  }
  for (std::size_t at = 0; at < saved.size(); ++at) {
    for (int flip : {1, 2, 4, 64, 128}) {
      std::string damaged = saved;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      DocumentSession other(replicas_from(1));
      if (!other.load(damaged).ok()) {
        EXPECT_TRUE(other.fields().empty());
      }
    }
  }
  EXPECT_EQ(anna.load(saved).error().message, "session is in use");
}

// ---- a client that was away

TEST_F(Session, what_waited_through_an_absence_is_offered_as_one_change) {
  type(anna, 0, "before ");
  server.sync(anna);
  type(anna, 7, "c");
  server.push(anna.unacknowledged()[0]);  // its acknowledgement was lost
  for (const char* letter : {"a", "b", "c"}) type(anna, 0, letter);
  set(anna, "k", "1");
  tag(anna, "t");
  set(bert, "other", "2");
  server.sync(bert);
  const std::string shown = text(anna);
  const std::size_t logged = server.log().size();

  anna.reconcile();
  EXPECT_TRUE(anna.needs_pull());
  EXPECT_TRUE(anna.unacknowledged().empty());
  type(anna, 0, "meanwhile ");
  server.subscribe(anna);
  ASSERT_EQ(anna.unacknowledged().size(), 1u);
  EXPECT_EQ(anna.unacknowledged()[0].replica, 101u);
  server.sync(anna);
  EXPECT_EQ(server.log().size(), logged + 1);
  EXPECT_EQ(text(anna), "meanwhile " + shown);
  expect_equal_to_server(anna);
  type(anna, 0, "on ");
  server.sync(anna);
  expect_equal_to_server(anna);
}

// What the server left out on purpose (converge.quarantine) is not this user's to offer.
TEST_F(Session, others_edits_that_the_server_has_no_more_are_not_offered_after_an_absence) {
  type(bert, 0, "bert's ");
  set(bert, "k", "1");
  const Server without = server;
  server.sync(bert);
  server.subscribe(anna);
  for (const char* letter : {"a", "b"}) type(anna, 7, letter);
  anna.reconcile();
  ASSERT_TRUE(anna.on_state(without.state(), server.version()).ok());
  ASSERT_TRUE(anna.on_caught_up(server.version()).ok());
  ASSERT_EQ(anna.unacknowledged().size(), 1u);
  const Change offered = anna.unacknowledged()[0];
  ASSERT_EQ(offered.fields.size(), 1u);
  EXPECT_EQ(offered.fields[0].field, "body");
  const auto items = items_of(FieldType::crdt_text, offered.fields[0].delta);
  ASSERT_TRUE(items.ok());
  for (const ItemRange& item : *items) EXPECT_EQ(item.replica, 100u);
  EXPECT_EQ(text(anna), "bert's ba");
}

TEST_F(Session, a_document_is_made_before_what_waits_becomes_one_change) {
  DocumentSession maker(replicas_from(300));
  ASSERT_TRUE(maker.on_fields(Server::fields()).ok());
  ASSERT_TRUE(maker.begin_creation(++now).ok());
  ASSERT_TRUE(maker.commit_change().ok());
  type(maker, 0, "a");
  maker.reconcile();
  EXPECT_FALSE(maker.needs_pull());
  ASSERT_EQ(maker.unacknowledged().size(), 1u);
  EXPECT_EQ(maker.unacknowledged()[0].operation, Operation::insert);
}

TEST_F(Session, there_is_nothing_to_reconcile_in_one_change) {
  type(anna, 0, "a");
  anna.reconcile();
  EXPECT_FALSE(anna.needs_pull());
  ASSERT_EQ(anna.unacknowledged().size(), 1u);
  EXPECT_EQ(anna.unacknowledged()[0].replica, 100u);
}

// ---- a server that was restored

TEST_F(Session, offers_again_what_a_restored_server_forgot) {
  anna.on_epoch(1);
  bert.on_epoch(1);
  type(anna, 0, "kept ");
  server.sync(anna);
  const Server backup = server;
  type(anna, 5, "forgotten ");
  server.sync(anna);
  server.subscribe(bert);
  set(bert, "k", "\"forgotten too\"");
  server.sync(bert);
  server.subscribe(anna);
  type(anna, 0, "unsent ");

  server = backup;
  anna.on_epoch(2);
  EXPECT_TRUE(anna.needs_pull());
  EXPECT_TRUE(anna.unacknowledged().empty());
  EXPECT_EQ(anna.pending(), 1u);
  EXPECT_EQ(anna.log_version(), LogVersion().encode());
  EXPECT_EQ(text(anna), "unsent kept forgotten ");
  type(anna, 0, "meanwhile ");
  server.subscribe(anna);
  EXPECT_FALSE(anna.needs_pull());
  const auto offered = anna.unacknowledged();
  ASSERT_EQ(offered.size(), 1u);
  EXPECT_EQ(offered[0].replica, 101u);
  EXPECT_EQ(offered[0].seq, 1u);
  server.sync(anna);
  expect_equal_to_server(anna);
  EXPECT_EQ(text(anna), "meanwhile unsent kept forgotten ");
  EXPECT_EQ(props(anna), R"({"k":"forgotten too"})");

  bert.on_epoch(2);
  server.subscribe(bert);
  server.sync(bert);
  expect_equal_to_server(bert);
  type(anna, 0, "and on ");
  server.sync(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, the_same_epoch_again_changes_nothing) {
  anna.on_epoch(1);
  type(anna, 0, "a");
  anna.on_epoch(1);
  EXPECT_FALSE(anna.needs_pull());
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
}

TEST_F(Session, a_server_that_has_all_gets_no_offer) {
  anna.on_epoch(1);
  type(anna, 0, "a");
  server.sync(anna);
  anna.on_epoch(2);
  EXPECT_EQ(anna.pending(), 1u);  // nobody knows yet
  server.subscribe(anna);
  EXPECT_EQ(anna.pending(), 0u);
  EXPECT_TRUE(anna.unacknowledged().empty());
  expect_equal_to_server(anna);
}

TEST_F(Session, a_gap_below_what_was_acknowledged_shows_that_the_server_forgot) {
  type(anna, 0, "a");
  const Server backup = server;
  server.sync(anna);
  type(anna, 1, "b");
  server = backup;
  auto verdict = anna.on_reject(100, 2, static_cast<std::uint32_t>(Code::gap), "", 1);
  ASSERT_TRUE(verdict.ok());
  EXPECT_TRUE(anna.needs_pull());
  server.subscribe(anna);
  server.sync(anna);
  expect_equal_to_server(anna);
  EXPECT_EQ(text(anna), "ab");
}

TEST_F(Session, a_recovery_survives_a_restart) {
  anna.on_epoch(1);
  type(anna, 0, "forgotten");
  server.sync(anna);
  server = Server();
  anna.on_epoch(2);
  type(anna, 0, "meanwhile ");
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  EXPECT_TRUE(again.needs_pull());
  EXPECT_EQ(text(again), "meanwhile forgotten");
  server.subscribe(again);
  server.sync(again);
  EXPECT_EQ(text(again), "meanwhile forgotten");
  expect_equal_to_server(again);
}

TEST_F(Session, a_catch_up_that_leaves_a_hole_asks_for_another) {
  type(bert, 0, "a");
  type(bert, 1, "b");
  server.sync(bert);
  ASSERT_TRUE(anna.on_changes({server.log()[0]}).ok());
  ASSERT_TRUE(anna.on_caught_up(server.version()).ok());
  EXPECT_TRUE(anna.needs_pull());
  server.subscribe(anna);
  EXPECT_FALSE(anna.needs_pull());
  EXPECT_EQ(text(anna), "ab");
}

// A bridge that outlives its server asks the restored one from what it has sent.
TEST_F(Session, a_catch_up_from_before_the_restore_does_not_end_the_recovery) {
  type(bert, 0, "kept");
  server.sync(bert);
  anna.on_epoch(1);
  server.subscribe(anna);
  anna.on_epoch(2);
  ASSERT_TRUE(anna.on_changes({}).ok());
  ASSERT_TRUE(anna.on_caught_up(server.version()).ok());
  EXPECT_TRUE(anna.needs_pull());
  EXPECT_TRUE(anna.unacknowledged().empty());
  server.subscribe(anna);
  EXPECT_FALSE(anna.needs_pull());
  EXPECT_EQ(text(anna), "kept");
  EXPECT_TRUE(anna.unacknowledged().empty());
}

TEST_F(Session, what_is_acknowledged_after_a_recovery_took_it_over_is_asked_for) {
  anna.on_epoch(1);
  type(anna, 0, "sent");
  const Change sent = anna.unacknowledged()[0];
  anna.on_epoch(2);
  ASSERT_TRUE(anna.on_changes({}).ok());
  ASSERT_TRUE(anna.on_caught_up(server.version()).ok());
  server.push(sent);  // it was under way to the restored server
  ASSERT_TRUE(anna.on_ack(sent.replica, sent.seq).ok());
  EXPECT_TRUE(anna.needs_pull());
  refuse(anna, 1, kMalformed);  // the offer of it
  server.subscribe(anna);
  EXPECT_FALSE(anna.needs_pull());
  EXPECT_EQ(text(anna), "sent");
}

}  // namespace
}  // namespace converge::session
