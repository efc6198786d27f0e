// RunIndex beside a map that does the same, over many chunks.
#include "core/sequence/run_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace converge {
namespace {

using Model = std::map<RunIndex::Key, RunIndex::Handle>;

void expect_found(const RunIndex& index, const Model& model, RunIndex::Key key) {
  auto next = model.upper_bound(key);
  const RunIndex::Entry* found = index.find(key);
  ASSERT_EQ(found == nullptr, next == model.begin()) << key;
  if (found == nullptr) return;
  const auto at = std::prev(next);
  ASSERT_EQ(found->key, at->first);
  ASSERT_EQ(found->handle, at->second);
  if (at->first != key) return;
  const RunIndex::Entry* after = index.after(key);
  ASSERT_EQ(after == nullptr, next == model.end());
  if (after != nullptr) { ASSERT_EQ(after->key, next->first); }
}

void expect_same(const RunIndex& index, const Model& model) {
  ASSERT_EQ(index.size(), model.size());
  auto at = model.begin();
  index.for_each([&](const RunIndex::Entry& entry) {
    ASSERT_NE(at, model.end());
    EXPECT_EQ(entry.key, at->first);
    EXPECT_EQ(entry.handle, at->second);
    ++at;
  });
  for (auto [key, handle] : model) {
    expect_found(index, model, key);
    expect_found(index, model, key + 1);
    if (key > 0) expect_found(index, model, key - 1);
  }
}

TEST(RunIndex, does_what_a_map_does) {
  std::mt19937 random(3);
  RunIndex index;
  Model model;
  expect_found(index, model, 0);
  RunIndex::Handle next = 0;
  const auto insert = [&](RunIndex::Key key) {
    if (!model.emplace(key, next).second) return;
    index.insert(key, next++);
  };
  // Erased at the end of a run, as by backspace: its start moves, again and again.
  const auto move = [&](RunIndex::Key from, RunIndex::Key to) {
    auto node = model.extract(from);
    node.key() = to;
    model.insert(std::move(node));
    index.move_start(from, to);
  };
  for (int round = 0; round < 30; ++round) {
    const bool grows = round % 3 != 2;
    for (int i = 0; i < 400; ++i) {
      const RunIndex::Key key = random() % 40'000 * 4;
      if (grows) insert(key);
      auto at = model.lower_bound(key);
      if (at == model.end()) continue;
      if (!grows || i % 4 == 0) {
        const RunIndex::Key gone = at->first;
        at = model.erase(at);
        index.erase(gone);
        if (at == model.end()) continue;
      }
      RunIndex::Key from = at->first;
      const RunIndex::Key end = std::next(at) == model.end() ? from + 5 : std::next(at)->first;
      for (int step = 0; step < 3 && from + 1 < end; ++step, ++from) move(from, from + 1);
      expect_found(index, model, from);
    }
    expect_same(index, model);
  }
  while (!model.empty()) {
    const RunIndex::Key key = random() % 2 == 0 ? model.begin()->first : std::prev(model.end())->first;
    model.erase(key);
    index.erase(key);
    expect_found(index, model, key);
  }
  expect_same(index, model);
  insert(7);
  expect_same(index, model);
}

TEST(RunIndex, is_filled_in_order) {
  RunIndex index;
  Model model;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    index.append(i * 3 + 1, i);
    model.emplace(i * 3 + 1, i);
  }
  expect_same(index, model);
  for (std::uint32_t i = 0; i < 1000; i += 2) {
    index.insert(i * 3 + 2, i);
    model.emplace(i * 3 + 2, i);
  }
  expect_same(index, model);
  index.clear();
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(index.find(5), nullptr);
}

}  // namespace
}  // namespace converge
