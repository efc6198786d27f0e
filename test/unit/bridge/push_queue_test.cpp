// Which lane takes which push: each document's in the order in which they came, and
// nobody waits for ever.
#include "push_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace converge::bridge {
namespace {

constexpr std::size_t kMost = 1000;

// The request's number tells pushes apart, and says when they came.
PendingPush push(const std::string& key, std::uint32_t number, std::size_t bytes = 1) {
  PendingPush push;
  push.since = std::chrono::steady_clock::time_point(std::chrono::seconds(number));
  wire::DocumentRef document;
  document.set_collection("notes");
  document.set_key(key);
  push.document = std::make_shared<const wire::DocumentRef>(document);
  push.request = number;
  push.bytes = bytes;
  return push;
}

void add(PushQueue& queue, const std::string& keys, std::uint32_t first = 1) {
  for (char key : keys) queue.add(push(std::string(1, key), first++));
}

std::string keys_of(const std::vector<PendingPush>& pushes) {
  std::string keys;
  for (const PendingPush& each : pushes) keys += each.document->key();
  return keys;
}

std::vector<std::uint32_t> numbers_of(const std::vector<PendingPush>& pushes) {
  std::vector<std::uint32_t> numbers;
  for (const PendingPush& each : pushes) numbers.push_back(each.request);
  return numbers;
}

TEST(PushQueue, gives_a_lane_all_that_waits_for_any) {
  PushQueue queue(2);
  add(queue, "abcab");
  EXPECT_EQ(keys_of(queue.take(0, kMost)), "abcab");
  EXPECT_FALSE(queue.has_any());
}

TEST(PushQueue, keeps_what_comes_for_a_document_in_a_call_for_that_lane) {
  PushQueue queue(2);
  add(queue, "ab");
  EXPECT_EQ(keys_of(queue.take(0, kMost)), "ab");
  add(queue, "bca");
  EXPECT_TRUE(queue.has_for(0));
  EXPECT_EQ(keys_of(queue.take(1, kMost)), "c");
  EXPECT_FALSE(queue.has_any());
  queue.release(0);
  EXPECT_FALSE(queue.has_for(0));
  EXPECT_EQ(keys_of(queue.take(0, kMost)), "ba");
}

TEST(PushQueue, lets_what_waited_for_a_call_go_before_what_came_later) {
  PushQueue queue(2);
  add(queue, "a", 1);
  queue.take(0, kMost);
  add(queue, "a", 2);
  add(queue, "b", 3);
  queue.release(0);
  add(queue, "a", 4);
  EXPECT_EQ(numbers_of(queue.take(1, kMost)), (std::vector<std::uint32_t>{2, 3, 4}));
}

TEST(PushQueue, takes_no_more_bytes_than_a_call_may_have_but_one_push_at_least) {
  PushQueue queue(2);
  queue.add(push("a", 1, 5000));
  queue.add(push("a", 2, 400));
  queue.add(push("b", 3, 400));
  queue.add(push("b", 4, 400));
  EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{1}));
  // The other of that document has to come after it.
  EXPECT_EQ(numbers_of(queue.take(1, kMost)), (std::vector<std::uint32_t>{3, 4}));
  queue.release(0);
  EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{2}));
}

TEST(PushQueue, gives_alone_what_is_to_go_alone) {
  PushQueue queue(1);
  add(queue, "aab");
  auto batch = queue.take(0, kMost);
  for (PendingPush& each : batch) each.alone = true;
  add(queue, "a", 4);
  queue.put_back(0, std::move(batch));
  for (std::uint32_t number = 1; number <= 3; ++number) {
    queue.release(0);
    EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{number}));
  }
  queue.release(0);
  EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{4}));
}

TEST(PushQueue, gives_new_documents_to_the_first_lane_only) {
  PushQueue queue(2);
  PendingPush create = push("", 1);
  create.creates = true;
  create.temporary_key = "temporary";
  queue.add(std::move(create));
  add(queue, "a", 2);
  EXPECT_EQ(numbers_of(queue.take(1, kMost)), (std::vector<std::uint32_t>{2}));
  ASSERT_TRUE(queue.has_for(0));
  queue.release(0);
  EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{1}));
}

