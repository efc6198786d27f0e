// or_set: a set where an add wins over a concurrent remove.
//
// Every add has a dot of its own and replaces the dots of that element which it
// has seen; a remove takes out those it has seen and leaves nothing behind: a
// dot that is in the causal context and not alive was removed. (The optimised
// observed-remove set of Bieniusa, Zawirski, Preguiça et al., 2012.)
//
// Elements are text of 0 to kMaxKeyBytes bytes; a set holds up to kMaxEntries.
//
// Encoding (canonical): 0x21; the causal context (clock/causal_context.h); the
// number of elements; then for each, ascending by bytes: the element with its
// length, the number of its dots less one, and each dot, ascending: the replica
// as its place in the context, the counter. Numbers are varints. The empty set
// that nobody ever touched is 0x21 alone.
//
// On an error nothing has changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock/causal_context.h"
#include "core/clock/version_vector.h"
#include "core/container/hash_index.h"
#include "core/container/key_table.h"
#include "core/limits.h"
#include "core/or_set/dot_set.h"
#include "core/result.h"

namespace converge {

class OrSet {
 public:
  // Errors: malformed, wrong_type, too_large.
  static Result<OrSet> decode(std::string_view bytes);
  std::string encode() const;

  // Joins the other state into this one. Errors: too_large.
  Result<void> merge(const OrSet& other);

  VersionVector version() const { return context_.version(); }
  // version().get(replica), without making the version.
  std::uint64_t version_of(ReplicaId replica) const { return context_.version_of(replica); }

  // For every `a` that includes `since`: a || delta = a || *this. Removals of
  // what `since` had are always carried.
  Result<OrSet> delta(const VersionVector& since) const;

  // The smallest d for which older || d = older || *this.
  OrSet difference(const OrSet& older) const;

  bool is_empty() const { return context_.empty(); }

  std::size_t size() const { return elements_.size(); }
  bool contains(std::string_view element) const { return elements_.find(element) != nullptr; }

  // Ascending by bytes.
  std::vector<std::string_view> elements() const;
  // Each element with its adds that are alive.
  const KeyTable<DotSet>& entries() const { return elements_; }

  // Adds an element as `replica`, also one that is there already (so that a
  // concurrent remove does not take it). `delta`, if given, becomes the
  // encoding of this edit.
  // Errors: malformed (the element is no text), too_large, out_of_range.
  Result<void> add(ReplicaId replica, std::string_view element, std::string* delta = nullptr);

  // Removes an element; one that is not there leaves all as it is, with an
  // empty delta. A remove needs no dot; the replica is taken for uniformity.
  Result<void> remove(ReplicaId replica, std::string_view element, std::string* delta = nullptr);

 private:
  void insert(std::string_view element, Dot dot);
  void insert_at(std::uint32_t position, Dot dot);
  // Takes a dot out, and the element with its last one.
  void erase(std::uint32_t position, Dot dot);
  // Takes a dot out and leaves the element, with a dot or not.
  void drop(std::uint32_t position, Dot dot);
  void erase_element(std::uint32_t position);
  std::uint32_t position_of(Dot dot) const;
  void build_dot_index();

  KeyTable<DotSet> elements_;  // each with at least one dot, each dot in the context
  CausalContext context_;
  HashIndex dots_;  // where each live dot is; empty until a merge needs it
};

}  // namespace converge
