// Fills a tree from the left: what decoding and copying a text do.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/sequence/run_tree.h"

namespace converge {

void RunTree::Builder::add_long(UnitId id, std::uint32_t length, UnitId left, UnitId right,
                                const char* text, std::uint32_t bytes) {
  const bool ascii = bytes == length;
  while (bytes > 0) {
    TextSize size{std::min(bytes, kPieceBytes), 0, 0};
    if (ascii) {
      size.chars = size.units = size.bytes;
    } else {
      while (size.bytes < bytes && (static_cast<std::uint8_t>(text[size.bytes]) & 0xc0) == 0x80) {
        --size.bytes;
      }
      size = measure({text, size.bytes});
    }
    add_piece(Run{id, size.units, left, right, static_cast<std::uint16_t>(size.bytes),
                  static_cast<std::uint16_t>(size.chars)},
              text);
    text += size.bytes;
    bytes -= size.bytes;
    id = id.plus(size.units);
    left = id.before();
  }
}

void RunTree::Builder::add_piece(const Run& run, const char* text) {
  constexpr std::uint32_t kFillRuns = kLeafRuns * 3 / 4;
  constexpr std::uint32_t kFillBytes = kLeafBytes * 3 / 4;
  Leaf* leaf = tree_.last_;
  if (leaf == nullptr || leaf->count == kFillRuns ||
      (leaf->count > 0 && leaf->bytes + run.bytes > kFillBytes)) {
    end_leaf();
    auto* fresh = tree_.new_leaf();
    fresh->previous = leaf;
    (leaf != nullptr ? leaf->next : tree_.first_) = fresh;
    tree_.last_ = leaf = fresh;
  }
  auto handle = static_cast<RunIndex::Handle>(tree_.leaf_of_.size());
  tree_.leaf_of_.push_back(leaf);
  Run& added = leaf->runs[leaf->count++];
  added = run;
  added.handle = handle;
  if (run.bytes > 0) {
    if (text != text_ + text_bytes_) {
      copy_text();
      text_ = text;
    }
    text_bytes_ += run.bytes;
    leaf->bytes += run.bytes;
    sums_.chars += run.chars;
    sums_.units += run.length;
  }
  keys_.push_back(run.id.key());
}

void RunTree::Builder::end_leaf() {
  Leaf* leaf = tree_.last_;
  if (leaf == nullptr) return;
  copy_text();
  leaves_.push_back(Child{leaf, sums_.chars, sums_.units});
  tree_.chars_ += sums_.chars;
  tree_.units_ += sums_.units;
  tree_.bytes_ += leaf->bytes;
  sums_ = {};
}

void RunTree::Builder::copy_text() {
  if (text_bytes_ == 0) return;
  Leaf* leaf = tree_.last_;
  std::memcpy(leaf->text + leaf->bytes - text_bytes_, text_, text_bytes_);
  text_bytes_ = 0;
}

void RunTree::Builder::expect(std::size_t runs) {
  keys_.reserve(runs);
  first_.reserve(runs);
  tree_.leaf_of_.reserve(runs);
}

void RunTree::Builder::finish(const std::vector<std::uint32_t>& by_id) {
  if (tree_.first_ == nullptr) return;
  end_leaf();
  if (by_id.empty()) {
    std::vector<RunIndex::Handle> order(keys_.size());
    std::iota(order.begin(), order.end(), RunIndex::Handle{0});
    std::sort(order.begin(), order.end(),
              [&](RunIndex::Handle a, RunIndex::Handle b) { return keys_[a] < keys_[b]; });
    for (RunIndex::Handle handle : order) tree_.index_.append(keys_[handle], handle);
  } else {
    first_.push_back(static_cast<RunIndex::Handle>(keys_.size()));
    for (std::uint32_t run : by_id) {
      for (RunIndex::Handle handle = first_[run]; handle < first_[run + 1]; ++handle) {
        tree_.index_.append(keys_[handle], handle);
      }
    }
  }

  constexpr std::uint32_t kFill = kFan * 3 / 4;
  std::vector<Child> level = std::move(leaves_);
  bool above_leaves = true;
  do {
    std::vector<Child> above;
    for (std::size_t at = 0; at < level.size();) {
      auto* node = new Node;
      node->above_leaves = above_leaves;
      Child sums{node, 0, 0};
      for (; node->count < kFill && at < level.size(); ++at) {
        node->children[node->count++] = level[at];
        sums.chars += level[at].chars;
        sums.units += level[at].units;
        adopt(node, level[at].at);
      }
      above.push_back(sums);
    }
    level = std::move(above);
    above_leaves = false;
  } while (level.size() > 1);
  tree_.root_ = static_cast<Node*>(level[0].at);
}

}  // namespace converge
