#include "core/sequence/diff.h"

#include <algorithm>
#include <limits>
#include <string>

#include "core/long_work.h"
#include "core/sequence/utf16.h"

namespace converge {

namespace {

// The text as code points: what a change must not cut.
std::u32string decode_points(std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t bytes = utf8_bytes_of(text[at]);
    auto point = static_cast<std::uint8_t>(text[at]) & (bytes == 1 ? 0x7fu : 0xffu >> (bytes + 1));
    for (std::uint32_t i = 1; i < bytes; ++i) {
      point = point << 6 | (static_cast<std::uint8_t>(text[at + i]) & 0x3fu);
    }
    points.push_back(static_cast<char32_t>(point));
    at += bytes;
  }
  return points;
}

class Differ {
 public:
  Differ(const std::u32string& a, const std::u32string& b)
      : a_(a),
        b_(b),
        erased_(a.size()),
        inserted_(b.size()),
        max_cost_(std::clamp<std::int64_t>(
            kSteps / static_cast<std::int64_t>(a.size() + b.size() + 1), 64, 8192)) {}

  void compare(std::int64_t a, std::int64_t a_end, std::int64_t b, std::int64_t b_end) {
    for (;;) {
      while (a < a_end && b < b_end && at_a(a) == at_b(b)) ++a, ++b;
      while (a < a_end && b < b_end && at_a(a_end - 1) == at_b(b_end - 1)) --a_end, --b_end;
      Split split;
      if (a < a_end && b < b_end) split = middle(a, a_end, b, b_end);
      if (!split.found) {
        std::fill(erased_.begin() + a, erased_.begin() + a_end, true);
        std::fill(inserted_.begin() + b, inserted_.begin() + b_end, true);
        return;
      }
      // The first part costs at most max_cost_: so the recursion is not deep.
      compare(a, split.a, b, split.b);
      a = split.a;
      b = split.b;
    }
  }

  const std::vector<bool>& erased() const { return erased_; }
  const std::vector<bool>& inserted() const { return inserted_; }

 private:
  struct Split {
    bool found = false;
    std::int64_t a = 0;
    std::int64_t b = 0;
  };

  char32_t at_a(std::int64_t i) const { return a_[static_cast<std::size_t>(i)]; }
  char32_t at_b(std::int64_t i) const { return b_[static_cast<std::size_t>(i)]; }

  // A point on a shortest path, from both ends at once. Both ranges are not
  // empty, and differ at both ends.
  Split middle(std::int64_t a, std::int64_t a_end, std::int64_t b, std::int64_t b_end) {
    const std::int64_t n = a_end - a;
    const std::int64_t m = b_end - b;
    const std::int64_t reach = std::min((n + m + 1) / 2, max_cost_);
    const std::int64_t width = 2 * reach + 3;
    const std::int64_t delta = n - m;
    const bool odd = delta & 1;
    forward_.assign(static_cast<std::size_t>(width), kNone);
    backward_.assign(static_cast<std::size_t>(width), kNone);
    auto f = [&](std::int64_t k) -> std::int64_t& { return forward_[static_cast<std::size_t>(k + reach + 1)]; };
    auto r = [&](std::int64_t k) -> std::int64_t& { return backward_[static_cast<std::size_t>(k + reach + 1)]; };
    f(1) = 0;
    r(1) = 0;
    for (std::int64_t d = 0; d <= reach; ++d) {
      long_work();
      for (std::int64_t k = -d; k <= d; k += 2) {
        std::int64_t x = k == -d || (k != d && f(k - 1) < f(k + 1)) ? f(k + 1) : f(k - 1) + 1;
        std::int64_t y = x - k;
        if (x < 0 || x > n || y > m) {
          f(k) = kNone;
          continue;
        }
        while (x < n && y < m && at_a(a + x) == at_b(b + y)) ++x, ++y;
        f(k) = x;
        std::int64_t other = delta - k;
        if (odd && other >= -(d - 1) && other <= d - 1 && x + r(other) >= n) {
          return {true, a + x, b + y};
        }
      }
      for (std::int64_t k = -d; k <= d; k += 2) {
        std::int64_t x = k == -d || (k != d && r(k - 1) < r(k + 1)) ? r(k + 1) : r(k - 1) + 1;
        std::int64_t y = x - k;
        if (x < 0 || x > n || y > m) {
          r(k) = kNone;
          continue;
        }
        while (x < n && y < m && at_a(a_end - 1 - x) == at_b(b_end - 1 - y)) ++x, ++y;
        r(k) = x;
        std::int64_t other = delta - k;
        if (!odd && other >= -d && other <= d && x + f(other) >= n) {
          return {true, a_end - x, b_end - y};
        }
      }
    }
    // Too different: go on from the point that the forward search took furthest.
    std::int64_t best = 0;
    Split split;
    for (std::int64_t k = -reach; k <= reach; ++k) {
      std::int64_t x = f(k);
      std::int64_t y = x - k;
      if (x < 0 || x > n || y < 0 || y > m || x + y <= best) continue;
      best = x + y;
      split = {true, a + x, b + y};
    }
    if (best >= n + m) split.found = false;
    return split;
  }

  // About as many steps are taken at most, and 64 for each character beyond.
  static constexpr std::int64_t kSteps = std::int64_t{1} << 27;
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min() / 4;

  const std::u32string& a_;
  const std::u32string& b_;
  std::vector<bool> erased_;
  std::vector<bool> inserted_;
  const std::int64_t max_cost_;  // differing characters that a search goes to
  std::vector<std::int64_t> forward_;
  std::vector<std::int64_t> backward_;
};

}  // namespace

std::vector<TextChange> diff_text(std::string_view current, std::string_view wanted) {
  std::vector<TextChange> changes;
  if (current == wanted) return changes;
  const std::u32string a = decode_points(current);
  const std::u32string b = decode_points(wanted);
  Differ differ(a, b);
  differ.compare(0, static_cast<std::int64_t>(a.size()), 0, static_cast<std::int64_t>(b.size()));
  std::size_t from = 0;
  std::size_t to = 0;
  std::size_t bytes = 0;  // where `to` is in the wanted text
  auto step = [&] {
    bytes += utf8_bytes_of(wanted[bytes]);
    ++to;
  };
  while (from < a.size() || to < b.size()) {
    TextChange change{to, 0, {}};
    std::size_t begin = bytes;
    while ((from < a.size() && differ.erased()[from]) || (to < b.size() && differ.inserted()[to])) {
      if (from < a.size() && differ.erased()[from]) {
        ++from;
        ++change.erased;
      } else {
        step();
      }
    }
    if (change.erased > 0 || bytes > begin) {
      change.text = wanted.substr(begin, bytes - begin);
      changes.push_back(change);
    }
    if (from < a.size() && to < b.size()) {
      ++from;
      step();
    }
  }
  return changes;
}

}  // namespace converge
