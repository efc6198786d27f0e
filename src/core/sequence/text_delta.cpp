// What one text has and another may lack, or lacks.
#include <algorithm>
#include <deque>

#include "core/sequence/sequence.h"
#include "core/sequence/text.h"
#include "core/sequence/text_codec.h"

namespace converge {

namespace {

// Runs and deletions that `older` lacks, of a sequence with other numbers for
// its replicas.
class Lacking {
 public:
  Lacking(const Sequence& newer, const Sequence& older) : older_(older) {
    flat_.replicas = newer.replicas();
    for (ReplicaId replica : flat_.replicas) clients_.push_back(older.find_client(replica));
  }

  void run(const LooseRun& run) {
    bool deleted = run.text.empty();
    if (!deleted && known(run.id, run.length)) return;
    for (std::uint32_t from = 0; from < run.length;) {
      Sequence::Stretch stretch = in_older(run.id.plus(from), run.length - from);
      if (stretch.state == Sequence::UnitState::visible) {
        if (deleted) flat_.deleted.push_back({run.id.plus(from), stretch.length});
      } else if (stretch.state != Sequence::UnitState::deleted) {
        flat_.waiting.push_back(part(run, from, stretch.length));
      }
      from += stretch.length;
    }
  }

  void deleted(UnitRange range) {
    while (range.length > 0) {
      Sequence::Stretch stretch = in_older(range.id, range.length);
      if (stretch.state == Sequence::UnitState::visible ||
          stretch.state == Sequence::UnitState::unknown) {
        flat_.deleted.push_back({range.id, stretch.length});
      }
      range = {range.id.plus(stretch.length), range.length - stretch.length};
    }
  }

  const FlatSequence& flat() const { return flat_; }

 private:
  bool known(UnitId id, std::uint32_t length) const {
    ClientIndex client = clients_[id.client];
    return client != kNoId.client && id.clock + length <= older_.known(client);
  }

  Sequence::Stretch in_older(UnitId id, std::uint32_t length) const {
    ClientIndex client = clients_[id.client];
    if (client == kNoId.client) return {Sequence::UnitState::unknown, length};
    return older_.stretch({client, id.clock}, length);
  }

  LooseRun part(const LooseRun& run, std::uint32_t from, std::uint32_t length) {
    LooseRun part = run;
    if (from > 0) part = rest_of(part, from, replaced_.emplace_back());
    if (length < part.length) part = first_of(part, length, replaced_.emplace_back());
    return part;
  }

  const Sequence& older_;
  std::vector<ClientIndex> clients_;  // by newer's number
  FlatSequence flat_;
  std::deque<std::string> replaced_;
};

}  // namespace

Result<Text> Text::delta(const VersionVector& since) const {
  FlatSequence whole = flatten(*sequence_);
  FlatSequence flat;
  flat.replicas = whole.replicas;
  flat.waiting = std::move(whole.waiting);
  flat.deleted = std::move(whole.deleted);
  std::vector<std::uint64_t> covered;
  for (ReplicaId replica : flat.replicas) covered.push_back(since.get(replica));
  for (const LooseRun& run : whole.runs) {
    std::uint64_t have = covered[run.id.client];
    if (run.id.clock >= have) {
      flat.waiting.push_back(run);
      continue;
    }
    auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(have - run.id.clock, run.length));
    if (run.text.empty()) {
      flat.deleted.push_back({run.id, part});
    } else if (part < run.length && run.text.size() != run.length) {
      // Half a surrogate pair is not taken alone.
      part = measure_units(run.text.data(), part).units;
    }
    if (part == run.length) continue;
    std::string replaced;
    flat.waiting.push_back(part > 0 ? rest_of(run, part, replaced) : run);
  }
  auto sequence = std::make_unique<Sequence>();
  if (!sequence->add(flat)) {
    return Error{ErrorCode::too_large, "crdt_text delta would exceed its bounds",
                 "at most " + std::to_string(kMaxPendingRuns) + " runs and deleted ranges and " +
                     std::to_string(kMaxPendingBytes) + " bytes of text"};
  }
  return Text(std::move(sequence));
}

Text Text::difference(const Text& older) const {
  FlatSequence whole = flatten(*sequence_);
  Lacking lacking(*sequence_, *older.sequence_);
  for (const LooseRun& run : whole.runs) lacking.run(run);
  for (const LooseRun& run : whole.waiting) lacking.run(run);
  for (const UnitRange& range : whole.deleted) lacking.deleted(range);
  auto sequence = std::make_unique<Sequence>();
  sequence->add(lacking.flat());  // bounded: no more than there is here
  return Text(std::move(sequence));
}

}  // namespace converge
