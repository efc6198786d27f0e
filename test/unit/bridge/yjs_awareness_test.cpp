// What a Yjs connection is told of who is there, and what counts of what it says.
#include "yjs_awareness.h"

#include <gtest/gtest.h>

namespace converge::bridge {
namespace {

constexpr std::uint64_t kAlice = 100;
constexpr std::uint64_t kBob = 200;
constexpr std::uint64_t kNative = 300;

wire::Presence native(std::uint64_t clock, const std::string& state) {
  wire::Presence presence;
  presence.set_peer(kNative);
  presence.set_field("body");
  presence.set_clock(clock);
  presence.set_state(state);
  presence.set_principal("ann");
  return presence;
}

wire::Presence yjs(std::uint64_t client, std::uint64_t clock, const std::string& state) {
  wire::Presence presence = presence_of({client, clock, state}, "body");
  presence.set_principal("bob");
  return presence;
}

std::vector<YjsAwareness> tell(YjsAwarenessView& view, const std::vector<wire::Presence>& peers, bool all = false) {
  wire::Presences presences;
  presences.set_all(all);
  for (const wire::Presence& presence : peers) *presences.add_peers() = presence;
  const std::string update = view.tell(presences, "body");
  return update.empty() ? std::vector<YjsAwareness>() : read_awareness_update(update).value();
}

TEST(YjsAwareness, a_client_is_told_with_its_principal_ahead_of_its_own_clock) {
  YjsAwarenessView view;
  view.be(kAlice);
  const auto told = tell(view, {yjs(kBob, 7, R"({"cursor":1})"), yjs(kAlice, 3, "{}")});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].client, kBob);
  EXPECT_EQ(told[0].clock, 7 + kAwarenessLead);
  EXPECT_EQ(told[0].state, R"({"cursor":1,"principal":"bob"})");
  const auto gone = tell(view, {yjs(kBob, 7, "")});
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].clock, 7 + kAwarenessLead);  // with the same clock, Yjs takes the end
  EXPECT_TRUE(gone[0].state.empty());
  EXPECT_TRUE(tell(view, {yjs(kBob, 8, "")}).empty());  // it knows
}

TEST(YjsAwareness, who_is_not_known_yet_is_told_with_the_clients_own_clocks) {
  YjsAwarenessView view;
  EXPECT_EQ(tell(view, {yjs(kBob, 7, "{}")}).at(0).clock, 7U);
}

TEST(YjsAwareness, the_servers_word_that_comes_back_is_no_news) {
  YjsAwarenessView view;
  EXPECT_FALSE(view.is_own({kAlice, 0, "{}"}));
  view.be(kAlice);
  EXPECT_TRUE(view.is_own({kAlice, kAwarenessLead, "{}"}));  // nothing was shown yet
  view.shows({kAlice, 5, "{}"});
  EXPECT_FALSE(view.is_own({kAlice, 5 + kAwarenessLead, "{}"}));
  EXPECT_TRUE(view.is_own({kAlice, 5 + kAwarenessLead, ""}));  // but that it ends is
  EXPECT_TRUE(view.is_own({kAlice, 6, "{}"}));
  EXPECT_TRUE(view.is_own({kAlice, 6 + kAwarenessLead, "{}"}));
  EXPECT_FALSE(view.is_own({kBob, 6, "{}"}));
}

TEST(YjsAwareness, what_is_later_than_the_servers_word_was_heard_elsewhere) {
  YjsAwarenessView view;
  view.be(kAlice);
  tell(view, {yjs(kBob, 7, "{}")});
  EXPECT_FALSE(view.is_from_elsewhere({kBob, 7 + kAwarenessLead, "{}"}));
  EXPECT_FALSE(view.is_from_elsewhere({kBob, 6, "{}"}));
  EXPECT_TRUE(view.is_from_elsewhere({kBob, 8 + kAwarenessLead, "{}"}));
  EXPECT_TRUE(view.is_from_elsewhere({kNative, 1, "{}"}));
  EXPECT_FALSE(view.is_from_elsewhere({kNative, 1, ""}));
  EXPECT_FALSE(view.is_from_elsewhere({kAlice, 9, "{}"}));
}

TEST(YjsAwareness, own_clients_clocks_ascend_also_to_another_connection) {
  YjsAwarenessView view;
  view.be(kAlice);
  EXPECT_FALSE(view.others_told_at());
  const std::uint64_t first = tell(view, {native(1, "{}")}).at(0).clock;
  EXPECT_TRUE(view.others_told_at());
  const std::uint64_t again = tell(view, {native(1, "{}")}).at(0).clock;
  EXPECT_GT(again, first);
  YjsAwarenessView next;
  EXPECT_GE(tell(next, {native(1, "{}")}).at(0).clock, first);
  EXPECT_GT(tell(view, {}, true).at(0).clock, 0U);  // nobody is there any more
  EXPECT_FALSE(view.others_told_at());
}

TEST(YjsAwareness, states_that_are_no_objects_are_not_told) {
  YjsAwarenessView view;
  view.be(kAlice);
  for (const char* state : {"\"here\"", "7", "[{\"a\":1}]", "\"}\""}) EXPECT_TRUE(tell(view, {native(1, state)}).empty());
  tell(view, {native(2, "{}")});
  EXPECT_TRUE(tell(view, {native(3, "[{}]")}).at(0).state.empty());
}

TEST(YjsAwareness, clocks_that_javascript_could_not_count_on_from_are_malformed) {
  EXPECT_TRUE(read_awareness_update(awareness_echo(yjs(kBob, kYjsClocks - 1 - 2 * kAwarenessLead, "{}"))));
  EXPECT_FALSE(read_awareness_update(awareness_echo(yjs(kBob, kYjsClocks - 2 * kAwarenessLead, "{}"))));
}

}  // namespace
}  // namespace converge::bridge
