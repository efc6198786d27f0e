#include "core/sequence/text_codec.h"

#include <algorithm>

#include "core/codec/reader.h"
#include "core/codec/utf8.h"
#include "core/codec/varint.h"
#include "core/sequence/run_codec.h"
#include "core/sequence/waiting_runs.h"
#include "core/state_header.h"

namespace converge {

namespace {

using namespace waiting_runs;

// ---- encoding ------------------------------------------------------------

class Encoder {
 public:
  // `sequence` may be null: then nothing is integrated.
  Encoder(const Sequence* sequence, const FlatSequence& flat) : sequence_(sequence), flat_(flat) {}

  std::string encode() {
    std::string out(1, state_header(FieldType::crdt_text));
    const bool runs = sequence_ != nullptr && sequence_->tree().first().valid();
    if (!runs && flat_.waiting.empty() && flat_.deleted.empty()) return out;
    out.push_back(static_cast<char>((runs ? kHasRuns : 0) |
                                    (flat_.waiting.empty() ? 0 : kHasWaiting) |
                                    (flat_.deleted.empty() ? 0 : kHasDeleted)));
    if (runs) {
      const RunTree& tree = sequence_->tree();
      out.reserve(tree.bytes() + tree.run_count() * 2 + 64);
      append_varint(out, tree.bytes());
      for (const RunTree::Leaf* leaf = tree.first_leaf(); leaf != nullptr; leaf = leaf->next) {
        out.append(leaf->text, leaf->bytes);
      }
    }
    number_replicas(out);
    if (runs) append_runs(out, plain_runs(), used_);
    if (!flat_.waiting.empty()) {
      waiting_runs::append(out, in_order(flat_.waiting, number_), number_, [](const LooseRun&) {}, [](const LooseRun&) {});
    }
    if (!flat_.deleted.empty()) append_deleted(out, flat_.deleted, number_);
    return out;
  }

 private:
  // Numbers the replicas that occur, ascending.
  void number_replicas(std::string& out) {
    std::vector<bool> used(flat_.replicas.size());
    auto use = [&](UnitId id) {
      if (!id.none()) used[id.client] = true;
    };
    for (ClientIndex i = 0; sequence_ != nullptr && i < used.size(); ++i) {
      used[i] = sequence_->known(i) > 0;
    }
    for (const LooseRun& run : flat_.waiting) {
      use(run.id);
      use(run.left);
      use(run.right);
    }
    for (const UnitRange& range : flat_.deleted) use(range.id);
    std::vector<std::pair<ReplicaId, ClientIndex>> order;
    for (ClientIndex i = 0; i < used.size(); ++i) {
      if (used[i]) order.emplace_back(flat_.replicas[i], i);
    }
    std::sort(order.begin(), order.end());
    number_.resize(flat_.replicas.size());
    std::vector<ReplicaId> ascending;
    for (const auto& [replica, index] : order) {
      number_[index] = static_cast<std::uint32_t>(ascending.size());
      ascending.push_back(replica);
    }
    append_replicas(out, ascending);
    used_ = order.size();
  }

  UnitId numbered(UnitId id) const { return id.none() ? id : UnitId{number_[id.client], id.clock}; }

  // The tree's runs, joined to maximal ones.
  std::vector<PlainRun> plain_runs() const {
    std::vector<PlainRun> runs;
    runs.reserve(sequence_->tree().run_count());
    const Run* before = nullptr;
    for (const RunTree::Leaf* leaf = sequence_->tree().first_leaf(); leaf != nullptr;
         leaf = leaf->next) {
      for (const Run* run = leaf->runs; run != leaf->runs + leaf->count; before = run++) {
        if (before != nullptr && continues(*before, *run)) {
          runs.back().length += run->length;
        } else {
          runs.push_back({numbered(run->id), run->length, numbered(run->left),
                          numbered(run->right), !run->visible()});
        }
      }
    }
    return runs;
  }

  const Sequence* sequence_;
  const FlatSequence& flat_;  // its runs do not matter
  std::vector<std::uint32_t> number_;  // by the flat sequence's index
  std::size_t used_ = 0;
};

// ---- decoding ------------------------------------------------------------

class Decoder {
 public:
  // Integrated runs go into `sequence` if there is one.
  Decoder(std::string_view bytes, Sequence* sequence) : in_(bytes), sequence_(sequence) {}

