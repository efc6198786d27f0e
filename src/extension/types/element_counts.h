// Counts how often each of many texts comes, in bounded memory: lossy counting
// (Manku, Motwani: Approximate Frequency Counts over Data Streams, 2002), as
// PostgreSQL's own statistics of arrays use it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/container/seeded_hash.h"

namespace converge {

class ElementCounts {
 public:
  struct Entry {
    std::string element;
    std::uint64_t count;
  };

  // `wanted`: how many of the most common ones are to be found.
  explicit ElementCounts(std::size_t wanted) : wanted_(wanted), width_(wanted * 1000 / 7 + 1) {}

  void add(std::string_view element) {
    auto [at, added] = counts_.try_emplace(std::string(element));
    if (added) at->second.missed = bucket_;
    ++at->second.count;
    if (++seen_ % width_ == 0) prune();
  }

  // The most common ones, ascending by their bytes: all, if none had to be
  // forgotten and they are not too many.
  std::vector<Entry> most_common() const {
    const std::uint64_t least = bucket_ == 0 ? 1 : 9 * seen_ / width_;
    std::vector<Entry> found;
    for (const auto& [element, count] : counts_)
      if (count.count >= least) found.push_back(Entry{element, count.count});
    if (found.size() > wanted_) {
      std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(wanted_), found.end(),
                       [](const Entry& a, const Entry& b) { return a.count > b.count; });
      found.resize(wanted_);
    }
    std::sort(found.begin(), found.end(),
              [](const Entry& a, const Entry& b) { return a.element < b.element; });
    return found;
  }

 private:
  struct Count {
    std::uint64_t count = 0;
    std::uint64_t missed = 0;  // at most so many came before it was counted
  };

  void prune() {
    ++bucket_;
    for (auto at = counts_.begin(); at != counts_.end();) {
      if (at->second.count + at->second.missed <= bucket_) {
        at = counts_.erase(at);
      } else {
        ++at;
      }
    }
  }

  std::size_t wanted_;
  std::uint64_t width_;
  std::uint64_t seen_ = 0;
  std::uint64_t bucket_ = 0;
  std::unordered_map<std::string, Count, SeededHash> counts_;
};

}  // namespace converge
