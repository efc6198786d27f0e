#include "core/register/mv_register.h"

#include <algorithm>

#include "core/codec/reader.h"
#include "core/codec/varint.h"
#include "core/json/json.h"
#include "core/state_header.h"

namespace converge {

namespace {

Error too_many(std::size_t count) {
  return Error{ErrorCode::too_large, "mv_register has too many concurrent values",
               std::to_string(count) + ", the limit is " + std::to_string(kMaxConcurrentValues)};
}

}  // namespace

Result<MvRegister> MvRegister::decode(std::string_view bytes) {
  MvRegister read;
  Reader in(bytes);
  if (auto header = read_state_header(FieldType::mv_register, in); !header) return header.error();
  if (in.at_end()) return read;
  read.context_ = CausalContext::decode(in);
  if (!in.failed() && read.context_.empty()) in.fail("an empty register is one byte");
  const std::vector<ReplicaId> replicas = read.context_.replicas();
  const std::size_t count = in.count(4);
  if (count > kMaxConcurrentValues) return too_many(count);
  read.assignments_.reserve(count);
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::uint64_t place = in.varint();
    const Dot dot{place < replicas.size() ? replicas[place] : 0, in.varint()};
    const std::string_view value = in.string();
    if (place >= replicas.size()) in.fail("a value names no replica of the context");
    if (!read.context_.contains(dot)) in.fail("a value is not in the context");
    if (i > 0 && !in.failed() && !(read.assignments_.back().dot < dot)) {
      in.fail("values are not in ascending order");
    }
    if (value.size() > kMaxValueBytes) in.fail("a value is too long");
    if (!in.failed() && !validate_json(value).ok()) in.fail("a value is not JSON");
    read.assignments_.push_back(Assignment{dot, std::string(value)});
  }
  in.expect_end();
  if (in.failed()) return in.error("mv_register");
  return read;
}

std::string MvRegister::encode() const {
  std::string out(1, state_header(FieldType::mv_register));
  if (context_.empty()) return out;
  context_.encode(out);
  append_varint(out, assignments_.size());
  const std::vector<ReplicaId> replicas = context_.replicas();
  for (const Assignment& assignment : assignments_) {
    append_varint(out, replica_index(replicas, assignment.dot.replica));
    append_varint(out, assignment.dot.counter);
    append_string(out, assignment.value);
  }
  return out;
}

const MvRegister::Assignment* MvRegister::find(Dot dot) const {
  auto at = std::lower_bound(assignments_.begin(), assignments_.end(), dot,
                             [](const Assignment& a, Dot d) { return a.dot < d; });
  return at != assignments_.end() && at->dot == dot ? &*at : nullptr;
}

Result<void> MvRegister::merge(const MvRegister& other) {
  // A dot that one side has seen and does not hold was replaced there.
  std::vector<Assignment> kept;
  auto mine = assignments_.begin();
  auto theirs = other.assignments_.begin();
  while (mine != assignments_.end() || theirs != other.assignments_.end()) {
    if (theirs == other.assignments_.end() ||
        (mine != assignments_.end() && mine->dot < theirs->dot)) {
      if (!other.context_.contains(mine->dot)) kept.push_back(*mine);
      ++mine;
    } else if (mine == assignments_.end() || theirs->dot < mine->dot) {
      if (!context_.contains(theirs->dot)) kept.push_back(*theirs);
      ++theirs;
    } else {
      // The same dot; only a replica that contradicts itself has two values for it.
      kept.push_back(mine->value >= theirs->value ? *mine : *theirs);
      ++mine;
      ++theirs;
    }
  }
  if (kept.size() > kMaxConcurrentValues) return too_many(kept.size());
  assignments_ = std::move(kept);
  context_.merge(other.context_);
  return {};
}

Result<MvRegister> MvRegister::delta(const VersionVector& since) const {
  MvRegister delta;
  CausalContext known;  // stands, and `since` has it
  for (const Assignment& assignment : assignments_) {
    if (since.covers(assignment.dot)) {
      known.add(assignment.dot);
    } else {
      delta.assignments_.push_back(assignment);
    }
  }
  delta.context_ = context_.minus(known);
  return delta;
}

MvRegister MvRegister::difference(const MvRegister& older) const {
  MvRegister difference;
  difference.context_ = context_.minus(older.context_);
  for (const Assignment& assignment : assignments_) {
    if (!older.context_.contains(assignment.dot)) difference.assignments_.push_back(assignment);
  }
  for (const Assignment& assignment : older.assignments_) {
    if (context_.contains(assignment.dot) && find(assignment.dot) == nullptr) {
      difference.context_.add(assignment.dot);
    }
  }
  return difference;
}

std::vector<std::string_view> MvRegister::values() const {
  std::vector<std::string_view> values;
  for (const Assignment& assignment : assignments_) values.push_back(assignment.value);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

Result<void> MvRegister::assign(ReplicaId replica, std::string_view json, std::string* delta) {
  if (json.size() > kMaxValueBytes) {
    return Error{ErrorCode::too_large, "value is too long",
                 std::to_string(json.size()) + " bytes, the limit is " +
                     std::to_string(kMaxValueBytes)};
  }
  if (auto valid = validate_json(json); !valid) return valid.error();
  auto dot = context_.mint(replica);
  if (!dot) return dot.error();
  MvRegister edit;
  for (const Assignment& replaced : assignments_) edit.context_.add(replaced.dot);
  edit.context_.add(*dot);
  edit.assignments_.push_back(Assignment{*dot, std::string(json)});
  assignments_ = edit.assignments_;
  if (delta != nullptr) *delta = edit.encode();
  return {};
}

}  // namespace converge
