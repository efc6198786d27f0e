#include "core/sequence/run_codec.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/codec/varint.h"
#include "core/sequence/bits.h"
#include "core/sequence/text.h"

namespace converge {

namespace {

// A run either goes on where an earlier run of its chain ended (`goes_on`, by
// how many runs back on the stack that is), or begins a chain.
//
//   00   begins a chain, visible         01   begins a chain, deleted
//   100  goes on, 1 back, deleted        101  goes on, 0 back, visible
//   1100 goes on, 1 back, visible        1101 goes on, 2 back, deleted
//   1110 goes on, 0 back, deleted
//   111100 goes on: golomb 0 of how far back, a bit for deleted
//   111101 begins a chain of another replica: its number, a bit for deleted
//   111110 an origin is written out: what of, then one of the above
constexpr unsigned kGoesOn = 0b111100;
constexpr unsigned kOtherReplica = 0b111101;
constexpr unsigned kOrigins = 0b111110;

// What is written out of the origins: two bits each, left then right.
enum Written : std::uint8_t {
  implied = 0,
  further_back = 1,  // left: the run so many further back on the stack
  edge = 2,          // none
  by_id = 3,         // replica's number and clock
};

constexpr unsigned kLengthOrder = 1;  // of the Exp-Golomb codes
constexpr unsigned kChainOrder = 3;
constexpr unsigned kClockOrder = 10;

// How far back on the stack an encoder looks.
constexpr std::size_t kReach = 64;
constexpr std::uint32_t kNone = 0xffff'ffff;

unsigned replica_width(std::size_t replicas) {
  return static_cast<unsigned>(std::bit_width(replicas - 1));
}

// ---- encoding ------------------------------------------------------------

class RunEncoder {
 public:
  RunEncoder(const std::vector<PlainRun>& runs, std::size_t replicas)
      : runs_(runs), replicas_(replicas), forms_(runs.size()) {}

  void append(std::string& out) {
    find_forms();
    number_chains();
    append_varint(out, runs_.size());
    for (std::size_t i = 0; i < replicas_; ++i) {
      append_varint(out, first_chain_[i + 1] - first_chain_[i]);
    }
    BitWriter bits(out);
    write(bits);
    bits.finish();
  }

 private:
  struct Form {
    std::uint32_t right = kNone;  // the run that it is expected to have as right origin
    std::uint32_t back = 0;       // goes on: so far back; else further_back
    std::uint32_t chain = kNone;  // its number; until written, the run that it goes on from
    Written left = implied;
    bool goes_on = false;
  };

  void pop(std::uint32_t by) {
    forms_[stack_.back()].right = by;
    stack_.pop_back();
  }

  // How far back on the stack the run is that ends with `unit`, or kNone.
  std::uint32_t look_back(UnitId unit) const {
    std::size_t reach = std::min(stack_.size(), kReach);
    for (std::size_t back = 0; back < reach; ++back) {
      const PlainRun& run = runs_[stack_[stack_.size() - 1 - back]];
      if (run.id.plus(run.length - 1) == unit) return static_cast<std::uint32_t>(back);
    }
    return kNone;
  }

  // The stack holds the runs left of the present one that are older than all
  // between: each has the one below it as its left neighbour when it was made.
  void find_forms() {
    stack_.reserve(256);
    for (std::uint32_t i = 0; i < runs_.size(); ++i) {
      const PlainRun& run = runs_[i];
      Form& form = forms_[i];
      if (run.id.clock > 0 && run.left == run.id.before()) {
        form.back = look_back(run.left);
        form.goes_on = form.back != kNone;
      }
      if (form.goes_on) {
        for (std::uint32_t k = 0; k < form.back; ++k) pop(i);
        form.chain = stack_.back();
      } else {
        while (!stack_.empty() && runs_[stack_.back()].id.client == run.id.client &&
               runs_[stack_.back()].id.clock > run.id.clock) {
          pop(i);
        }
        form.back = 0;
        UnitId expected = kNoId;
        if (!stack_.empty()) {
          const PlainRun& top = runs_[stack_.back()];
          expected = top.id.plus(top.length - 1);
        }
        if (run.left != expected) {
          std::uint32_t back = run.left.none() ? kNone : look_back(run.left);
          if (run.left.none()) {
            form.left = edge;
          } else if (back == kNone) {
            form.left = by_id;
          } else {
            form.left = further_back;
            form.back = back;
            for (std::uint32_t k = 0; k < back; ++k) pop(i);
          }
        }
      }
      stack_.push_back(i);
    }
  }

