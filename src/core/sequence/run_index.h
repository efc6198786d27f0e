// Finds a run by the identifier of one of its units: run starts in ascending
// order, each with the run's handle. Sorted chunks under a sorted directory, so
// that a lookup is two binary searches and an insertion moves one chunk's tail
// (the directory moves once for every half chunk of insertions).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace converge {

class RunIndex {
 public:
  using Key = std::uint64_t;  // UnitId::key() of a run's first unit
  using Handle = std::uint32_t;

  struct Entry {
    Key key;
    Handle handle;
  };

  RunIndex() = default;
  RunIndex(const RunIndex&) = delete;
  RunIndex& operator=(const RunIndex&) = delete;
  ~RunIndex() { clear(); }

  void clear();
  // Fills an empty index, in ascending order, leaving room to grow.
  void append(Key key, Handle handle);

  // The entry with the greatest key not above `key`, or null.
  const Entry* find(Key key) const;
  // The entry after the one with that key, or null.
  const Entry* after(Key key) const;

  void insert(Key key, Handle handle);
  void erase(Key key);
  // The run that starts at `from` now starts at `to`, still in the same order.
  void move_start(Key from, Key to);

  std::size_t size() const { return size_; }
  std::size_t memory() const;

  template <class F>
  void for_each(F&& take) const {
    for (const auto& chunk : chunks_) {
      for (std::uint32_t i = 0; i < chunk->count; ++i) take(chunk->entries[i]);
    }
  }

 private:
  static constexpr std::uint32_t kChunk = 128;
  struct Chunk {
    std::uint32_t count;
    Entry entries[kChunk];
  };

  std::size_t chunk_of(Key key) const;
  static std::uint32_t upper(const Chunk& chunk, Key key);

  std::vector<Key> firsts_;  // a lower bound for each chunk; the first is 0
  std::vector<Chunk*> chunks_;  // owned: plain pointers, because insertion moves many
  std::size_t size_ = 0;
  mutable std::size_t recent_ = 0;  // the chunk used last: edits come in clusters
  std::uint32_t recent_moved_ = 0;  // the place in its chunk of the start moved last
};

}  // namespace converge