  Result<FlatSequence> decode() {
    if (auto header = read_state_header(FieldType::crdt_text, in_); !header) return header.error();
    if (in_.at_end()) return std::move(flat_);
    TextHead head = read_text_head(in_);
    flat_.replicas = std::move(head.replicas);
    used_.resize(flat_.replicas.size());
    if (head.sections & kHasRuns) decode_runs(head.text);
    if (head.sections & kHasWaiting) decode_waiting();
    if (head.sections & kHasDeleted) decode_deleted();
    in_.expect_end();
    if (!in_.failed()) {
      for (bool used : used_) {
        if (!used) in_.fail("a replica is named but not used");
      }
    }
    if (in_.failed()) return in_.error("crdt_text");
    return std::move(flat_);
  }

 private:
  ClientIndex decode_client() {
    auto client = static_cast<ClientIndex>(
        in_.varint_below(flat_.replicas.size(), "a replica's number is not in its table"));
    if (!in_.failed()) used_[client] = true;
    return client;
  }

  std::uint32_t decode_clock() {
    return static_cast<std::uint32_t>(
        in_.varint_below(kMaxTextClock + 1, "a clock is beyond the limit"));
  }

  std::uint32_t decode_length(std::uint32_t clock) {
    std::uint64_t length = in_.varint();
    if (length == 0 || length > kMaxTextClock - clock) in_.fail("a run's length is beyond the limit");
    return static_cast<std::uint32_t>(length);
  }

  UnitId decode_origin(Origin kind, UnitId id) {
    if (kind == same_client) {
      std::uint64_t distance = in_.varint();
      if (distance >= id.clock) {
        in_.fail("an origin is not before its run");
        return kNoId;
      }
      return {id.client, id.clock - 1 - static_cast<std::uint32_t>(distance)};
    }
    if (kind == other_client) {
      ClientIndex client = decode_client();
      std::uint32_t clock = decode_clock();
      if (client == id.client) in_.fail("an origin of the same replica is written as another's");
      return {client, clock};
    }
    return kNoId;
  }

  struct Collector final : RunSink {
    explicit Collector(std::vector<LooseRun>& runs) : runs(runs) {}
    void expect(std::size_t count) override { runs.reserve(count); }
    void add(const LooseRun& run) override { runs.push_back(run); }
    std::vector<LooseRun>& runs;
  };

  void decode_runs(std::string_view text) {
    const std::size_t replicas = flat_.replicas.size();
    if (sequence_ != nullptr) {
      Sequence::Loader loader(*sequence_);
      loader.replicas(flat_.replicas);
      const std::vector<std::uint32_t> by_id = read_runs(in_, replicas, text, loader);
      if (in_.failed()) return;
      loader.finish(by_id);
      for (ClientIndex i = 0; i < replicas; ++i) used_[i] = sequence_->known(i) > 0;
    } else {
      Collector collector(flat_.runs);
      (void)read_runs(in_, replicas, text, collector);
      for (const LooseRun& run : flat_.runs) used_[run.id.client] = true;
    }
  }

