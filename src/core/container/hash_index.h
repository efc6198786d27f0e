// Open-addressing index from a hash to a position in a dense array that the
// owner keeps. It stores positions only; the owner compares what is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/container/seeded_hash.h"

namespace converge {

class HashIndex {
 public:
  static constexpr std::uint32_t npos = 0xffffffffu;

  bool empty() const { return size_ == 0; }

  void clear() {
    cells_.clear();
    size_ = 0;
  }

  void reserve(std::size_t items) {
    std::size_t capacity = 16;
    while (capacity * 3 / 4 < items) capacity *= 2;
    if (capacity > cells_.size()) rehash(capacity);
  }

  // The position under `hash` for which same(position) holds, or npos.
  template <class Same>
  std::uint32_t find(std::uint32_t hash, Same same) const {
    if (cells_.empty()) return npos;
    const std::size_t mask = cells_.size() - 1;
    for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
      const Cell& cell = cells_[i];
      if (cell.position == npos) return npos;
      if (cell.hash == hash && same(cell.position)) return cell.position;
    }
  }

  // The caller knows that it is not there yet.
  void insert(std::uint32_t hash, std::uint32_t position) {
    reserve(size_ + 1);
    place(Cell{hash, position});
    ++size_;
  }

  // Points what is indexed as (hash, from) at `to`.
  void move(std::uint32_t hash, std::uint32_t from, std::uint32_t to) {
    cells_[cell_of(hash, from)].position = to;
  }

  // Takes (hash, position) out and closes the hole, so that no tombstones pile up.
  void erase(std::uint32_t hash, std::uint32_t position) {
    const std::size_t mask = cells_.size() - 1;
    std::size_t hole = cell_of(hash, position);
    for (std::size_t i = (hole + 1) & mask; cells_[i].position != npos; i = (i + 1) & mask) {
      const std::size_t home = cells_[i].hash & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        cells_[hole] = cells_[i];
        hole = i;
      }
    }
    cells_[hole] = Cell{};
    --size_;
  }

 private:
  struct Cell {
    std::uint32_t hash = 0;
    std::uint32_t position = npos;
  };

  std::size_t cell_of(std::uint32_t hash, std::uint32_t position) const {
    const std::size_t mask = cells_.size() - 1;
    std::size_t i = hash & mask;
    while (cells_[i].hash != hash || cells_[i].position != position) i = (i + 1) & mask;
    return i;
  }

  void place(Cell cell) {
    const std::size_t mask = cells_.size() - 1;
    std::size_t i = cell.hash & mask;
    while (cells_[i].position != npos) i = (i + 1) & mask;
    cells_[i] = cell;
  }

  void rehash(std::size_t capacity) {
    std::vector<Cell> old(capacity);
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.position != npos) place(cell);
    }
  }

  std::vector<Cell> cells_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace converge