  // Numbers the chains of each replica by their clocks.
  void number_chains() {
    first_chain_.assign(replicas_ + 1, 0);
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (!forms_[i].goes_on) ++first_chain_[runs_[i].id.client + 1];
    }
    for (std::size_t i = 0; i < replicas_; ++i) first_chain_[i + 1] += first_chain_[i];
    std::vector<std::uint32_t> at(first_chain_.begin(), first_chain_.end() - 1);
    std::vector<Start> starts(first_chain_.back());
    for (std::uint32_t i = 0; i < runs_.size(); ++i) {
      if (!forms_[i].goes_on) starts[at[runs_[i].id.client]++] = {runs_[i].id.clock, i};
    }
    for (std::size_t i = 0; i < replicas_; ++i) {
      sort_starts(starts.data() + first_chain_[i], first_chain_[i + 1] - first_chain_[i]);
      for (std::uint32_t k = first_chain_[i]; k < first_chain_[i + 1]; ++k) {
        forms_[starts[k].run].chain = k - first_chain_[i];
      }
    }
  }

  struct Start {
    std::uint32_t clock;
    std::uint32_t run;
  };

  // By clock: radix sort where there are many.
  void sort_starts(Start* starts, std::size_t count) {
    if (count < 256) {
      std::sort(starts, starts + count,
                [](const Start& a, const Start& b) { return a.clock < b.clock; });
      return;
    }
    constexpr unsigned kDigit = 11;
    std::uint32_t greatest = 0;
    for (std::size_t i = 0; i < count; ++i) greatest = std::max(greatest, starts[i].clock);
    scratch_.resize(count);
    Start* from = starts;
    Start* to = scratch_.data();
    for (unsigned shift = 0; shift < 32 && greatest >> shift > 0; shift += kDigit) {
      std::uint32_t place[1 << kDigit] = {};
      constexpr std::uint32_t kMask = (1 << kDigit) - 1;
      for (std::size_t i = 0; i < count; ++i) ++place[from[i].clock >> shift & kMask];
      std::uint32_t sum = 0;
      for (std::uint32_t& entry : place) sum += std::exchange(entry, sum);
      for (std::size_t i = 0; i < count; ++i) to[place[from[i].clock >> shift & kMask]++] = from[i];
      std::swap(from, to);
    }
    if (from != starts) std::copy(from, from + count, starts);
  }

  void write(BitWriter& bits) {
    const unsigned width = replica_width(replicas_);
    // The number of the chain that each replica's last run was of.
    std::vector<std::uint32_t> last(replicas_, kNone);
    ClientIndex client = 0;
    for (std::uint32_t i = 0; i < runs_.size(); ++i) {
      const PlainRun& run = runs_[i];
      Form& form = forms_[i];
      Written right = implied;
      UnitId expected = form.right == kNone ? kNoId : runs_[form.right].id;
      if (run.right != expected) right = run.right.none() ? edge : by_id;
      if ((form.left | right) != 0) {
        bits.put(kOrigins << 4 | static_cast<unsigned>(form.left) << 2 | right, 10);
        if (form.left == further_back) bits.golomb(form.back, 0);
        if (form.left == by_id) write_id(bits, run.left, width);
        if (right == by_id) write_id(bits, run.right, width);
      }
      write_kind(bits, run, form, client, width);
      client = run.id.client;
      if (form.goes_on) {
        form.chain = forms_[form.chain].chain;
      } else {
        std::int64_t step = std::int64_t{form.chain} - static_cast<std::int32_t>(last[client]) - 1;
        bits.golomb(static_cast<std::uint32_t>(zigzag(step)), kChainOrder);
      }
      last[client] = form.chain;
      bits.golomb(run.length - 1, kLengthOrder);
    }
  }

  static void write_id(BitWriter& bits, UnitId id, unsigned width) {
    bits.put(id.client, width);
    bits.golomb(id.clock, kClockOrder);
  }

