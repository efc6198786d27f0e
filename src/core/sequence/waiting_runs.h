// Runs that wait, as a crdt_text and a ydoc write them: docs/internals.md describes the
// bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/codec/varint.h"
#include "core/sequence/sequence.h"

namespace converge::waiting_runs {

// The head byte.
inline constexpr std::uint8_t kDeleted = 1;
inline constexpr std::uint8_t kSameClient = 2;  // as the run before
inline constexpr unsigned kLeftShift = 2;
inline constexpr unsigned kRightShift = 4;
inline constexpr std::uint8_t kSingle = 64;  // one unit, or one byte of text
inline constexpr std::uint8_t kIsGone = 128;

// How an origin is written.
enum Origin : std::uint8_t {
  beside = 0,       // left: its own unit before; right: the unit after the left one
  edge = 1,         // none
  same_client = 2,  // an earlier unit of the run's own client, by distance
  other_client = 3,
};

inline Origin kind_of(const LooseRun& run, UnitId origin, UnitId near) {
  if (origin.none()) return edge;
  if (origin == near) return beside;
  return origin.client == run.id.client && origin.clock < run.id.clock ? same_client : other_client;
}

inline Origin left_kind(const LooseRun& run) {
  return kind_of(run, run.left, run.id.clock > 0 ? run.id.before() : kNoId);
}

inline Origin right_kind(const LooseRun& run) {
  return kind_of(run, run.right, run.left.none() ? kNoId : run.left.plus(1));
}

// Whether b says no more than a longer a would.
inline bool joins(const LooseRun& a, const LooseRun& b) {
  if (a.list == kGone || b.list == kGone) return a.list == b.list && b.id == a.id.plus(a.length);
  return follows(a, b);
}

// Appends the runs, of which there is one at least, ascending by the numbers of their
// clients and by clocks. `append_list(run)` is called behind the origins of a run that
// has none and is not gone, `append_contents(run)` for each part of a run, behind the
// text of all.
template <class AppendList, class AppendContents>
void append(std::string& out, const std::vector<LooseRun>& runs, const std::vector<std::uint32_t>& number,
            AppendList&& append_list, AppendContents&& append_contents) {
  auto append_origin = [&](Origin kind, const LooseRun& run, UnitId origin) {
    if (kind == same_client) append_varint(out, run.id.clock - 1 - origin.clock);
    if (kind != other_client) return;
    append_varint(out, number[origin.client]);
    append_varint(out, origin.clock);
  };
  std::size_t count = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) count += i == 0 || !joins(runs[i - 1], runs[i]);
  append_varint(out, count);
  ClientIndex client = kNoId.client;
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < runs.size();) {
    const LooseRun& run = runs[i];
    const std::size_t first = i;
    std::uint32_t length = run.length;
    std::size_t bytes = run.text.size();
    for (++i; i < runs.size() && joins(runs[i - 1], runs[i]); ++i) {
      length += runs[i].length;
      bytes += runs[i].text.size();
    }
    const Origin left = left_kind(run);
    const Origin right = right_kind(run);
    const std::size_t size = run.text.empty() ? length : bytes;
    out.push_back(static_cast<char>((run.text.empty() ? kDeleted : 0) | (run.id.client == client ? kSameClient : 0) |
                                    left << kLeftShift | right << kRightShift | (size == 1 ? kSingle : 0) |
                                    (run.list == kGone ? kIsGone : 0)));
    if (run.id.client != client) {
      append_varint(out, number[run.id.client]);
      end = 0;
    }
    client = run.id.client;
    append_varint(out, run.id.clock - end);
    if (size != 1) append_varint(out, size);
    append_origin(left, run, run.left);
    append_origin(right, run, run.right);
    if (left == edge && right == edge && run.list != kGone) append_list(run);
    for (std::size_t part = first; part < i; ++part) out.append(runs[part].text);
    for (std::size_t part = first; part < i; ++part) append_contents(runs[part]);
    end = run.id.clock + length;
  }
}

// The runs, in any order, as append() takes them.
inline std::vector<LooseRun> in_order(std::vector<LooseRun> runs, const std::vector<std::uint32_t>& number) {
  auto by_id = [&](const LooseRun& a, const LooseRun& b) {
    return a.id.client != b.id.client ? number[a.id.client] < number[b.id.client] : a.id.clock < b.id.clock;
  };
  if (!std::is_sorted(runs.begin(), runs.end(), by_id)) std::sort(runs.begin(), runs.end(), by_id);
  return runs;
}

}  // namespace converge::waiting_runs
