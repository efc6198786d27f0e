// Runs in document order with their visible text: a B+-tree whose inner nodes
// count characters and UTF-16 units. A leaf holds some runs and, in one piece,
// the text of those that are visible. The run index (run_index.h) finds a run
// by identifier.
//
// Runs are physical here: a stretch that could be one run may lie in several
// (a leaf holds little text). Whoever needs maximal runs joins them as it reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/sequence/run.h"
#include "core/sequence/run_index.h"
#include "core/sequence/utf16.h"

namespace converge {

class RunTree {
 public:
  static constexpr std::uint32_t kLeafRuns = 16;
  static constexpr std::uint32_t kLeafBytes = 480;
  // Cutting a surrogate pair adds two bytes, at most once between two runs.
  static constexpr std::uint32_t kLeafSlack = 32;
  // No run is given more text than this at once.
  static constexpr std::uint32_t kPieceBytes = kLeafBytes / 2;

  struct Node;
  struct Leaf {
    Leaf() {}  // leaves everything as it is (new_leaf)

    Node* parent;
    Leaf* previous;
    Leaf* next;
    std::uint32_t count;
    std::uint32_t bytes;
    union {
      Run runs[kLeafRuns];
    };
    char text[kLeafBytes + kLeafSlack];
  };

  // A run, or with index = count the place behind a leaf's last run.
  struct Place {
    Leaf* leaf = nullptr;
    std::uint32_t index = 0;

    Run& run() const { return leaf->runs[index]; }
    bool valid() const { return leaf != nullptr; }
    friend bool operator==(const Place&, const Place&) = default;
  };

  // A run, and where it begins in the document and in its leaf's text.
  struct Located {
    Place place;
    std::uint64_t chars = 0;
    std::uint32_t bytes = 0;
  };

  RunTree() = default;
  RunTree(const RunTree& other);
  RunTree& operator=(const RunTree&) = delete;
  ~RunTree();

  std::uint64_t chars() const { return chars_; }
  std::uint64_t units() const { return units_; }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t run_count() const { return index_.size(); }
  std::size_t memory() const;

  Leaf* first_leaf() const { return first_; }
  // The first run, or an invalid place.
  Place first() const { return Place{first_, 0}; }
  // The run after, or an invalid place.
  static Place next(Place place) {
    if (place.index + 1 < place.leaf->count) return {place.leaf, place.index + 1};
    return {place.leaf->next, 0};
  }
  static Place previous(Place place) {
    if (place.index > 0) return {place.leaf, place.index - 1};
    Leaf* leaf = place.leaf->previous;
    return {leaf, leaf != nullptr ? leaf->count - 1 : 0};
  }

  // The run that holds this unit, which is there.
  Place find(UnitId unit) const;
  // Calls take(place) for every run, ascending by identifier.
  template <class F>
  void for_each_by_id(F&& take) const {
    index_.for_each([&](const RunIndex::Entry& entry) {
      Place place{leaf_of_[entry.handle], 0};
      while (place.run().handle != entry.handle) ++place.index;
      take(place);
    });
  }
  // The run that holds the character at this position, at < chars().
  const Located& at_char(std::uint64_t at) const;
  // One count of visible positions as the other; at most chars() or units(). A
  // position inside a surrogate pair counts as before it.
  std::uint64_t units_of_chars(std::uint64_t at) const;
  std::uint64_t chars_of_units(std::uint64_t at) const;
  // Visible characters before the run.
  std::uint64_t chars_before(Place place) const;
  // Where the run's text begins in its leaf.
  static std::uint32_t text_offset(Place place);
  static std::string_view text_of(Place place) {
    return {place.leaf->text + text_offset(place), place.run().bytes};
  }
  // Whether a stands before b in the document.
  bool ordered(Place a, Place b) const;

  // Puts a run at `at` (before the run that is there), whose text is at most
  // kPieceBytes. Gives its place.
  Place insert(Place at, Run run, const char* text);
  // Puts a run into an empty tree or behind the last run.
  Place append(Run run, const char* text);
  // Makes the visible run longer by `text`, at most kPieceBytes.
  void extend(Place at, const char* text, TextSize size);
  void extend_deleted(Place at, std::uint32_t units) { at.run().length += units; }
  // Cuts the run after 0 < units < length. Gives the place of the second part.
  // A surrogate pair that is cut becomes U+FFFD twice.
  Place cut(Place at, std::uint32_t units);
  // Deletes the run's units [from, from + length), joining what is deleted with
  // its neighbours in the leaf.
  void erase(Place at, std::uint32_t from, std::uint32_t length);

  class Builder;

