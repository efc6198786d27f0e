// SortedChunks beside a vector that does the same, over many chunks; and a causal
// context of many intervals beside a set of dots.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "core/clock/causal_context.h"
#include "core/container/sorted_chunks.h"

namespace converge {
namespace {

void expect_same(const SortedChunks<int>& chunks, const std::vector<int>& model) {
  ASSERT_EQ(chunks.size(), model.size());
  ASSERT_EQ(chunks.empty(), model.empty());
  ASSERT_TRUE(std::equal(chunks.begin(), chunks.end(), model.begin(), model.end()));
  if (!model.empty()) { ASSERT_EQ(chunks.back(), model.back()); }
}

TEST(SortedChunks, does_what_a_vector_does) {
  std::mt19937 random(1);
  SortedChunks<int> chunks;
  std::vector<int> model;
  const auto insert = [&](int value) {
    auto at = chunks.first_not([&](int item) { return item < value; });
    chunks.insert(at, value);
    model.insert(std::lower_bound(model.begin(), model.end(), value), value);
  };
  const auto erase = [&](int from) {
    auto place = std::lower_bound(model.begin(), model.end(), from);
    auto at = chunks.first_not([&](int item) { return item < from; });
    ASSERT_EQ(at == chunks.end(), place == model.end());
    if (place == model.end()) return;
    if (place != model.begin()) { ASSERT_EQ(*chunks.previous(at), *std::prev(place)); }
    place = model.erase(place);
    at = chunks.erase(at);
    ASSERT_EQ(at == chunks.end(), place == model.end());
    if (place != model.end()) { ASSERT_EQ(*at, *place); }
  };
  for (int growing = 1; growing >= 0; --growing) {
    for (int step = 0; step < 8000; ++step) {
      const int value = static_cast<int>(random() % 100000);
      if ((random() % 4 > 0) == (growing == 1)) {
        insert(value);
      } else {
        erase(value);
      }
      if (step % 500 == 0) expect_same(chunks, model);
    }
    expect_same(chunks, model);
  }
  while (!model.empty()) erase(0);
  expect_same(chunks, model);
  for (int value : {3, 5}) chunks.push_back(value);
  expect_same(chunks, {3, 5});
}

TEST(SortedChunks, is_filled_at_its_end) {
  SortedChunks<int> chunks;
  std::vector<int> model;
  for (int i = 0; i < 5000; ++i) {
    chunks.push_back(i);
    model.push_back(i);
  }
  expect_same(chunks, model);
  SortedChunks<int> inserted;
  for (int i = 4999; i >= 0; --i) inserted.insert(inserted.begin(), i);
  EXPECT_TRUE(inserted == chunks);
}

TEST(CausalContext, of_many_intervals_holds_what_was_added) {
  std::mt19937 random(2);
  CausalContext context;
  std::set<std::pair<ReplicaId, std::uint64_t>> model;
  for (int i = 0; i < 6000; ++i) {
    const ReplicaId replica = random() % 40;
    const std::uint64_t first = 1 + random() % 2000;
    const std::uint64_t last = first + (random() % 50 == 0 ? random() % 300 : 0);
    context.add(DotInterval{replica, first, last});
    for (std::uint64_t counter = first; counter <= last; ++counter) model.insert({replica, counter});
  }
  ASSERT_GT(context.intervals().size(), 1024u);  // several chunks
  EXPECT_EQ(context.count(), model.size());
  for (ReplicaId replica = 0; replica < 41; ++replica) {
    std::uint64_t last = 0;
    for (std::uint64_t counter = 1; counter < 2400; ++counter) {
      const bool there = model.count({replica, counter}) > 0;
      ASSERT_EQ(context.contains(Dot{replica, counter}), there);
      if (there) last = counter;
    }
    EXPECT_EQ(context.last(replica), last);
  }
  // No two touch, and the encoding comes back.
  const DotInterval* before = nullptr;
  for (const DotInterval& interval : context.intervals()) {
    if (before != nullptr && before->replica == interval.replica) {
      ASSERT_GT(interval.first, before->last + 1);
    }
    before = &interval;
  }
  std::string bytes;
  context.encode(bytes);
  Reader in(bytes);
  EXPECT_EQ(CausalContext::decode(in), context);
  // One interval over all of a replica swallows the rest.
  context.add(DotInterval{7, 1, 5000});
  EXPECT_EQ(context.last(7), 5000u);
  EXPECT_TRUE(context.contains(Dot{7, 2345}));
  EXPECT_EQ(context.version().get(7), 5000u);
}

}  // namespace
}  // namespace converge
