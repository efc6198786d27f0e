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
  if (holders_.size() >= kMost && holders_.count(hash) == 0) holders_.clear();
  holders_.insert_or_assign(hash, Entry{std::move(holder), end});
}

void KnownTokens::forget(std::string_view token) { holders_.erase(hash_of(token)); }

const KnownTokens::Holder* KnownTokens::find(std::string_view token, Time now) const {
  auto found = holders_.find(hash_of(token));
  return found != holders_.end() && now < found->second.end ? &found->second.holder : nullptr;
}

}  // namespace converge::bridge
