// The adds of one element that are alive: nearly always one, which then lives
// here without an allocation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/replica.h"

namespace converge {

class DotSet {
 public:
  std::size_t size() const { return many_.empty() ? has_one_ : many_.size(); }
  bool empty() const { return size() == 0; }

  // Ascending.
  const Dot* begin() const { return many_.empty() ? &one_ : many_.data(); }
  const Dot* end() const { return begin() + size(); }

  bool contains(Dot dot) const { return std::binary_search(begin(), end(), dot); }

  void insert(Dot dot) {
    if (empty()) {
      one_ = dot;
      has_one_ = true;
      return;
    }
    if (contains(dot)) return;
    if (many_.empty()) many_.push_back(one_);
    many_.insert(std::lower_bound(many_.begin(), many_.end(), dot), dot);
  }

  void erase(Dot dot) {
    if (!contains(dot)) return;
    if (many_.empty()) {
      has_one_ = false;
      return;
    }
    many_.erase(std::lower_bound(many_.begin(), many_.end(), dot));
    if (many_.size() == 1) {
      one_ = many_.front();
      has_one_ = true;
      many_ = {};
    }
  }

 private:
  Dot one_;
  bool has_one_ = false;
  std::vector<Dot> many_;  // empty, or two and more
};

}  // namespace converge
