// When a document's changes to deferred fields are to be folded into its row.
#pragma once

#include <algorithm>
#include <cstdint>

namespace converge {

// Times in milliseconds of any one clock.
struct FoldRule {
  std::int64_t quiet_ms = 2'000;    // after the last change
  std::int64_t latest_ms = 30'000;  // after the first one, however busy the document is
  std::uint64_t changes = 500;      // as soon as there are so many
};

// The changes of a document that wait to be folded; at least one.
struct UnfoldedChanges {
  std::uint64_t count = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

// The moment from which on the document is to be folded. Where there are changes enough,
// it is when there were just so many, if they came evenly: documents that have long had
// them are more urgent than those that have them now.
constexpr std::int64_t fold_due(const FoldRule& rule, const UnfoldedChanges& waiting) {
  const std::int64_t due = std::min(waiting.last_ms + rule.quiet_ms, waiting.first_ms + rule.latest_ms);
  if (waiting.count < rule.changes) return due;
  const double share = static_cast<double>(rule.changes) / static_cast<double>(waiting.count);
  const double took = static_cast<double>(waiting.last_ms - waiting.first_ms) * share;
  return std::min(due, waiting.first_ms + static_cast<std::int64_t>(took));
}

// A document's own rule: documents whose first changes came at one time, and which change
// equally often, are not to be due at one time, so the longest wait is shorter for each by
// a part of a quarter of its own (the finalizer of Stafford's mix 13 of its number), and so
// many changes are fewer by the same part.
constexpr FoldRule rule_of(const FoldRule& rule, std::uint64_t document) {
  std::uint64_t mixed = (document ^ document >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  FoldRule own = rule;
  own.latest_ms -= rule.latest_ms / 4 * static_cast<std::int64_t>(mixed % 256) / 256;
  own.changes -= rule.changes / 4 * (mixed % 256) / 256;
  return own;
}

// When to try again after the fold failed for a reason that may pass (the row is
// locked, say), `failures` times in a row: from a quarter of a second to a minute.
constexpr std::int64_t fold_retry_ms(int failures) {
  return std::min<std::int64_t>(std::int64_t{250} << std::min(failures - 1, 8), 60'000);
}

}  // namespace converge
