#include "core/sequence/run_tree.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace converge {

static_assert(RunTree::kLeafSlack >= 2 * RunTree::kLeafRuns);

RunTree::RunTree(const RunTree& other) {
  Builder builder(*this);
  for (Leaf* leaf = other.first_; leaf != nullptr; leaf = leaf->next) {
    const char* text = leaf->text;
    for (std::uint32_t i = 0; i < leaf->count; ++i) {
      const Run& run = leaf->runs[i];
      builder.add(run.id, run.length, run.left, run.right, text, run.bytes);
      text += run.bytes;
    }
  }
  builder.finish();
}

RunTree::~RunTree() {
  if (root_ != nullptr) destroy(root_);
}

// The nodes; the leaves go with their slabs.
void RunTree::destroy(Node* node) {
  for (std::uint32_t i = 0; !node->above_leaves && i < node->count; ++i) {
    destroy(static_cast<Node*>(node->children[i].at));
  }
  delete node;
}

std::size_t RunTree::memory() const {
  return (leaves_ + slab_left_) * sizeof(Leaf) + leaves_ * sizeof(Node) * 2 / kFan + index_.memory() +
         leaf_of_.capacity() * sizeof(Leaf*) + free_.capacity() * sizeof(RunIndex::Handle);
}

// ---- counts --------------------------------------------------------------

std::uint32_t RunTree::index_in(const Node* parent, const void* child) {
  std::uint32_t at = 0;
  while (parent->children[at].at != child) ++at;
  return at;
}

// Adds to what `parent`, and every node above it, counts for this child.
void RunTree::add_above(Node* parent, const void* child, std::int64_t chars, std::int64_t units) {
  for (; parent != nullptr; child = parent, parent = parent->parent) {
    Child& entry = parent->children[index_in(parent, child)];
    entry.chars += static_cast<std::uint32_t>(chars);
    entry.units += static_cast<std::uint32_t>(units);
  }
}

RunTree::Sums RunTree::sums_of(const Leaf& leaf) {
  Sums sums;
  for (std::uint32_t i = 0; i < leaf.count; ++i) {
    sums.chars += leaf.runs[i].chars;
    if (leaf.runs[i].visible()) sums.units += leaf.runs[i].length;
  }
  return sums;
}

// Notes that the leaf's visible text grew by this much. The nodes above learn
// of it when another leaf is changed or they are read.
void RunTree::count(Leaf* leaf, std::int64_t chars, std::int64_t units, std::int64_t bytes) {
  chars_ += static_cast<std::uint64_t>(chars);
  units_ += static_cast<std::uint64_t>(units);
  bytes_ += static_cast<std::uint64_t>(bytes);
  if (unsettled_ != leaf) {
    settle();
    unsettled_ = leaf;
  }
  unsettled_chars_ += chars;
  unsettled_units_ += units;
}

void RunTree::settle() const {
  if (unsettled_ == nullptr) return;
  add_above(unsettled_->parent, unsettled_, unsettled_chars_, unsettled_units_);
  unsettled_ = nullptr;
  unsettled_chars_ = 0;
  unsettled_units_ = 0;
}

// ---- finding -------------------------------------------------------------

RunTree::Place RunTree::find(UnitId unit) const {
  Leaf* leaf = leaf_of_[index_.find(unit.key())->handle];
  std::uint32_t index = 0;
  while (!leaf->runs[index].contains(unit)) ++index;
  return {leaf, index};
}

// Moves the cursor, which is in the right leaf or before it, to the run that
// holds the character. False when that lies behind the leaf.
bool RunTree::scan_leaf(std::uint64_t at) const {
  Leaf* leaf = cursor_.place.leaf;
  std::uint32_t index = cursor_.place.index;
  std::uint64_t chars = cursor_.chars;
  std::uint32_t bytes = cursor_.bytes;
  while (index < leaf->count && chars + leaf->runs[index].chars <= at) {
    chars += leaf->runs[index].chars;
    bytes += leaf->runs[index].bytes;
    ++index;
  }
  cursor_ = Located{{leaf, index}, chars, bytes};
  return index < leaf->count;
}

