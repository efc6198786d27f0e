// Values by key, a byte string or a number: a dense array with a hash index once
// it is worth one.
// A table filled in ascending order (as decoders do) is searched by bisection
// until it is first changed, so that reading one key builds no index.
// A const table may be read by several threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/container/hash_index.h"

namespace converge {

// How a key is looked for and hashed.
template <class Key>
struct KeyTraits;

template <>
struct KeyTraits<std::string> {
  using View = std::string_view;
  static std::uint32_t hash(View key) { return hash_bytes(key); }
};

template <>
struct KeyTraits<std::uint64_t> {
  using View = std::uint64_t;
  static std::uint32_t hash(View key) { return hash_numbers(key, 0); }
};

template <class Value, class Key = std::string>
class KeyTable {
 public:
  using View = typename KeyTraits<Key>::View;

  struct Slot {
    Key key;
    Value value;
  };
  static constexpr std::uint32_t npos = HashIndex::npos;

  std::size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  void reserve(std::size_t size) { slots_.reserve(size); }

  // In no particular order.
  auto begin() const { return slots_.begin(); }
  auto end() const { return slots_.end(); }
  const Slot& operator[](std::uint32_t position) const { return slots_[position]; }
  Value& value_at(std::uint32_t position) { return slots_[position].value; }

  // A key's position, which holds until something is erased; npos if absent.
  std::uint32_t position(View key) const {
    if (!index_.empty()) {
      return index_.find(KeyTraits<Key>::hash(key),
                         [&](std::uint32_t at) { return slots_[at].key == key; });
    }
    if (ordered_) {
      auto at = std::lower_bound(slots_.begin(), slots_.end(), key,
                                 [](const Slot& slot, View k) { return slot.key < k; });
      return at != slots_.end() && at->key == key
                 ? static_cast<std::uint32_t>(at - slots_.begin())
                 : npos;
    }
    for (std::uint32_t at = 0; at < slots_.size(); ++at) {
      if (slots_[at].key == key) return at;
    }
    return npos;
  }

  const Value* find(View key) const {
    std::uint32_t at = position(key);
    return at == npos ? nullptr : &slots_[at].value;
  }

  // The key's position, and whether it was added just now with an empty value.
  std::pair<std::uint32_t, bool> find_or_add(View key) {
    build_index();
    std::uint32_t at = position(key);
    if (at != npos) return {at, false};
    at = static_cast<std::uint32_t>(slots_.size());
    ordered_ = ordered_ && (slots_.empty() || slots_.back().key < key);
    slots_.push_back(Slot{Key(key), Value{}});
    if (!index_.empty()) index_.insert(KeyTraits<Key>::hash(key), at);
    return {at, true};
  }

  // For decoders: adds a key greater than all before it.
  Value& append(View key) {
    slots_.push_back(Slot{Key(key), Value{}});
    return slots_.back().value;
  }

  // The last slot takes the erased one's position.
  void erase(std::uint32_t at) {
    build_index();
    const auto last = static_cast<std::uint32_t>(slots_.size() - 1);
    if (!index_.empty()) {
      index_.erase(KeyTraits<Key>::hash(slots_[at].key), at);
      if (at != last) index_.move(KeyTraits<Key>::hash(slots_[last].key), last, at);
    }
    if (at != last) {
      slots_[at] = std::move(slots_[last]);
      ordered_ = false;
    }
    slots_.pop_back();
    if (slots_.empty()) {
      index_.clear();
      ordered_ = true;
    }
  }

  // Positions ascending by key (strings by their bytes).
  std::vector<std::uint32_t> sorted() const {
    std::vector<std::uint32_t> order(slots_.size());
    for (std::uint32_t at = 0; at < order.size(); ++at) order[at] = at;
    if (!ordered_) {
      std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return slots_[a].key < slots_[b].key;
      });
    }
    return order;
  }

 private:
  static constexpr std::size_t kUnindexed = 8;

  void build_index() {
    if (slots_.size() < kUnindexed || !index_.empty()) return;
    index_.reserve(slots_.size() + 1);
    for (std::uint32_t at = 0; at < slots_.size(); ++at) {
      index_.insert(KeyTraits<Key>::hash(slots_[at].key), at);
    }
  }

  std::vector<Slot> slots_;
  HashIndex index_;  // empty, or of every slot
  bool ordered_ = true;
};

}  // namespace converge