  void decode_waiting() {
    std::size_t count = in_.count(2);
    if (count == 0) in_.fail("a section is empty");
    if (in_.failed()) return;
    flat_.waiting.reserve(count);
    ClientIndex client = kNoId.client;
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t head = in_.byte();
      if (head & kSameClient) {
        if (i == 0) in_.fail("the first run names no replica");
      } else {
        ClientIndex named = decode_client();
        if (i > 0 && named <= client) in_.fail("runs that wait are not in order");
        client = named;
        end = 0;
      }
      std::uint64_t clock = in_.varint_below(kMaxTextClock + 1, "a clock is beyond the limit") + end;
      if (clock > kMaxTextClock) in_.fail("a clock is beyond the limit");
      if (in_.failed()) return;
      LooseRun run;
      run.id = {client, static_cast<std::uint32_t>(clock)};
      std::uint64_t size = head & kSingle ? 1 : in_.varint();
      if (size == 0 || (size == 1 && !(head & kSingle))) in_.fail("a run of one unit has a length");
      auto left = static_cast<Origin>(head >> kLeftShift & 3);
      auto right = static_cast<Origin>(head >> kRightShift & 3);
      if (head & kIsGone) in_.fail("a run's head has an unknown bit");
      if (left == beside && clock == 0) in_.fail("a run without a unit before it names that");
      run.left = left == beside ? run.id.before() : decode_origin(left, run.id);
      if (left != beside && clock > 0 && run.left == run.id.before()) {
        in_.fail("an origin beside its run is written out");
      }
      if (right == beside) {
        if (run.left.none() || run.left.clock == kMaxTextClock) {
          in_.fail("a run without a left origin has one beside it");
        }
        run.right = run.left.plus(1);
      } else {
        run.right = decode_origin(right, run.id);
        if (!run.left.none() && run.right == run.left.plus(1)) {
          in_.fail("an origin beside its run is written out");
        }
      }
      if (in_.failed()) return;
      if (head & kDeleted) {
        if (size > kMaxTextClock - clock) {
          in_.fail("a run's length is beyond the limit");
          return;
        }
        run.length = static_cast<std::uint32_t>(size);
      } else {
        if (size > in_.remaining()) {
          in_.fail("it ends too early");
          return;
        }
        run.text = in_.bytes(static_cast<std::size_t>(size));
        if (find_invalid_text(run.text) != kTextOk) {
          in_.fail("its text is not UTF-8, or holds U+0000");
          return;
        }
        run.length = measure(run.text).units;
        if (run.length > kMaxTextClock - clock) in_.fail("a clock is beyond the limit");
      }
      if (i > 0 && follows(flat_.waiting.back(), run)) in_.fail("two runs could be one");
      flat_.waiting.push_back(run);
      end = run.id.clock + run.length;
    }
  }

  void decode_deleted() {
    std::size_t groups = in_.count(4);
    if (groups == 0) in_.fail("a section is empty");
    ClientIndex before = kNoId.client;
    for (std::size_t i = 0; i < groups && !in_.failed(); ++i) {
      ClientIndex client = decode_client();
      if (i > 0 && client <= before) in_.fail("deleted ranges are not in order");
      before = client;
      std::size_t count = in_.count(2);
      if (count == 0) in_.fail("a section is empty");
      std::uint64_t clock = 0;
      for (std::size_t k = 0; k < count && !in_.failed(); ++k) {
        std::uint64_t step = in_.varint_below(kMaxTextClock + 1, "a clock is beyond the limit");
        if (k > 0 && step == 0) in_.fail("two deleted ranges could be one");
        clock += step;
        std::uint64_t length = in_.varint_below(kMaxTextClock, "a range is beyond the limit") + 1;
        if (clock + length > kMaxTextClock) {
          in_.fail("a range is beyond the limit");
          return;
        }
        flat_.deleted.push_back({{client, static_cast<std::uint32_t>(clock)},
                                 static_cast<std::uint32_t>(length)});
        clock += length;
      }
    }
  }

  Reader in_;
  Sequence* sequence_;
  FlatSequence flat_;
  std::vector<bool> used_;
};

}  // namespace

namespace {

// What is pending, and the replicas.
FlatSequence flatten_pending(const Sequence& sequence) {
  FlatSequence flat;
  flat.replicas = sequence.replicas();
  auto id_of = [](std::uint64_t key) {
    return UnitId{static_cast<ClientIndex>(key >> 32), static_cast<std::uint32_t>(key)};
  };
  for (const auto& [key, run] : sequence.waiting()) {
    flat.waiting.push_back({id_of(key), run.length, run.left, run.right, run.text});
  }
  for (const auto& [key, length] : sequence.early()) flat.deleted.push_back({id_of(key), length});
  return flat;
}

}  // namespace

TextHead read_text_head(Reader& in) {
  TextHead head;
  head.sections = in.byte();
  if (head.sections == 0 || head.sections > (kHasRuns | kHasWaiting | kHasDeleted)) {
    in.fail("its second byte names no known sections");
  }
  if (head.sections & kHasRuns) head.text = in.string();
  if (find_invalid_text(head.text) != kTextOk) in.fail("its text is not UTF-8, or holds U+0000");
  head.replicas = read_replicas(in);
  return head;
}