const RunTree::Located& RunTree::at_char(std::uint64_t at) const {
  if (cursor_.place.leaf != nullptr && at >= cursor_leaf_chars_) {
    if (at < cursor_.chars) cursor_ = Located{{cursor_.place.leaf, 0}, cursor_leaf_chars_, 0};
    if (scan_leaf(at)) return cursor_;
    if (Leaf* next = cursor_.place.leaf->next) {
      cursor_leaf_chars_ = cursor_.chars;
      cursor_ = Located{{next, 0}, cursor_.chars, 0};
      if (scan_leaf(at)) return cursor_;
    }
  }
  settle();
  Node* node = root_;
  std::uint64_t chars = 0;
  for (;;) {
    const Child* child = node->children;
    while (at - chars >= child->chars) {
      chars += child->chars;
      ++child;
    }
    if (node->above_leaves) {
      cursor_leaf_chars_ = chars;
      cursor_ = Located{{static_cast<Leaf*>(child->at), 0}, chars, 0};
      scan_leaf(at);
      return cursor_;
    }
    node = static_cast<Node*>(child->at);
  }
}

std::uint64_t RunTree::units_of_chars(std::uint64_t at) const {
  settle();
  std::uint64_t units = 0;
  for (const Node* node = root_; node != nullptr && at > 0;) {
    const Child* child = node->children;
    for (; at > child->chars; ++child) {
      at -= child->chars;
      units += child->units;
    }
    if (node->above_leaves) {
      const char* text = static_cast<const Leaf*>(child->at)->text;
      return units + measure_chars(text, static_cast<std::uint32_t>(at)).units;
    }
    node = static_cast<const Node*>(child->at);
  }
  return units;
}

std::uint64_t RunTree::chars_of_units(std::uint64_t at) const {
  settle();
  std::uint64_t chars = 0;
  for (const Node* node = root_; node != nullptr && at > 0;) {
    const Child* child = node->children;
    for (; at > child->units; ++child) {
      at -= child->units;
      chars += child->chars;
    }
    if (node->above_leaves) {
      const char* text = static_cast<const Leaf*>(child->at)->text;
      return chars + measure_units(text, static_cast<std::uint32_t>(at)).chars;
    }
    node = static_cast<const Node*>(child->at);
  }
  return chars;
}

std::uint64_t RunTree::chars_before(Place place) const {
  settle();
  std::uint64_t chars = 0;
  for (std::uint32_t i = 0; i < place.index; ++i) chars += place.leaf->runs[i].chars;
  const void* child = place.leaf;
  for (Node* node = place.leaf->parent; node != nullptr; node = node->parent) {
    for (const Child* at = node->children; at->at != child; ++at) chars += at->chars;
    child = node;
  }
  return chars;
}

std::uint32_t RunTree::text_offset(Place place) {
  std::uint32_t offset = 0;
  for (std::uint32_t i = 0; i < place.index; ++i) offset += place.leaf->runs[i].bytes;
  return offset;
}

std::uint32_t RunTree::offset_of(Place at) const {
  return cursor_.place == at ? cursor_.bytes : text_offset(at);
}

bool RunTree::ordered(Place a, Place b) const {
  if (a.leaf == b.leaf) return a.index < b.index;
  const void* left = a.leaf;
  const void* right = b.leaf;
  Node* above_left = a.leaf->parent;
  Node* above_right = b.leaf->parent;
  while (above_left != above_right) {  // all leaves are equally deep
    left = above_left;
    right = above_right;
    above_left = above_left->parent;
    above_right = above_right->parent;
  }
  return index_in(above_left, left) < index_in(above_left, right);
}

// ---- shape ---------------------------------------------------------------

// A leaf without runs. Its arrays are left as they are: they are large.
RunTree::Leaf* RunTree::new_leaf() {
  if (slab_left_ == 0) {
    slab_left_ = std::clamp(leaves_, std::size_t{1}, kSlab);  // small texts need few
    slab_next_ = slabs_.emplace_back(new Leaf[slab_left_]).get();
  }
  --slab_left_;
  ++leaves_;
  Leaf* leaf = slab_next_++;
  leaf->parent = nullptr;
  leaf->previous = leaf->next = nullptr;
  leaf->count = leaf->bytes = 0;
  return leaf;
}

