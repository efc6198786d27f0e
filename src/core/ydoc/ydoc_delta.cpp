// What one document has and another may lack, or lacks.
#include <algorithm>
#include <utility>

#include "core/sequence/sequence.h"
#include "core/ydoc/ydoc.h"
#include "core/ydoc/ydoc_codec.h"

namespace converge {

Result<YDoc> YDoc::delta(const VersionVector& since) const {
  FlatDocument whole = flatten_document(*sequence_);
  FlatSequence& flat = whole.flat;
  std::vector<LooseRun> runs = std::move(flat.runs);
  flat.runs.clear();
  for (const LooseRun& run : runs) {
    const std::uint64_t have = since.get(flat.replicas[run.id.client]);
    auto part = static_cast<std::uint32_t>(
        have > run.id.clock ? std::min<std::uint64_t>(have - run.id.clock, run.length) : 0);
    if (part > 0 && run.text.empty()) {
      flat.deleted.push_back({run.id, part});
    } else if (part < run.length && !run.text.empty()) {
      // Half a surrogate pair is not taken alone.
      part = measure_units(run.text.data(), part).units;
    }
    if (part == run.length) continue;
    std::string replaced;
    flat.waiting.push_back(part > 0 ? rest_of(run, part, replaced) : run);
  }
  YDoc delta;
  if (!delta.sequence_->add(flat)) {
    return Error{ErrorCode::too_large, "ydoc delta would exceed its bounds",
                 "at most " + std::to_string(kMaxPendingRuns) + " runs and deleted ranges and " +
                     std::to_string(kMaxPendingBytes) + " bytes of text"};
  }
  return delta;
}

YDoc YDoc::difference(const YDoc& older) const {
  using State = Sequence::UnitState;
  FlatDocument whole = flatten_document(*sequence_);
  FlatSequence& flat = whole.flat;
  std::vector<ClientIndex> clients;
  for (ReplicaId replica : flat.replicas) clients.push_back(older.sequence_->find_client(replica));
  auto in_older = [&](UnitId id, std::uint32_t length) -> Sequence::Stretch {
    const ClientIndex client = clients[id.client];
    if (client == kNoId.client) return {State::unknown, length};
    return older.sequence_->stretch({client, id.clock}, length);
  };

  std::vector<LooseRun> runs = std::move(flat.runs);
  runs.insert(runs.end(), flat.waiting.begin(), flat.waiting.end());
  std::vector<UnitRange> deleted = std::move(flat.deleted);
  flat.runs.clear();
  flat.waiting.clear();
  flat.deleted.clear();
  for (const LooseRun& run : runs) {
    const bool gone = run.list == kGone;
    for (std::uint32_t from = 0; from < run.length;) {
      const UnitId id = run.id.plus(from);
      const Sequence::Stretch there = in_older(id, run.length - from);
      const bool integrated = clients[id.client] != kNoId.client &&
                              older.sequence_->integrated({clients[id.client], id.clock});
      if (there.state == State::unknown || there.state == State::early ||
          (gone && there.state != State::gone && !integrated)) {
        std::string text;
        std::string part_text;
        LooseRun part = from > 0 ? rest_of(run, from, text) : run;
        if (there.length < part.length) part = first_of(part, there.length, part_text);
        if (part.text.data() == text.data() || part.text.data() == part_text.data()) {
          part.text = whole.own(std::string(part.text));
        }
        flat.waiting.push_back(part);
      } else if (run.text.empty() && there.state == State::visible) {
        flat.deleted.push_back({id, there.length});
      }
      from += there.length;
    }
  }
  for (UnitRange range : deleted) {
    while (range.length > 0) {
      const Sequence::Stretch there = in_older(range.id, range.length);
      if (there.state == State::visible || there.state == State::unknown) {
        flat.deleted.push_back({range.id, there.length});
      }
      range = {range.id.plus(there.length), range.length - there.length};
    }
  }
  YDoc difference;
  difference.sequence_->add(flat);  // bounded: no more than there is here
  return difference;
}

}  // namespace converge
