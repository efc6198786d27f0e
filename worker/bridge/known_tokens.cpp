#include "known_tokens.h"

#include <cstring>
#include <utility>

#include "digest.h"

namespace converge::bridge {

std::size_t KnownTokens::HashOfHash::operator()(const Hash& hash) const {
  std::size_t value;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

KnownTokens::Hash KnownTokens::hash_of(std::string_view token) { return sha256(token); }

void KnownTokens::remember(std::string_view token, Holder holder, Time end) {
  const Hash hash = hash_of(token);
  if (newer_.size() >= kMost / 2 && newer_.count(hash) == 0) older_ = std::exchange(newer_, {});
  older_.erase(hash);
  newer_.insert_or_assign(hash, Entry{std::move(holder), end});
}

void KnownTokens::forget(std::string_view token) {
  const Hash hash = hash_of(token);
  newer_.erase(hash);
  older_.erase(hash);
}

const KnownTokens::Holder* KnownTokens::find(std::string_view token, Time now) const {
  const Hash hash = hash_of(token);
  for (const Holders* holders : {&newer_, &older_}) {
    auto found = holders->find(hash);
    if (found != holders->end()) return now < found->second.end ? &found->second.holder : nullptr;
  }
  return nullptr;
}

}  // namespace converge::bridge