void RunTree::make_root() {
  root_ = new Node;
  first_ = last_ = new_leaf();
  first_->parent = root_;
  root_->count = 1;
  root_->children[0] = Child{first_, 0, 0};
}

// Makes `child`, which nothing above counts yet, the node's child number `at`.
void RunTree::insert_child(Node* node, std::uint32_t at, Child child) {
  if (node->count == kFan) {
    if (node->parent == nullptr) {
      root_ = new Node;
      root_->above_leaves = false;
      root_->count = 1;
      root_->children[0].at = node;
      for (const Child& one : node->children) {
        root_->children[0].chars += one.chars;
        root_->children[0].units += one.units;
      }
      node->parent = root_;
    }
    Node* half = new Node;
    half->above_leaves = node->above_leaves;
    std::uint32_t keep = at == kFan ? kFan - 2 : kFan / 2;
    half->count = kFan - keep;
    Child moved{half, 0, 0};
    for (std::uint32_t i = 0; i < half->count; ++i) {
      half->children[i] = node->children[keep + i];
      moved.chars += half->children[i].chars;
      moved.units += half->children[i].units;
      adopt(half, half->children[i].at);
    }
    node->count = keep;
    add_above(node->parent, node, -std::int64_t{moved.chars}, -std::int64_t{moved.units});
    insert_child(node->parent, index_in(node->parent, node) + 1, moved);
    if (at >= keep) {
      node = half;
      at -= keep;
    }
  }
  std::memmove(node->children + at + 1, node->children + at, (node->count - at) * sizeof(Child));
  node->children[at] = child;
  ++node->count;
  adopt(node, child.at);
  add_above(node->parent, node, child.chars, child.units);
}

void RunTree::adopt(Node* parent, void* child) {
  if (parent->above_leaves) {
    static_cast<Leaf*>(child)->parent = parent;
  } else {
    static_cast<Node*>(child)->parent = parent;
  }
}

// Moves the leaf's runs from `at` on into a new leaf behind it.
RunTree::Leaf* RunTree::divide(Leaf* leaf, std::uint32_t at) {
  settle();
  Leaf* half = new_leaf();
  std::uint32_t offset = text_offset({leaf, at});
  half->count = leaf->count - at;
  half->bytes = leaf->bytes - offset;
  std::memcpy(half->runs, leaf->runs + at, half->count * sizeof(Run));
  std::memcpy(half->text, leaf->text + offset, half->bytes);
  for (std::uint32_t i = 0; i < half->count; ++i) leaf_of_[half->runs[i].handle] = half;
  leaf->count = at;
  leaf->bytes = offset;
  half->previous = leaf;
  half->next = leaf->next;
  (leaf->next != nullptr ? leaf->next->previous : last_) = half;
  leaf->next = half;

  Sums sums = sums_of(*half);
  add_above(leaf->parent, leaf, -std::int64_t{sums.chars}, -std::int64_t{sums.units});
  insert_child(leaf->parent, index_in(leaf->parent, leaf) + 1,
               Child{half, sums.chars, sums.units});
  if (cursor_.place.leaf == leaf && cursor_.place.index >= at) {
    cursor_ = Located{{leaf, 0}, cursor_leaf_chars_, 0};
  }
  return half;
}

// Divides the leaf until it has a free slot, if asked, and room for `bytes`.
// `at` follows: it is where to insert, or the run that grows at its end.
void RunTree::make_room(Place& at, bool slot, std::uint32_t bytes, bool inserting) {
  while ((slot && at.leaf->count == kLeafRuns) || at.leaf->bytes + bytes > kLeafBytes) {
    Leaf* leaf = at.leaf;
    std::uint32_t keep;
    if (slot && leaf->count == kLeafRuns) {
      bool appending = leaf->next == nullptr && at.index + 1 >= leaf->count;
      keep = appending ? kLeafRuns - kLeafRuns / 8 : kLeafRuns / 2;
    } else if (leaf->count > 1) {
      std::uint32_t offset = leaf->runs[0].bytes;
      for (keep = 1; keep + 1 < leaf->count && offset < leaf->bytes / 2; ++keep) {
        offset += leaf->runs[keep].bytes;
      }
    } else {
      // A single run fills it: cut it between two characters.
      const Run& run = leaf->runs[0];
      cut({leaf, 0}, measure_chars(leaf->text, run.chars / 2).units);
      if (!inserting || at.index == 1) ++at.index;
      keep = 1;
    }
    Leaf* half = divide(leaf, keep);
    if (at.index >= keep) at = {half, at.index - keep};
  }
}

