#include "core/ydoc/pending_update.h"

#include <algorithm>
#include <cstdint>
#include <forward_list>
#include <utility>
#include <vector>

#include "core/sequence/run_gathering.h"
#include "core/ydoc/flat_document.h"
#include "core/ydoc/lib0.h"
#include "core/ydoc/struct_info.h"
#include "core/ydoc/ydoc_codec.h"

namespace converge {

namespace {

// Whether the runs, in the order of their identifiers, are texts of which each stands for itself.
bool are_plain(const std::vector<LooseRun>& runs) {
  std::uint64_t end = 0;
  for (const LooseRun& run : runs) {
    if (run.text.empty() || run.contents != nullptr || run.list == kGone || run.id.key() < end) return false;
    end = run.id.key() + run.length;
  }
  return true;
}

// In the order of their identifiers, in maximal ranges.
void join_ranges(std::vector<UnitRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const UnitRange& a, const UnitRange& b) { return a.id.key() < b.id.key(); });
  std::size_t kept = 0;
  for (const UnitRange& range : ranges) {
    const std::uint64_t end = range.id.key() + range.length;
    if (kept > 0 && range.id.key() <= ranges[kept - 1].id.key() + ranges[kept - 1].length) {
      UnitRange& before = ranges[kept - 1];
      before.length = static_cast<std::uint32_t>(std::max(end, before.id.key() + before.length) - before.id.key());
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
}

class PendingWriter {
 public:
  explicit PendingWriter(const FlatSequence& flat) : flat_(flat) {}

  std::string write() {
    for_each_client(flat_.waiting, [&](const LooseRun* first, const LooseRun* end) { structs(first, end); });
    for_each_client(flat_.deleted, [&](const UnitRange* first, const UnitRange* end) { deletions(first, end); });
    return std::move(out_);
  }

 private:
  // Writes how many clients there are, and then each one's: descending, as Yjs does.
  template <class Part, class Write>
  void for_each_client(const std::vector<Part>& parts, Write&& write) {
    std::vector<std::pair<ReplicaId, std::pair<const Part*, const Part*>>> clients;
    const Part* const end = parts.data() + parts.size();
    for (const Part* first = parts.data(); first != end;) {
      const Part* next = first;
      while (next != end && next->id.client == first->id.client) ++next;
      clients.push_back({flat_.replicas[first->id.client], {first, next}});
      first = next;
    }
    std::sort(clients.begin(), clients.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    lib0::write_uint(out_, clients.size());
    for (const auto& [replica, part] : clients) write(part.first, part.second);
  }

  void structs(const LooseRun* first, const LooseRun* end) {
    std::size_t count = 0;
    std::uint32_t clock = first->id.clock;
    for (const LooseRun* run = first; run != end; ++run) {
      count += run->id.clock == clock ? 1 : 2;
      clock = run->id.clock + run->length;
    }
    lib0::write_uint(out_, count);
    lib0::write_uint(out_, flat_.replicas[first->id.client]);
    lib0::write_uint(out_, first->id.clock);
    clock = first->id.clock;
    for (const LooseRun* run = first; run != end; ++run) {
      if (run->id.clock != clock) {
        out_.push_back(static_cast<char>(kSkipStruct));
        lib0::write_uint(out_, run->id.clock - clock);
      }
      text(*run);
      clock = run->id.clock + run->length;
    }
  }

  void text(const LooseRun& run) {
    const ListName* list = run.left.none() && run.right.none() ? &flat_.lists[run.list - kFirstList] : nullptr;
    std::uint8_t info = kStringContent;
    if (!run.left.none()) info |= kHasLeft;
    if (!run.right.none()) info |= kHasRight;
    if (list != nullptr && list->keyed) info |= kHasKey;
    out_.push_back(static_cast<char>(info));
    if (!run.left.none()) unit(run.left);
    if (!run.right.none()) unit(run.right);
    if (list != nullptr) {
      lib0::write_uint(out_, list->parent.none());
      if (list->parent.none()) {
        lib0::write_bytes(out_, list->root);
      } else {
        unit(list->parent);
      }
      if (list->keyed) lib0::write_bytes(out_, list->key);
    }
    lib0::write_bytes(out_, run.text);
  }

  void deletions(const UnitRange* first, const UnitRange* end) {
    lib0::write_uint(out_, flat_.replicas[first->id.client]);
    lib0::write_uint(out_, static_cast<std::size_t>(end - first));
    for (const UnitRange* range = first; range != end; ++range) {
      lib0::write_uint(out_, range->id.clock);
      lib0::write_uint(out_, range->length);
    }
  }

  void unit(UnitId id) {
    lib0::write_uint(out_, flat_.replicas[id.client]);
    lib0::write_uint(out_, id.clock);
  }

  const FlatSequence& flat_;
  std::string out_;
};

}  // namespace

std::optional<std::string> write_pending_update(std::span<const std::string_view> states) {
  FlatDocument pending;
  for (const std::string_view state : states) {
    if (!is_pending_alone(state) || !read_pending(state, pending) || pending.content_bytes() > kMaxContentBytes) {
      return {};
    }
  }
  std::forward_list<std::string> texts;
  join_runs(pending.flat.waiting, texts);
  if (!are_plain(pending.flat.waiting)) return {};
  join_ranges(pending.flat.deleted);
  return PendingWriter(pending.flat).write();
}

}  // namespace converge
