// mv_register: one JSON value; concurrent assignments are all kept until an
// assignment that has seen them replaces them.
//
// Every assignment has a dot; a dot that is in the causal context and holds no
// value any more was replaced. Values are JSON texts of up to kMaxValueBytes,
// kept bit for bit; up to kMaxConcurrentValues may stand beside each other.
//
// Encoding (canonical): 0x61; the causal context (clock/causal_context.h); the
// number of values; then for each, ascending by dot: the replica as its place in
// the context, the counter, the value with its length. Numbers are varints. The
// register that nobody ever assigned is 0x61 alone.
//
// On an error nothing has changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock/causal_context.h"
#include "core/clock/version_vector.h"
#include "core/field.h"
#include "core/limits.h"
#include "core/result.h"

namespace converge {

inline constexpr std::size_t kMaxConcurrentValues = std::size_t{1} << 16;

class MvRegister {
 public:
  struct Assignment {
    Dot dot;
    std::string value;
  };

  // Errors: malformed, wrong_type, too_large.
  static Result<MvRegister> decode(std::string_view bytes);
  std::string encode() const;

  // Joins the other state into this one. Errors: too_large.
  Result<void> merge(const MvRegister& other);

  // How many items one merge may have to move.
  std::size_t merge_weight() const { return assignments_.size(); }

  VersionVector version() const { return context_.version(); }
  // version().get(replica), without making the version.
  std::uint64_t version_of(ReplicaId replica) const { return context_.version_of(replica); }

  // For every `a` that includes `since`: a || delta = a || *this. What replaced
  // the values that `since` had is always carried.
  Result<MvRegister> delta(const VersionVector& since) const;

  // The smallest d for which older || d = older || *this.
  MvRegister difference(const MvRegister& older) const;

  bool is_empty() const { return context_.empty(); }

  // The distinct values that stand, ascending by bytes: none if it was never
  // assigned, one as long as nobody assigned concurrently.
  std::vector<std::string_view> values() const;
  // The assignments that stand, ascending by dot.
  const std::vector<Assignment>& assignments() const { return assignments_; }

  // Replaces all values that stand here, as `replica`. `delta`, if given,
  // becomes the encoding of this edit.
  // Errors: malformed (not JSON), too_large, out_of_range.
  Result<void> assign(ReplicaId replica, std::string_view json, std::string* delta = nullptr);

 private:
  const Assignment* find(Dot dot) const;

  std::vector<Assignment> assignments_;  // ascending by dot, each in the context
  CausalContext context_;
};

}  // namespace converge
