#include "core/or_set/or_set.h"

#include <algorithm>

#include "core/codec/utf8.h"
#include "core/codec/varint.h"
#include "core/long_work.h"
#include "core/state_header.h"

namespace converge {

namespace {

// Below this many elements a scan finds a dot faster than an index is built.
constexpr std::size_t kUnindexed = 8;

std::uint32_t hash_dot(Dot dot) { return hash_numbers(dot.replica, dot.counter); }

Error too_many(std::size_t have, std::size_t more) {
  return Error{ErrorCode::too_large, "or_set has no room for more elements",
               std::to_string(have) + " and " + std::to_string(more) + " more, the limit is " +
                   std::to_string(kMaxEntries)};
}

}  // namespace

Result<OrSet> OrSet::decode(std::string_view bytes) {
  OrSet set;
  Reader in(bytes);
  if (auto header = read_state_header(FieldType::or_set, in); !header) return header.error();
  if (in.at_end()) return set;
  set.context_ = CausalContext::decode(in);
  if (!in.failed() && set.context_.empty()) in.fail("an empty set is one byte");
  const std::vector<ReplicaId> replicas = set.context_.replicas();
  const std::size_t count = in.count(4);
  if (count > kMaxEntries) return too_many(0, count);
  set.elements_.reserve(count);
  std::vector<Dot> dots;
  dots.reserve(count);
  std::string_view before;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    long_work(i);
    const std::string_view element = in.string();
    if (i > 0 && !(before < element)) in.fail("elements are not in ascending order");
    if (element.size() > kMaxKeyBytes) in.fail("an element is too long");
    if (!is_valid_text(element)) in.fail("an element is no text");
    before = element;
    const std::uint64_t more = in.varint();
    if (more >= in.remaining() / 2) in.fail("an element has too many dots");
    if (in.failed()) break;
    DotSet& mine = set.elements_.append(element);
    Dot last;
    for (std::uint64_t d = 0; d <= more && !in.failed(); ++d) {
      const std::uint64_t place = in.varint();
      const Dot dot{place < replicas.size() ? replicas[place] : 0, in.varint()};
      if (place >= replicas.size()) in.fail("a dot names no replica of the context");
      if (!set.context_.contains(dot)) in.fail("a dot is not in the context");
      if (d > 0 && !(last < dot)) in.fail("dots are not in ascending order");
      last = dot;
      mine.insert(dot);
      dots.push_back(dot);
    }
  }
  in.expect_end();
  // One edit adds one element.
  std::sort(dots.begin(), dots.end());
  if (std::adjacent_find(dots.begin(), dots.end()) != dots.end()) {
    in.fail("a dot stands for two elements");
  }
  if (in.failed()) return in.error("or_set");
  return set;
}

std::string OrSet::encode() const {
  std::string out(1, state_header(FieldType::or_set));
  if (context_.empty()) return out;
  std::size_t size = 32 + context_.intervals().size() * 16;
  for (const auto& slot : elements_) size += slot.key.size() + 4 + slot.value.size() * 8;
  out.reserve(size);
  context_.encode(out);
  append_varint(out, elements_.size());
  const std::vector<ReplicaId> replicas = context_.replicas();
  std::size_t round = 0;
  for (std::uint32_t at : elements_.sorted()) {
    long_work(round++);
    const auto& [element, dots] = elements_[at];
    append_string(out, element);
    append_varint(out, dots.size() - 1);
    for (const Dot& dot : dots) {
      append_varint(out, replica_index(replicas, dot.replica));
      append_varint(out, dot.counter);
    }
  }
  return out;
}

void OrSet::build_dot_index() {
  if (!dots_.empty() || elements_.size() < kUnindexed) return;
  dots_.reserve(elements_.size());
  for (std::uint32_t at = 0; at < elements_.size(); ++at) {
    for (const Dot& dot : elements_[at].value) dots_.insert(hash_dot(dot), at);
  }
}

std::uint32_t OrSet::position_of(Dot dot) const {
  auto here = [&](std::uint32_t at) { return elements_[at].value.contains(dot); };
  if (!dots_.empty()) return dots_.find(hash_dot(dot), here);
  for (std::uint32_t at = 0; at < elements_.size(); ++at) {
    if (here(at)) return at;
  }
  return HashIndex::npos;
}

void OrSet::insert(std::string_view element, Dot dot) {
  insert_at(elements_.find_or_add(element).first, dot);
}

void OrSet::insert_at(std::uint32_t position, Dot dot) {
  elements_.value_at(position).insert(dot);
  if (!dots_.empty()) dots_.insert(hash_dot(dot), position);
}

void OrSet::drop(std::uint32_t position, Dot dot) {
  elements_.value_at(position).erase(dot);
  if (!dots_.empty()) dots_.erase(hash_dot(dot), position);
}

void OrSet::erase_element(std::uint32_t position) {
  // The last element moves into the gap.
  const auto last = static_cast<std::uint32_t>(elements_.size() - 1);
  if (!dots_.empty() && position != last) {
    for (const Dot& moved : elements_[last].value) dots_.move(hash_dot(moved), last, position);
  }
  elements_.erase(position);
}

void OrSet::erase(std::uint32_t position, Dot dot) {
  drop(position, dot);
  if (elements_[position].value.empty()) erase_element(position);
}

