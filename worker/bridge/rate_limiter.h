// How much principals and tenants may ask of this bridge: token buckets of a minute's
// worth, that fill evenly. Shared by all workers; each bridge has its own.
//
// The rates are the database's (converge.current_limits()), told anew with each
// identity.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace converge::bridge {

// A minute; 0: as much as they like.
struct Rates {
  std::int64_t principal_requests = 0;
  std::int64_t principal_changes = 0;
  std::int64_t tenant_requests = 0;
  std::int64_t tenant_changes = 0;
};

// What who exceeds them is told.
inline constexpr std::string_view kTooMuch = "the principal, or its tenant, asks too much: try again later";

class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Whether this request, or so many changes at once, may pass now: then they are
  // counted. More than a minute's worth passes when nothing else did.
  bool take_request(const Rates& rates, const std::string& tenant, const std::string& principal, Time now);
  bool take_changes(const Rates& rates, const std::string& tenant, const std::string& principal, std::size_t count,
                    Time now);

  // Of those who have asked more than has refilled since, or not long ago.
  std::size_t buckets() const;

 private:
  struct Bucket {
    double room;  // below 0 after more than a minute's worth
    Time at;
    double rate;  // as of then
  };
  struct Wanted {
    std::string key;
    std::int64_t rate;
  };

  bool take(const Wanted& principal, const Wanted& tenant, double count, Time now);
  Bucket& refilled(const Wanted& wanted, Time now);
  void forget_full(Time now);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
  std::size_t sweep_at_ = 1024;  // so many buckets, those that are full again are forgotten
};

}  // namespace converge::bridge