  void write_kind(BitWriter& bits, const PlainRun& run, const Form& form, ClientIndex client,
                  unsigned width) {
    static constexpr struct {
      std::uint8_t bits;
      std::uint8_t count;
    } kCodes[6] = {{0b101, 3}, {0b1110, 4}, {0b1100, 4}, {0b100, 3}, {0, 0}, {0b1101, 4}};
    if (!form.goes_on) {
      if (run.id.client == client) return bits.put(run.deleted, 2);
      bits.put(kOtherReplica, 6);
      bits.put(run.id.client, width);
      return bits.put(run.deleted, 1);
    }
    const std::uint32_t kind = form.back << 1 | static_cast<unsigned>(run.deleted);
    if (kind < 6 && kCodes[kind].count > 0) return bits.put(kCodes[kind].bits, kCodes[kind].count);
    bits.put(kGoesOn, 6);
    bits.golomb(form.back, 0);
    bits.put(run.deleted, 1);
  }

  const std::vector<PlainRun>& runs_;
  const std::size_t replicas_;
  std::vector<Form> forms_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::uint32_t> first_chain_;  // of each replica, and the end
  std::vector<Start> scratch_;
};

// ---- decoding ------------------------------------------------------------

class RunReader {
 public:
  RunReader(Reader& in, std::size_t replicas, std::string_view text)
      : in_(in), replicas_(replicas), text_(text) {}

  std::vector<std::uint32_t> read(RunSink& sink) {
    // The shortest run takes five bits.
    std::uint64_t count = in_.varint();
    if (count == 0) in_.fail("a section is empty");
    if (count / 8 * 5 > in_.remaining()) in_.fail("a count exceeds what follows");
    if (replicas_ == 0) in_.fail("a run has no replica");
    read_chain_counts(count);
    if (in_.failed()) return {};
    slots_.resize(static_cast<std::size_t>(count));
    BitReader bits(in_.rest());
    if (!read_slots(bits)) {
      in_.fail(why_);
      return {};
    }
    if (!bits.padded_with_zeros()) in_.fail("its last bits are not zero");
    in_.bytes(bits.used_bytes());
    if (!place_chains()) in_.fail("a replica's clocks are beyond the limit");
    if (in_.failed()) return {};
    return lay_out(sink);
  }

 private:
  struct Slot {
    std::uint32_t chain = 0;   // over all replicas
    std::uint32_t offset = 0;  // in the chain
    std::uint32_t length = 0;
    std::uint32_t left = kNone;   // a run, or with the flags below an entry of written_
    std::uint32_t right = kNone;
    std::uint8_t flags = 0;
  };
  static constexpr std::uint8_t kDeletedFlag = 1;
  static constexpr std::uint8_t kWrittenLeft = 2;
  static constexpr std::uint8_t kWrittenRight = 4;
  static constexpr std::uint8_t kGoesOnFlag = 8;
  static constexpr std::uint8_t kJoins = 16;  // could be one with the run before

  bool fail(const char* why) {
    why_ = why;
    return false;
  }

  void read_chain_counts(std::uint64_t runs) {
    first_chain_.reserve(replicas_ + 1);
    first_chain_.push_back(0);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < replicas_ && !in_.failed(); ++i) {
      sum += in_.varint_below(runs + 1, "a replica has more chains than there are runs");
      if (sum > runs) in_.fail("there are more chains than runs");
      first_chain_.push_back(static_cast<std::uint32_t>(sum));
    }
  }

  bool read_id(BitReader& bits, unsigned width, std::uint32_t& entry) {
    UnitId id;
    id.client = bits.take(width);
    id.clock = bits.golomb(kClockOrder);
    entry = static_cast<std::uint32_t>(written_.size());
    if (id.client >= replicas_) return fail("a replica's number is not in its table");
    written_.push_back(id);
    return true;
  }

  void pop(std::uint32_t by) {
    Slot& slot = slots_[stack_.back()];
    if (!(slot.flags & kWrittenRight)) slot.right = by;
    stack_.pop_back();
  }