// A change from this run on: what the cursor says of runs behind it is void.
void RunTree::touch(Place at) const {
  if (at.leaf != cursor_.place.leaf) {
    cursor_.place.leaf = nullptr;
  } else if (at.index < cursor_.place.index) {
    cursor_ = Located{{at.leaf, 0}, cursor_leaf_chars_, 0};
  }
}

void RunTree::open_slot(Place at) {
  Run* runs = at.leaf->runs;
  std::memmove(runs + at.index + 1, runs + at.index, (at.leaf->count - at.index) * sizeof(Run));
  ++at.leaf->count;
}

void RunTree::open_text(Leaf* leaf, std::uint32_t offset, std::uint32_t bytes) {
  std::memmove(leaf->text + offset + bytes, leaf->text + offset, leaf->bytes - offset);
  leaf->bytes += bytes;
}

RunIndex::Handle RunTree::new_handle(Leaf* leaf) {
  if (!free_.empty()) {
    RunIndex::Handle handle = free_.back();
    free_.pop_back();
    leaf_of_[handle] = leaf;
    return handle;
  }
  leaf_of_.push_back(leaf);
  return static_cast<RunIndex::Handle>(leaf_of_.size() - 1);
}

// Takes a run without text out of its leaf.
void RunTree::drop(Place at) {
  index_.erase(at.run().id.key());
  free_.push_back(at.run().handle);
  Run* runs = at.leaf->runs;
  --at.leaf->count;
  std::memmove(runs + at.index, runs + at.index + 1, (at.leaf->count - at.index) * sizeof(Run));
}

// ---- edits ---------------------------------------------------------------

RunTree::Place RunTree::insert(Place at, Run run, const char* text) {
  make_room(at, true, run.bytes, true);
  std::uint32_t offset = 0;
  if (run.bytes > 0) {
    offset = offset_of(at);
    open_text(at.leaf, offset, run.bytes);
    std::memcpy(at.leaf->text + offset, text, run.bytes);
  }
  touch(at);
  open_slot(at);
  run.handle = new_handle(at.leaf);
  at.run() = run;
  index_.insert(run.id.key(), run.handle);
  if (run.bytes > 0) count(at.leaf, run.chars, run.length, run.bytes);
  return at;
}

RunTree::Place RunTree::append(Run run, const char* text) {
  if (root_ == nullptr) make_root();
  return insert({last_, last_->count}, run, text);
}

void RunTree::extend(Place at, const char* text, TextSize size) {
  make_room(at, false, size.bytes, false);
  touch(at);
  Run& run = at.run();
  std::uint32_t offset = offset_of(at) + run.bytes;
  open_text(at.leaf, offset, size.bytes);
  std::memcpy(at.leaf->text + offset, text, size.bytes);
  run.bytes = static_cast<std::uint16_t>(run.bytes + size.bytes);
  run.chars = static_cast<std::uint16_t>(run.chars + size.chars);
  run.length += size.units;
  count(at.leaf, size.chars, size.units, size.bytes);
}

RunTree::Place RunTree::cut(Place at, std::uint32_t units) {
  make_room(at, true, 0, false);
  touch(at);
  Leaf* leaf = at.leaf;
  TextSize size{units, units, units};
  if (at.run().visible() && !at.run().ascii()) {
    std::uint32_t offset = offset_of(at);
    size = measure_units(leaf->text + offset, units);
    if (size.units < units) {
      char* pair = leaf->text + offset + size.bytes;
      open_text(leaf, offset + size.bytes + 4, 2);
      std::memcpy(pair, kReplacement.data(), 3);
      std::memcpy(pair + 3, kReplacement.data(), 3);
      at.run().bytes = static_cast<std::uint16_t>(at.run().bytes + 2);
      at.run().chars = static_cast<std::uint16_t>(at.run().chars + 1);
      count(leaf, 1, 0, 2);
      size.bytes += 3;
      ++size.chars;
    }
  }
  Place part{leaf, at.index + 1};
  open_slot(part);
  Run& first = at.run();
  Run& second = part.run();
  second.id = first.id.plus(units);
  second.length = first.length - units;
  second.left = second.id.before();
  second.right = first.right;
  second.bytes = second.chars = 0;
  if (first.visible()) {
    second.bytes = static_cast<std::uint16_t>(first.bytes - size.bytes);
    second.chars = static_cast<std::uint16_t>(first.chars - size.chars);
    first.bytes = static_cast<std::uint16_t>(size.bytes);
    first.chars = static_cast<std::uint16_t>(size.chars);
  }
  first.length = units;
  second.handle = new_handle(leaf);
  index_.insert(second.id.key(), second.handle);
  return part;
}

