#include "core/sequence/lists.h"

#include <algorithm>

namespace converge {

ListIndex Lists::number(const ListName& name) {
  const auto next = static_cast<ListIndex>(lists_.size() + kFirstList);
  auto [at, added] = names_.emplace(name, next);
  if (added) {
    lists_.push_back(List{name, false, false});
    content_bytes_ += name.root.size() + name.key.size();
  }
  return at->second;
}

ListIndex Lists::find(const ListName& name) const {
  auto at = names_.find(name);
  return at != names_.end() ? at->second : kGone;
}

// ---- which list a unit is in ---------------------------------------------

void Lists::place(ClientIndex client, std::uint32_t from, ListIndex list) {
  if (client >= stretches_.size()) stretches_.resize(client + 1);
  std::vector<Stretch>& stretches = stretches_[client];
  if (stretches.empty() || stretches.back().list != list) stretches.push_back({from, list});
}

const std::vector<Lists::Stretch>& Lists::stretches(ClientIndex client) const {
  static const std::vector<Stretch> none;
  return client < stretches_.size() ? stretches_[client] : none;
}

namespace {

// The stretch behind the one that holds the clock.
std::vector<Lists::Stretch>::const_iterator behind(const std::vector<Lists::Stretch>& stretches,
                                                   std::uint32_t clock) {
  if (stretches.back().from <= clock) return stretches.end();
  return std::upper_bound(
      stretches.begin(), stretches.end(), clock,
      [](std::uint32_t at, const Lists::Stretch& stretch) { return at < stretch.from; });
}

}  // namespace

ListIndex Lists::list_of(UnitId unit) const {
  const ListIndex index = std::prev(behind(stretches_[unit.client], unit.clock))->list;
  return index == kGone || list(index).dead ? kGone : index;
}

std::uint32_t Lists::stretch_end(UnitId unit, std::uint32_t end) const {
  const std::vector<Stretch>& stretches = stretches_[unit.client];
  auto next = behind(stretches, unit.clock);
  return next == stretches.end() ? end : std::min(end, next->from);
}

// ---- contents ------------------------------------------------------------

const Content* Lists::content(UnitId unit) const {
  auto at = contents_.find(unit.key());
  return at != contents_.end() ? &at->second : nullptr;
}

void Lists::keep(UnitId id, std::string_view text, const Content* contents) {
  for_each_placeholder(text, [&](std::uint32_t offset) {
    auto [at, added] = contents_.emplace(id.plus(offset).key(), *contents++);
    if (added) content_bytes_ += at->second.bytes();
  });
}

void Lists::forget(UnitId id, std::uint32_t length, std::vector<UnitId>* types) {
  if (contents_.empty()) return;
  const std::uint64_t end = id.key() + length;
  for (auto at = contents_.lower_bound(id.key()); at != contents_.end() && at->first < end;) {
    if (types != nullptr && at->second.kind == ContentKind::type) {
      types->push_back({id.client, static_cast<std::uint32_t>(at->first)});
    }
    content_bytes_ -= at->second.bytes();
    at = contents_.erase(at);
  }
}

}  // namespace converge
