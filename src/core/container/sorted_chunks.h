// A sequence kept in order by its owner, in chunks, so that an insertion in the
// middle of many items moves at most one chunk of them. A sequence that fits
// into one chunk is one vector.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace converge {

template <class T>
class SortedChunks {
 public:
  // A forward iterator; const. Any change to the sequence invalidates it, but
  // for insert() and erase(), which give one that holds.
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    const_iterator() = default;
    const T& operator*() const { return (*chunks_)[chunk_][at_]; }
    const T* operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++at_ == (*chunks_)[chunk_].size()) {
        ++chunk_;
        at_ = 0;
      }
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.chunk_ == b.chunk_ && a.at_ == b.at_;
    }

   private:
    friend class SortedChunks;
    const_iterator(const SortedChunks* chunks, std::size_t chunk, std::size_t at)
        : chunks_(chunks), chunk_(chunk), at_(at) {}

    const SortedChunks* chunks_ = nullptr;
    std::size_t chunk_ = 0;
    std::size_t at_ = 0;
  };

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const_iterator begin() const { return {this, 0, 0}; }
  const_iterator end() const { return {this, empty() ? 0 : 1 + more_.size(), 0}; }
  const T& back() const { return more_.empty() ? first_.back() : more_.back().back(); }

  // The first item for which before(item) does not hold; it holds for those
  // ahead of that item and for none behind it.
  template <class Before>
  const_iterator first_not(Before before) const {
    std::size_t chunk = 0;
    if (!more_.empty() && before(first_.back())) {
      auto at = std::partition_point(more_.begin(), more_.end(),
                                     [&](const Chunk& items) { return before(items.back()); });
      chunk = 1 + static_cast<std::size_t>(at - more_.begin());
      if (at == more_.end()) return end();
    }
    const Chunk& items = (*this)[chunk];
    auto at = std::partition_point(items.begin(), items.end(), before);
    if (at == items.end()) return end();  // the only chunk
    return {this, chunk, static_cast<std::size_t>(at - items.begin())};
  }

  // The item before an iterator that is not begin().
  const_iterator previous(const_iterator at) const {
    if (at.at_ > 0) return {this, at.chunk_, at.at_ - 1};
    return {this, at.chunk_ - 1, (*this)[at.chunk_ - 1].size() - 1};
  }

  T& value_at(const_iterator at) { return (*this)[at.chunk_][at.at_]; }
  T& back() { return more_.empty() ? first_.back() : more_.back().back(); }

  void push_back(const T& item) {
    Chunk& last = more_.empty() ? first_ : more_.back();
    if (last.size() < kChunk) {
      last.push_back(item);
    } else {
      more_.emplace_back().push_back(item);
    }
    ++size_;
  }

  void insert(const_iterator before, const T& item) {
    if (before == end()) return push_back(item);
    Chunk& items = (*this)[before.chunk_];
    auto place = items.begin() + static_cast<std::ptrdiff_t>(before.at_);
    ++size_;
    if (items.size() < kChunk) {
      items.insert(place, item);
      return;
    }
    constexpr std::size_t half = kChunk / 2;
    Chunk upper(items.begin() + half, items.end());
    items.resize(half);
    if (before.at_ <= half) {
      items.insert(items.begin() + static_cast<std::ptrdiff_t>(before.at_), item);
    } else {
      upper.insert(upper.begin() + static_cast<std::ptrdiff_t>(before.at_ - half), item);
    }
    more_.insert(more_.begin() + static_cast<std::ptrdiff_t>(before.chunk_), std::move(upper));
  }

  // Takes an item out; gives the one behind it.
  const_iterator erase(const_iterator at) {
    Chunk& items = (*this)[at.chunk_];
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(at.at_));
    --size_;
    if (items.empty()) {
      if (at.chunk_ == 0 && !more_.empty()) {
        first_ = std::move(more_.front());
        more_.erase(more_.begin());
      } else if (at.chunk_ > 0) {
        more_.erase(more_.begin() + static_cast<std::ptrdiff_t>(at.chunk_ - 1));
      }
      return {this, at.chunk_, 0};
    }
    if (at.at_ == items.size()) return {this, at.chunk_ + 1, 0};
    return at;
  }

  friend bool operator==(const SortedChunks& a, const SortedChunks& b) {
    return a.size_ == b.size_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  using Chunk = std::vector<T>;
  static constexpr std::size_t kChunk = 512;

  const Chunk& operator[](std::size_t chunk) const { return chunk == 0 ? first_ : more_[chunk - 1]; }
  Chunk& operator[](std::size_t chunk) { return chunk == 0 ? first_ : more_[chunk - 1]; }

  Chunk first_;
  std::vector<Chunk> more_;  // none is empty; none while first_ is
  std::size_t size_ = 0;
};

}  // namespace converge
