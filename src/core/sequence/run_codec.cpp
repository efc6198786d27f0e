#include "core/sequence/run_codec.h"

#include <algorithm>
#include <utility>

#include "core/codec/varint.h"
#include "core/sequence/run_code.h"

namespace converge {

namespace {

constexpr std::uint32_t kNone = 0xffff'ffff;

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
    std::uint32_t back = 0;       // goes on: so far back; else where left is further_back
    std::uint32_t chain = kNone;  // its number; until written, the run that it goes on from
    OriginCode left = OriginCode::implied;
    bool goes_on = false;
  };

  void pop(std::uint32_t by) {
    forms_[stack_.back()].right = by;
    stack_.pop_back();
  }

  // How far back on the stack the run is that ends with `unit`, or kNone.
  std::uint32_t look_back(UnitId unit) const {
    std::size_t reach = std::min<std::size_t>(stack_.size(), kStackReach);
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
            form.left = OriginCode::edge;
          } else if (back == kNone) {
            form.left = OriginCode::by_id;
          } else {
            form.left = OriginCode::further_back;
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
      RunCode code;
      code.left = form.left;
      code.left_id = run.left;
      UnitId expected = form.right == kNone ? kNoId : runs_[form.right].id;
      if (run.right != expected) code.right = run.right.none() ? OriginCode::edge : OriginCode::by_id;
      code.right_id = run.right;
      code.goes_on = form.goes_on;
      code.deleted = run.deleted;
      code.back = form.back;
      code.names_replica = run.id.client != client;
      client = code.client = run.id.client;
      if (form.goes_on) {
        form.chain = forms_[form.chain].chain;
      } else {
        code.step = static_cast<std::uint32_t>(
            zigzag(std::int64_t{form.chain} - static_cast<std::int32_t>(last[client]) - 1));
      }
      last[client] = form.chain;
      code.length = run.length;
      write_run_code(bits, code, width);
    }
  }

  const std::vector<PlainRun>& runs_;
  const std::size_t replicas_;
  std::vector<Form> forms_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::uint32_t> first_chain_;  // of each replica, and the end
  std::vector<Start> scratch_;
};

}  // namespace

void append_runs(std::string& out, const std::vector<PlainRun>& runs, std::size_t replicas) {
  RunEncoder(runs, replicas).append(out);
}

}  // namespace converge