 private:
  static constexpr std::uint32_t kFan = 16;
  static constexpr std::size_t kSlab = 16;
  struct Child {
    void* at = nullptr;
    std::uint32_t chars = 0;
    std::uint32_t units = 0;
  };
  struct Sums {
    std::uint32_t chars = 0;
    std::uint32_t units = 0;
  };

  static Sums sums_of(const Leaf& leaf);
  static std::uint32_t index_in(const Node* parent, const void* child);
  static void add_above(Node* parent, const void* child, std::int64_t chars, std::int64_t units);
  static void adopt(Node* parent, void* child);
  Leaf* new_leaf();
  void make_root();
  void insert_child(Node* node, std::uint32_t at, Child child);
  Leaf* divide(Leaf* leaf, std::uint32_t at);
  void make_room(Place& at, bool slot, std::uint32_t bytes, bool inserting);
  void count(Leaf* leaf, std::int64_t chars, std::int64_t units, std::int64_t bytes);
  void settle() const;
  void touch(Place at) const;
  void open_slot(Place at);
  void open_text(Leaf* leaf, std::uint32_t offset, std::uint32_t bytes);
  std::uint32_t offset_of(Place at) const;
  RunIndex::Handle new_handle(Leaf* leaf);
  void drop(Place at);
  void erase_whole(Place at);
  bool scan_leaf(std::uint64_t at) const;
  static void destroy(Node* node);

  Node* root_ = nullptr;
  Leaf* first_ = nullptr;
  Leaf* last_ = nullptr;
  std::uint64_t chars_ = 0;
  std::uint64_t units_ = 0;
  std::uint64_t bytes_ = 0;
  RunIndex index_;
  std::vector<Leaf*> leaf_of_;           // by handle
  std::vector<RunIndex::Handle> free_;   // handles to be used again
  // Leaves are given out from slabs and live as long as the tree.
  std::vector<std::unique_ptr<Leaf[]>> slabs_;
  Leaf* slab_next_ = nullptr;  // in the last one, `slab_left_` of them
  std::size_t slab_left_ = 0;
  std::size_t leaves_ = 0;     // given out

  // Where the last local edit was: the next is mostly beside it.
  mutable Located cursor_;
  mutable std::uint64_t cursor_leaf_chars_ = 0;
  // Counts that are not yet in the nodes above this leaf.
  mutable Leaf* unsettled_ = nullptr;
  mutable std::int64_t unsettled_chars_ = 0;
  mutable std::int64_t unsettled_units_ = 0;
};

struct RunTree::Node {
  Node* parent = nullptr;
  std::uint32_t count = 0;
  bool above_leaves = true;
  Child children[kFan];
};

// Fills an empty tree with runs in order, text given run by run.
class RunTree::Builder {
 public:
  explicit Builder(RunTree& tree) : tree_(tree) {}
  // A run with `bytes` of text, or a deleted one. What is longer than a piece
  // is laid into several.
  void add(UnitId id, std::uint32_t length, UnitId left, UnitId right, const char* text,
           std::uint32_t bytes);
  // How many runs are coming, for what must be allocated.
  void expect(std::size_t runs);
  // Builds the inner nodes and the index; the tree is then usable. `by_id`
  // gives the indexes of the runs, as they were added, by identifier; if it is
  // empty they are sorted.
  void finish(const std::vector<std::uint32_t>& by_id = {});

 private:
  void add_long(UnitId id, std::uint32_t length, UnitId left, UnitId right, const char* text,
                std::uint32_t bytes);
  void add_piece(const Run& run, const char* text);
  void end_leaf();
  void copy_text();
  RunTree& tree_;
  std::vector<RunIndex::Key> keys_;      // by handle
  std::vector<RunIndex::Handle> first_;  // of each run added, its first piece
  std::vector<Child> leaves_;            // that are full
  Sums sums_;                            // of the last leaf
  // Text of the last leaf that is not copied yet: it mostly lies in one piece.
  const char* text_ = nullptr;
  std::uint32_t text_bytes_ = 0;
};

inline void RunTree::Builder::add(UnitId id, std::uint32_t length, UnitId left, UnitId right,
                                  const char* text, std::uint32_t bytes) {
  first_.push_back(static_cast<RunIndex::Handle>(keys_.size()));
  if (bytes > kPieceBytes) return add_long(id, length, left, right, text, bytes);
  const std::uint32_t chars = bytes == length || bytes == 0 ? bytes : measure({text, bytes}).chars;
  add_piece(Run{id, length, left, right, static_cast<std::uint16_t>(bytes),
                static_cast<std::uint16_t>(chars)},
            text);
}

}  // namespace converge