  bool read_slots(BitReader& bits) {
    const unsigned width = replica_width(replicas_);
    units_.assign(first_chain_.back(), 0);
    std::vector<std::uint32_t> last(replicas_, kNone);
    ClientIndex client = 0;
    stack_.reserve(256);
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      unsigned left = implied;
      std::uint32_t further = 0;
      if (bits.peek(6) == kOrigins) {
        bits.skip(6);
        left = bits.take(2);
        unsigned right = bits.take(2);
        if ((left | right) == 0 || right == further_back) return fail("it writes out no origin");
        if (left == further_back) further = bits.golomb(0);
        if (left == edge || left == by_id) slot.flags |= kWrittenLeft;
        if (left == by_id && !read_id(bits, width, slot.left)) return false;
        if (right != implied) slot.flags |= kWrittenRight;
        if (right == by_id && !read_id(bits, width, slot.right)) return false;
      }
      std::uint32_t back = 0;
      if (!read_kind(bits, slot, client, width, back)) return false;
      if (slot.flags & kGoesOnFlag) {
        if (left != implied) return fail("a run that goes on writes out its left origin");
        if (back >= stack_.size()) return fail("a run goes on from none");
        for (; back > 0; --back) pop(i);
        const Slot& before = slots_[stack_.back()];
        slot.chain = before.chain;
        slot.offset = before.offset + before.length;
        if (slot.offset != units_[slot.chain]) return fail("two runs go on from one");
        if (slot.chain < first_chain_[client] || slot.chain >= first_chain_[client + 1]) {
          client = client_of(slot.chain);
        }
        slot.left = stack_.back();
        if (stack_.back() == i - 1 && !((slot.flags ^ before.flags) & kDeletedFlag)) {
          slot.flags |= kJoins;
        }
      } else {
        std::int64_t step = unzigzag(bits.golomb(kChainOrder));
        std::int64_t number = static_cast<std::int32_t>(last[client]) + 1 + step;
        if (number < 0 || number >= first_chain_[client + 1] - first_chain_[client]) {
          return fail("a chain's number is out of range");
        }
        slot.chain = first_chain_[client] + static_cast<std::uint32_t>(number);
        if (units_[slot.chain] != 0) return fail("a chain begins twice");
        std::uint32_t end = first_chain_[client + 1];
        while (!stack_.empty() && slots_[stack_.back()].chain > slot.chain &&
               slots_[stack_.back()].chain < end) {
          pop(i);
        }
        if (further > stack_.size()) return fail("an origin is too far back");
        for (; further > 0; --further) pop(i);
        if (!(slot.flags & kWrittenLeft)) slot.left = stack_.empty() ? kNone : stack_.back();
      }
      last[client] = slot.chain - first_chain_[client];
      slot.length = bits.golomb(kLengthOrder) + 1;
      if (slot.length == 0 || slot.length > kMaxTextClock - units_[slot.chain]) {
        return fail("a run's length is beyond the limit");
      }
      units_[slot.chain] += slot.length;
      if (!(slot.flags & kDeletedFlag)) visible_ += slot.length;
      stack_.push_back(i);
      if (bits.overrun()) return fail("it ends too early");
    }
    for (std::uint32_t units : units_) {
      if (units == 0) return fail("a chain is missing");
    }
    return true;
  }

  bool read_kind(BitReader& bits, Slot& slot, ClientIndex& client, unsigned width,
                 std::uint32_t& back) {
    static constexpr struct {
      std::uint8_t bits;
      std::uint8_t flags;
      std::uint8_t back;
    } kKinds[15] = {
        {2, 0, 0}, {2, 0, 0}, {2, 0, 0}, {2, 0, 0},
        {2, kDeletedFlag, 0}, {2, kDeletedFlag, 0}, {2, kDeletedFlag, 0}, {2, kDeletedFlag, 0},
        {3, kGoesOnFlag | kDeletedFlag, 1}, {3, kGoesOnFlag | kDeletedFlag, 1},
        {3, kGoesOnFlag, 0}, {3, kGoesOnFlag, 0},
        {4, kGoesOnFlag, 1}, {4, kGoesOnFlag | kDeletedFlag, 2}, {4, kGoesOnFlag | kDeletedFlag, 0}};
    std::uint32_t ahead = bits.peek(6);
    if (ahead >> 2 < 15) {
      const auto& kind = kKinds[ahead >> 2];
      bits.skip(kind.bits);
      slot.flags |= kind.flags;
      back = kind.back;
      return true;
    }
    bits.skip(6);
    if (ahead == kGoesOn) {
      back = bits.golomb(0);
      slot.flags |= kGoesOnFlag | (bits.take(1) ? kDeletedFlag : 0);
      if (back < 2 || (back == 2 && slot.flags & kDeletedFlag)) {
        return fail("a run is written longer than need be");
      }
      return true;
    }
    if (ahead == kOtherReplica) {
      ClientIndex named = bits.take(width);
      if (named >= replicas_) return fail("a replica's number is not in its table");
      if (named == client) return fail("a run names the replica of the run before");
      client = named;
      slot.flags |= bits.take(1) ? kDeletedFlag : 0;
      return true;
    }
    return fail("a run is of an unknown kind");
  }

  ClientIndex client_of(std::uint32_t chain) const {
    auto above = std::upper_bound(first_chain_.begin(), first_chain_.end(), chain);
    return static_cast<ClientIndex>(above - first_chain_.begin()) - 1;
  }

  // Gives each chain its first clock.
  bool place_chains() {
    clocks_.resize(units_.size());
    clients_.resize(units_.size());
    known_.resize(replicas_);
    for (ClientIndex client = 0; client < replicas_; ++client) {
      std::uint64_t clock = 0;
      for (std::uint32_t chain = first_chain_[client]; chain < first_chain_[client + 1]; ++chain) {
        clocks_[chain] = static_cast<std::uint32_t>(clock);
        clients_[chain] = client;
        clock += units_[chain];
        if (clock > kMaxTextClock) return false;
      }
      known_[client] = static_cast<std::uint32_t>(clock);
    }
    return true;
  }

  UnitId id_of(const Slot& slot) const {
    return {clients_[slot.chain], clocks_[slot.chain] + slot.offset};
  }

  // Gives the runs to the sink, and their indexes by identifier.
  std::vector<std::uint32_t> lay_out(RunSink& sink) {
    for (const UnitId& id : written_) {
      if (id.clock >= known_[id.client]) in_.fail("an integrated run has an unknown origin");
    }
    if (in_.failed()) return {};
    const bool ascii = visible_ == text_.size();
    sink.expect(slots_.size());
    std::vector<std::uint32_t>& place = units_;  // from here on, where each chain's runs go
    std::fill(place.begin(), place.end(), 0);
    UnitId right_before = kNoId;
    for (const Slot& slot : slots_) {
      LooseRun run;
      run.id = id_of(slot);
      run.length = slot.length;
      if (slot.flags & kWrittenLeft) {
        run.left = slot.left == kNone ? kNoId : written_[slot.left];
      } else if (slot.left != kNone) {
        run.left = id_of(slots_[slot.left]).plus(slots_[slot.left].length - 1);
      }
      if (slot.flags & kWrittenRight) {
        run.right = slot.right == kNone ? kNoId : written_[slot.right];
      } else if (slot.right != kNone) {
        run.right = id_of(slots_[slot.right]);
      }
      if (slot.flags & kJoins && run.right == right_before) in_.fail("two runs could be one");
      right_before = run.right;
      if (!(slot.flags & kDeletedFlag)) take_text(run, ascii);
      if (in_.failed()) return {};
      ++place[slot.chain];
      sink.add(run);
    }
    if (!text_.empty()) in_.fail("its text is longer than its runs");
    std::uint32_t sum = 0;
    for (std::uint32_t& entry : place) sum += std::exchange(entry, sum);
    std::vector<std::uint32_t> by_id(slots_.size());
    for (std::uint32_t i = 0; i < slots_.size(); ++i) by_id[place[slots_[i].chain]++] = i;
    return by_id;
  }

  void take_text(LooseRun& run, bool ascii) {
    std::size_t bytes = run.length;
    if (!ascii) {
      bytes = 0;
      std::uint32_t units = 0;
      while (units < run.length && bytes < text_.size()) {
        std::uint32_t size = utf8_bytes_of(text_[bytes]);
        bytes += size;
        units += units_of_bytes(size);
      }
      if (units != run.length) {
        in_.fail("its text is shorter than its runs, or cut inside a surrogate pair");
        return;
      }
    }
    run.text = text_.substr(0, bytes);
    text_.remove_prefix(bytes);
  }

  Reader& in_;
  const std::size_t replicas_;
  std::string_view text_;
  std::uint64_t visible_ = 0;  // units
  const char* why_ = nullptr;
  std::vector<Slot> slots_;
  std::vector<UnitId> written_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::uint32_t> first_chain_;  // of each replica, and the end
  std::vector<std::uint32_t> units_;        // of each chain
  std::vector<std::uint32_t> clocks_;
  std::vector<ClientIndex> clients_;
  std::vector<std::uint32_t> known_;
};

}  // namespace

void append_runs(std::string& out, const std::vector<PlainRun>& runs, std::size_t replicas) {
  RunEncoder(runs, replicas).append(out);
}

std::vector<std::uint32_t> read_runs(Reader& in, std::size_t replicas, std::string_view text,
                                     RunSink& sink) {
  return RunReader(in, replicas, text).read(sink);
}

}  // namespace converge
