// A document that a session makes itself.
#include "session/fixture.h"

namespace converge::session {
namespace {

class Creation : public Session {
 protected:
  Creation() : carl(replicas_from(300)) {}

  void create(std::string_view words) {
    ASSERT_TRUE(carl.on_fields(Server::fields()).ok());
    ASSERT_TRUE(carl.begin_creation(++now).ok());
    if (!words.empty()) {
      ASSERT_TRUE(carl.text_insert("body", 0, words).ok());
    }
    auto made = carl.commit_change();
    ASSERT_TRUE(made.ok());
    ASSERT_NE(*made, nullptr);
  }

  DocumentSession carl;
};

TEST_F(Creation, the_change_that_makes_the_document_goes_first_and_alone) {
  create("");
  type(carl, 0, "more");
  EXPECT_TRUE(carl.creating());
  EXPECT_EQ(carl.pending(), 2u);
  const auto first = carl.unacknowledged();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].operation, Operation::insert);
  EXPECT_EQ(first[0].seq, 1u);
  EXPECT_TRUE(first[0].fields.empty());
  EXPECT_TRUE(carl.unacknowledged(2).empty());

  ASSERT_TRUE(carl.on_ack(first[0].replica, 1).ok());
  EXPECT_FALSE(carl.creating());
  const auto rest = carl.unacknowledged();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].operation, Operation::update);
  EXPECT_EQ(rest[0].seq, 2u);
  LogVersion known;
  known.set(first[0].replica, 1);
  EXPECT_EQ(carl.log_version(), known.encode());
}

TEST_F(Creation, is_for_a_session_that_knows_nothing_but_the_fields) {
  EXPECT_FALSE(carl.begin_creation(++now).ok());
  create("a");
  EXPECT_FALSE(carl.begin_creation(++now).ok());
  type(anna, 0, "a");
  EXPECT_FALSE(anna.begin_creation(++now).ok());
  server.sync(anna);
  EXPECT_FALSE(anna.begin_creation(++now).ok());
}

TEST_F(Creation, refused_takes_everything_with_it) {
  create("a");
  type(carl, 1, "b");
  tag(carl, "t");
  const Change first = carl.unacknowledged()[0];
  auto refusal = carl.on_reject(first.replica, 1, static_cast<std::uint32_t>(Code::violates_constraint), "no", 0);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ((*refusal)->lost.size(), 3u);
  EXPECT_EQ((*refusal)->reapplied, 0u);
  EXPECT_EQ(carl.pending(), 0u);
  EXPECT_FALSE(carl.creating());
  EXPECT_EQ(text(carl), "");
}

TEST_F(Creation, is_kept_and_offered_again_as_it_was) {
  create("a");
  type(carl, 1, "b");
  const Change first = carl.unacknowledged()[0];
  DocumentSession again(replicas_from(400));
  ASSERT_TRUE(again.load(carl.save()).ok());
  EXPECT_TRUE(again.creating());
  ASSERT_EQ(again.unacknowledged().size(), 1u);
  EXPECT_EQ(again.unacknowledged()[0].replica, first.replica);
  EXPECT_EQ(again.unacknowledged()[0].operation, Operation::insert);
  EXPECT_EQ(text(again), "ab");
}

// A server that was restored has forgotten nothing of a document that it was never
// told of.
TEST_F(Creation, another_epoch_is_no_recovery) {
  create("a");
  carl.on_epoch(7);
  carl.on_epoch(8);
  EXPECT_FALSE(carl.needs_pull());
  EXPECT_TRUE(carl.creating());
  EXPECT_EQ(text(carl), "a");
}

}  // namespace
}  // namespace converge::session