// Somebody asks for a document to be made that there is already, while it is in a call.
TEST(PushQueue, gives_a_new_document_to_the_lane_that_has_it) {
  PushQueue queue(2);
  add(queue, "ab", 1);
  EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{1, 2}));
  add(queue, "c", 3);
  EXPECT_EQ(numbers_of(queue.take(1, kMost)), (std::vector<std::uint32_t>{3}));
  PendingPush create = push("c", 4);
  create.creates = true;
  queue.add(std::move(create));
  queue.release(0);
  EXPECT_TRUE(queue.take(0, kMost).empty());
  queue.release(1);
  EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{4}));
}

TEST(PushQueue, withdraws_what_waits_for_a_lane_of_one_document) {
  PushQueue queue(1);
  add(queue, "ab");
  const auto batch = queue.take(0, kMost);
  add(queue, "abab", 3);
  EXPECT_EQ(numbers_of(queue.withdraw(0, *batch[0].pushed_document)), (std::vector<std::uint32_t>{3, 5}));
  queue.release(0);
  EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{4, 6}));
}

TEST(PushQueue, knows_a_document_until_its_last_push_is_decided) {
  PushQueue queue(1);
  EXPECT_FALSE(queue.has_document_of(push("a", 1)));
  add(queue, "a");
  EXPECT_TRUE(queue.has_document_of(push("a", 2)));
  EXPECT_FALSE(queue.has_document_of(push("b", 2)));
  queue.take(0, kMost);
  EXPECT_TRUE(queue.has_document_of(push("a", 2)));
  queue.release(0);
  EXPECT_FALSE(queue.has_document_of(push("a", 2)));
}

// However much comes for another document.
TEST(PushQueue, lets_nothing_wait_for_what_came_later) {
  PushQueue queue(1);
  queue.add(push("a", 1, kMost));
  queue.add(push("b", 2, kMost));
  std::uint32_t number = 2;
  for (std::uint32_t call = 1; call <= 2; ++call) {
    EXPECT_EQ(numbers_of(queue.take(0, kMost)), (std::vector<std::uint32_t>{call}));
    queue.add(push("a", ++number, kMost));
    queue.release(0);
  }
}

// Pushes come, lanes take, fail and end in any order: every push is decided once,
// each document's in the order in which they came, and never two lanes have one document.
void check_random_calls() {
  const auto lanes = *rc::gen::inRange(1u, 4u);
  PushQueue queue(lanes);
  std::vector<std::vector<PendingPush>> calls(lanes);
  std::map<std::string, std::uint32_t> last;  // decided, of each document
  std::uint32_t added = 0;
  std::size_t decided = 0;

  auto take = [&](unsigned lane) {
    if (!calls[lane].empty()) return;
    queue.release(lane);
    calls[lane] = queue.take(lane, *rc::gen::inRange<std::size_t>(1, 20));
    std::map<std::string, std::set<unsigned>> holders;
    for (unsigned each = 0; each < lanes; ++each)
      for (const PendingPush& taken : calls[each]) holders[taken.document->key()].insert(each);
    for (const auto& [key, who] : holders) RC_ASSERT(who.size() == 1);
  };
  auto decide = [&](unsigned lane) {
    for (const PendingPush& taken : calls[lane]) {
      RC_ASSERT(taken.request > last[taken.document->key()]);
      last[taken.document->key()] = taken.request;
      ++decided;
    }
    calls[lane].clear();
  };

  const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
  for (int step : steps) {
    const unsigned lane = static_cast<unsigned>(step) % lanes;
    if (step < 60) {
      const std::string key = "document " + std::to_string(*rc::gen::inRange(0, 30));
      PendingPush next = push(key, ++added, *rc::gen::inRange<std::size_t>(1, 9));
      next.creates = step % 10 == 0;
      queue.add(std::move(next));
    } else if (step < 75) {
      take(lane);
    } else if (step < 95) {
      decide(lane);
    } else {
      for (PendingPush& taken : calls[lane]) taken.alone = step % 2 == 0;
      queue.put_back(lane, std::move(calls[lane]));
      calls[lane].clear();
    }
  }
  // Whoever is free takes what there is: so many turns are enough for all.
  for (std::uint32_t turn = 0; turn <= added; ++turn) {
    for (unsigned lane = 0; lane < lanes; ++lane) {
      decide(lane);
      take(lane);
    }
  }
  RC_ASSERT(decided == added);
  RC_ASSERT(!queue.has_any());
}

TEST(PushQueue, decides_every_push_once_and_each_document_s_in_order) {
  EXPECT_TRUE(rc::check(check_random_calls));
}

}  // namespace
}  // namespace converge::bridge