void RunTree::erase(Place at, std::uint32_t from, std::uint32_t length) {
  if (from + length < at.run().length) {
    if (from > 0) at = previous(cut(at, from + length));
  }
  Run* run = &at.run();
  if (length == run->length) return erase_whole(at);

  // Now at one end of the run. Where a pair is cut, or nothing deleted is there
  // to join, the part becomes a run of its own.
  bool prefix = from == 0;
  std::uint32_t boundary = prefix ? length : from;
  std::uint32_t offset = 0;
  TextSize size{boundary, boundary, boundary};
  if (!run->ascii()) {
    offset = offset_of(at);
    size = measure_units(at.leaf->text + offset, boundary);
  }
  std::uint32_t beside = prefix ? at.index - 1 : at.index + 1;
  bool joins = size.units == boundary && beside < at.leaf->count;
  if (joins) {
    const Run& other = at.leaf->runs[beside];
    joins = !other.visible() && other.right == run->right &&
            (prefix ? other.id.plus(other.length) == run->id && run->left == other.last()
                    : run->id.plus(run->length) == other.id && other.left == run->last());
  }
  if (!joins) {
    Place part = cut(at, boundary);
    return erase_whole(prefix ? previous(part) : part);
  }

  touch(at);
  if (run->ascii()) offset = offset_of(at);
  std::uint32_t begin = offset + (prefix ? 0 : size.bytes);
  std::uint32_t bytes = prefix ? size.bytes : run->bytes - size.bytes;
  std::uint32_t chars = prefix ? size.chars : run->chars - size.chars;
  Leaf* leaf = at.leaf;
  std::memmove(leaf->text + begin, leaf->text + begin + bytes, leaf->bytes - begin - bytes);
  leaf->bytes -= bytes;
  run->bytes = static_cast<std::uint16_t>(run->bytes - bytes);
  run->chars = static_cast<std::uint16_t>(run->chars - chars);
  run->length -= length;
  Run& other = leaf->runs[beside];
  Run& moved = prefix ? *run : other;  // its start moves
  std::uint64_t start = moved.id.key();
  if (prefix) {
    moved.id.clock += length;
  } else {
    moved.id.clock -= length;
  }
  moved.left = moved.id.before();
  other.length += length;
  index_.move_start(start, moved.id.key());
  count(leaf, -std::int64_t{chars}, -std::int64_t{length}, -std::int64_t{bytes});
}

void RunTree::erase_whole(Place at) {
  touch(at);
  Leaf* leaf = at.leaf;
  Run& run = at.run();
  std::uint32_t offset = offset_of(at);
  std::memmove(leaf->text + offset, leaf->text + offset + run.bytes,
               leaf->bytes - offset - run.bytes);
  leaf->bytes -= run.bytes;
  std::int64_t bytes = run.bytes;
  std::int64_t chars = run.chars;
  std::int64_t units = run.length;
  run.bytes = run.chars = 0;
  if (at.index + 1 < leaf->count && continues(run, leaf->runs[at.index + 1])) {
    run.length += leaf->runs[at.index + 1].length;
    drop({leaf, at.index + 1});
  }
  if (at.index > 0 && continues(leaf->runs[at.index - 1], run)) {
    leaf->runs[at.index - 1].length += run.length;
    touch({leaf, at.index - 1});
    drop(at);
  }
  count(leaf, -chars, -units, -bytes);
}

}  // namespace converge
