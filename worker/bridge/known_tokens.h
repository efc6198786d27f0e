// Whose the tokens are that clients came with lately, so that what a client which comes
// back asks with its first messages is charged to it before the database has said again
// who it is (rate_limiter.h).
//
// It proves nothing: a token in it may have been revoked since. Nothing is given or told
// to anybody on the strength of it; whatever is asked of the database presents the token.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "rate_limiter.h"

namespace converge::bridge {

class KnownTokens {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Of more than these the older half is forgotten.
  static constexpr std::size_t kMost = 16384;

  struct Holder {
    std::string tenant;
    std::string principal;
    Rates rates;  // as they were when the database was last asked
  };

  // Until `end`, the token's own.
  void remember(std::string_view token, Holder holder, Time end);
  void forget(std::string_view token);

  // Null: not known, or its time is over. Good until the next call of another function.
  const Holder* find(std::string_view token, Time now) const;

  std::size_t size() const { return newer_.size() + older_.size(); }

 private:
  // SHA-256: tokens may be long, and are secrets.
  using Hash = std::array<unsigned char, 32>;
  struct HashOfHash {
    std::size_t operator()(const Hash& hash) const;
  };
  struct Entry {
    Holder holder;
    Time end;
  };

  static Hash hash_of(std::string_view token);

  // Each token in one of them; neither has more than half of kMost.
  using Holders = std::unordered_map<Hash, Entry, HashOfHash>;
  Holders newer_;
  Holders older_;
};

}  // namespace converge::bridge
