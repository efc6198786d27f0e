#include "core/history/authorship.h"

#include <algorithm>

#include "core/codec/reader.h"
#include "core/codec/varint.h"

namespace converge {
std::uint32_t Authorship::author(ReplicaId replica, std::string_view principal) {
  // The last one is asked for most: whoever reads a log goes from replica to replica.
  for (std::size_t i = authors_.size(); i-- > 0;) {
    if (authors_[i].replica == replica && authors_[i].principal == principal) return static_cast<std::uint32_t>(i);
  }
  authors_.push_back({replica, std::string(principal)});
  return static_cast<std::uint32_t>(authors_.size() - 1);
}

void Authorship::add(const ItemRange& items, std::uint32_t author, std::int64_t at) {
  std::uint64_t first = items.first;
  auto found = stretches_.upper_bound({items.replica, first});
  if (found != stretches_.begin()) --found;
  while (first <= items.last) {
    // The first stretch that ends at `first` or later.
    while (found != stretches_.end() &&
           (found->first.first < items.replica || (found->first.first == items.replica && found->second.last < first))) {
      ++found;
    }
    const bool overlaps = found != stretches_.end() && found->first.first == items.replica &&
                          found->first.second <= items.last;
    if (!overlaps) {
      stretches_.emplace_hint(found, Key{items.replica, first}, Stretch{items.last, author, at, at});
      return;
    }
    const auto [key, there] = *found;
    if (key.second > first) {
      stretches_.emplace(Key{items.replica, first}, Stretch{key.second - 1, author, at, at});
      first = key.second;
    }
    const std::uint64_t end = std::min(there.last, items.last);
    if (at < there.since) {
      // What lies on both sides stays whose it was.
      if (there.last > end) stretches_.emplace(Key{key.first, end + 1}, there);
      if (key.second < first) {
        found->second.last = first - 1;
      } else {
        stretches_.erase(found);
      }
      stretches_.emplace(Key{items.replica, first}, Stretch{end, author, at, at});
    }
    first = end + 1;
    found = stretches_.lower_bound({items.replica, first});
  }
}

const Authorship::Stretch* Authorship::find(ReplicaId replica, std::uint64_t counter) const {
  auto after = stretches_.upper_bound({replica, counter});
  if (after == stretches_.begin()) return nullptr;
  const auto& [key, stretch] = *std::prev(after);
  return key.first == replica && counter <= stretch.last ? &stretch : nullptr;
}

std::string Authorship::encode() const {
  std::string out;
  append_varint(out, authors_.size());
  for (const Author& author : authors_) {
    append_varint(out, author.replica);
    append_varint(out, author.principal.size());
    out += author.principal;
  }
  std::vector<std::pair<Key, Stretch>> joined;
  for (const auto& [key, stretch] : stretches_) {
    if (!joined.empty()) {
      auto& [first, before] = joined.back();
      if (first.first == key.first && before.last + 1 == key.second && before.author == stretch.author &&
          stretch.since >= before.until && stretch.since - before.until <= kStretchPause) {
        before.last = stretch.last;
        before.until = stretch.until;
        continue;
      }
    }
    joined.emplace_back(key, stretch);
  }
  append_varint(out, joined.size());
  ReplicaId replica = 0;
  std::uint64_t end = 0;
  std::int64_t moment = 0;
  for (const auto& [key, stretch] : joined) {
    append_varint(out, key.first - replica);
    if (key.first != replica) end = 0;
    append_varint(out, key.second - end);
    append_varint(out, stretch.last - key.second);
    append_varint(out, stretch.author);
    append_varint(out, zigzag(stretch.since - moment));
    append_varint(out, static_cast<std::uint64_t>(stretch.until - stretch.since));
    replica = key.first;
    end = stretch.last + 1;
    moment = stretch.since;
  }
  return out;
}

void Authorship::rename(std::string_view principal, std::string_view name) {
  for (Author& author : authors_) {
    if (author.principal == principal) author.principal = name;
  }
}

Result<Authorship> Authorship::decode(std::string_view bytes) {
  Authorship made;
  Reader in(bytes);
  const std::size_t authors = in.count(2);
  made.authors_.reserve(authors);
  for (std::size_t i = 0; i < authors && !in.failed(); ++i) {
    const ReplicaId replica = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
    made.authors_.push_back({replica, std::string(in.string())});
  }
  const std::size_t count = in.count(6);
  ReplicaId replica = 0;
  std::uint64_t end = 0;
  std::int64_t moment = 0;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::uint64_t step = in.varint_below(kReplicaLimit - replica, "a replica is not below 2^53");
    if (step != 0) end = 0;
    replica += step;
    const std::uint64_t first = end + in.varint_below(kReplicaLimit, "a counter is not below 2^53");
    Stretch stretch;
    stretch.last = first + in.varint_below(kReplicaLimit, "a counter is not below 2^53");
    if (stretch.last >= kReplicaLimit) in.fail("a counter is not below 2^53");
    stretch.author = static_cast<std::uint32_t>(in.varint_below(authors, "there is no such author"));
    stretch.since = static_cast<std::int64_t>(static_cast<std::uint64_t>(moment) +
                                              static_cast<std::uint64_t>(unzigzag(in.varint())));
    stretch.until = static_cast<std::int64_t>(static_cast<std::uint64_t>(stretch.since) + in.varint());
    if (in.failed()) break;
    made.stretches_.emplace_hint(made.stretches_.end(), Key{replica, first}, stretch);
    end = stretch.last + 1;
    moment = stretch.since;
  }
  in.expect_end();
  if (in.failed()) return in.error("authorship");
  return made;
}

}  // namespace converge