std::vector<ReplicaId> read_replicas(Reader& in) {
  const std::size_t count = in.count(1);
  if (count > kMaxReplicas) in.fail("it names too many replicas");
  std::vector<ReplicaId> replicas;
  if (in.failed()) return replicas;
  replicas.reserve(count);
  ReplicaId replica = 0;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::uint64_t step = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
    if (i > 0 && step == 0) in.fail("a replica comes twice");
    replica += step;
    if (replica >= kReplicaLimit) in.fail("a replica is not below 2^53");
    replicas.push_back(replica);
  }
  return replicas;
}

void append_replicas(std::string& out, const std::vector<ReplicaId>& ascending) {
  append_varint(out, ascending.size());
  ReplicaId before = 0;
  for (const ReplicaId replica : ascending) {
    append_varint(out, replica - before);
    before = replica;
  }
}

void append_deleted(std::string& out, std::vector<UnitRange> ranges,
                    const std::vector<std::uint32_t>& number) {
  std::sort(ranges.begin(), ranges.end(), [&](const UnitRange& a, const UnitRange& b) {
    return a.id.client != b.id.client ? number[a.id.client] < number[b.id.client]
                                      : a.id.clock < b.id.clock;
  });
  std::size_t last = 0;  // join what overlaps or touches
  std::size_t replicas = 1;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    UnitRange& before = ranges[last];
    const std::uint32_t end = before.id.clock + before.length;
    const bool same = ranges[i].id.client == before.id.client;
    if (same && ranges[i].id.clock <= end) {
      before.length = std::max(end, ranges[i].id.clock + ranges[i].length) - before.id.clock;
    } else {
      replicas += !same;
      ranges[++last] = ranges[i];
    }
  }
  ranges.resize(last + 1);
  append_varint(out, replicas);
  for (std::size_t i = 0; i < ranges.size();) {
    std::size_t end = i;
    while (end < ranges.size() && ranges[end].id.client == ranges[i].id.client) ++end;
    append_varint(out, number[ranges[i].id.client]);
    append_varint(out, end - i);
    std::uint32_t clock = 0;
    for (; i < end; ++i) {
      append_varint(out, ranges[i].id.clock - clock);
      append_varint(out, ranges[i].length - 1);
      clock = ranges[i].id.clock + ranges[i].length;
    }
  }
}

std::string encode_sequence(const Sequence& sequence) {
  return Encoder(&sequence, flatten_pending(sequence)).encode();
}

std::string encode_pending(const FlatSequence& flat) { return Encoder(nullptr, flat).encode(); }

Result<FlatSequence> decode_sequence(std::string_view bytes) {
  return Decoder(bytes, nullptr).decode();
}

Result<FlatSequence> load_sequence(std::string_view bytes, Sequence& sequence) {
  return Decoder(bytes, &sequence).decode();
}

Result<std::string_view> text_in_encoding(std::string_view bytes) {
  Reader in(bytes);
  if (auto header = read_state_header(FieldType::crdt_text, in); !header) return header.error();
  if (in.at_end() || !(in.byte() & kHasRuns)) return std::string_view{};
  std::string_view text = in.string();
  if (in.failed()) return in.error("crdt_text");
  return text;
}

Result<Text::TextPrefix> text_in_prefix(std::string_view bytes) {
  Reader in(bytes);
  if (auto header = read_state_header(FieldType::crdt_text, in); !header) return header.error();
  if (in.at_end() || !(in.byte() & kHasRuns)) return Text::TextPrefix{0, 0, {}};
  const std::uint64_t size = in.varint();
  if (in.failed()) return in.error("crdt_text");
  return Text::TextPrefix{size, in.offset() + size, in.rest().substr(0, size)};
}

FlatSequence flatten(const Sequence& sequence) {
  FlatSequence flat = flatten_pending(sequence);
  flat.runs.reserve(sequence.tree().run_count());
  for (const RunTree::Leaf* leaf = sequence.tree().first_leaf(); leaf != nullptr; leaf = leaf->next) {
    const char* text = leaf->text;
    for (std::uint32_t i = 0; i < leaf->count; ++i) {
      const Run& run = leaf->runs[i];
      flat.runs.push_back({run.id, run.length, run.left, run.right, {text, run.bytes}});
      text += run.bytes;
    }
  }
  return flat;
}

}  // namespace converge