Result<void> OrSet::merge(const OrSet& other) {
  if (elements_.size() + other.elements_.size() > kMaxEntries) {
    std::size_t added = 0;
    for (const auto& slot : other.elements_) added += elements_.find(slot.key) == nullptr;
    if (elements_.size() + added > kMaxEntries) return too_many(elements_.size(), added);
  }
  // A dot that one side has seen and does not hold was removed there. First the
  // elements that the other one names, so that an add which replaces another
  // leaves the element where it is.
  build_dot_index();
  std::uint64_t settled = 0;  // dots of the other context that are dealt with
  std::size_t round = 0;
  for (const auto& [element, theirs] : other.elements_) {
    long_work(round++);
    settled += theirs.size();
    const std::uint32_t at = elements_.find_or_add(element).first;
    const DotSet mine = elements_[at].value;
    for (const Dot& dot : mine) {
      if (!other.context_.contains(dot) || theirs.contains(dot)) continue;
      drop(at, dot);
      ++settled;
    }
    for (const Dot& dot : theirs) {
      if (!context_.contains(dot)) insert_at(at, dot);
    }
    if (elements_[at].value.empty()) erase_element(at);
  }
  // Then what else it removed, by its dots or by ours, whichever are fewer.
  const std::uint64_t seen_there = other.context_.count();
  if (settled < seen_there) {
    const auto removed_there = [&](const std::string& element, Dot dot) {
      const DotSet* theirs = other.elements_.find(element);
      return theirs == nullptr || !theirs->contains(dot);
    };
    if (seen_there <= elements_.size()) {
      for (const DotInterval& seen : other.context_.intervals()) {
        for (std::uint64_t counter = seen.first; counter <= seen.last; ++counter) {
          long_work(counter);
          const Dot dot{seen.replica, counter};
          const std::uint32_t at = position_of(dot);
          if (at != HashIndex::npos && removed_there(elements_[at].key, dot)) erase(at, dot);
        }
      }
    } else {
      // Backwards, because the last element fills the gap of an erased one.
      for (auto at = static_cast<std::uint32_t>(elements_.size()); at-- > 0;) {
        long_work(at);
        const DotSet mine = elements_[at].value;
        for (const Dot& dot : mine) {
          if (other.context_.contains(dot) && removed_there(elements_[at].key, dot)) {
            erase(at, dot);
          }
        }
      }
    }
  }
  context_.merge(other.context_);
  return {};
}

Result<OrSet> OrSet::delta(const VersionVector& since) const {
  OrSet delta;
  std::vector<Dot> known;  // alive, and `since` has them
  for (const auto& [element, dots] : elements_) {
    for (const Dot& dot : dots) {
      if (since.covers(dot)) {
        known.push_back(dot);
      } else {
        delta.insert(element, dot);
      }
    }
  }
  std::sort(known.begin(), known.end());
  CausalContext alive;
  for (const Dot& dot : known) alive.add(dot);
  delta.context_ = context_.minus(alive);
  return delta;
}

OrSet OrSet::difference(const OrSet& older) const {
  OrSet difference;
  difference.context_ = context_.minus(older.context_);
  for (const auto& [element, dots] : elements_) {
    for (const Dot& dot : dots) {
      if (!older.context_.contains(dot)) difference.insert(element, dot);
    }
  }
  CausalContext removed;
  std::vector<Dot> gone;
  for (const auto& [element, dots] : older.elements_) {
    const DotSet* mine = elements_.find(element);
    for (const Dot& dot : dots) {
      if (context_.contains(dot) && (mine == nullptr || !mine->contains(dot))) gone.push_back(dot);
    }
  }
  std::sort(gone.begin(), gone.end());
  for (const Dot& dot : gone) removed.add(dot);
  difference.context_.merge(removed);
  return difference;
}

std::vector<std::string_view> OrSet::elements() const {
  std::vector<std::string_view> elements;
  elements.reserve(elements_.size());
  for (std::uint32_t at : elements_.sorted()) elements.push_back(elements_[at].key);
  return elements;
}

Result<void> OrSet::add(ReplicaId replica, std::string_view element, std::string* delta) {
  if (element.size() > kMaxKeyBytes) {
    return Error{ErrorCode::too_large, "element is too long",
                 std::to_string(element.size()) + " bytes, the limit is " +
                     std::to_string(kMaxKeyBytes)};
  }
  if (std::size_t at = find_invalid_text(element); at != kTextOk) {
    return Error{ErrorCode::malformed, "element is not valid text",
                 "invalid UTF-8 or U+0000 at byte " + std::to_string(at)};
  }
  std::uint32_t at = elements_.position(element);
  if (at == HashIndex::npos && elements_.size() >= kMaxEntries) return too_many(kMaxEntries, 1);
  auto dot = context_.mint(replica);
  if (!dot) return dot.error();
  OrSet edit;
  const std::string name(element);
  if (at != HashIndex::npos) {
    const DotSet replaced = elements_[at].value;
    for (const Dot& old : replaced) edit.context_.add(old);
    for (const Dot& old : replaced) drop(at, old);
    insert_at(at, *dot);
  } else {
    insert(name, *dot);
  }
  if (delta != nullptr) {
    edit.insert(name, *dot);
    edit.context_.add(*dot);
    *delta = edit.encode();
  }
  return {};
}

Result<void> OrSet::remove(ReplicaId, std::string_view element, std::string* delta) {
  OrSet edit;
  const std::uint32_t at = elements_.position(element);
  if (at != HashIndex::npos) {
    const DotSet removed = elements_[at].value;
    for (const Dot& dot : removed) {
      edit.context_.add(dot);
      erase(at, dot);
    }
  }
  if (delta != nullptr) *delta = edit.encode();
  return {};
}

}  // namespace converge
