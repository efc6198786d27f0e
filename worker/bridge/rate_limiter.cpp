#include "rate_limiter.h"

#include <algorithm>

namespace converge::bridge {

namespace {

// A bucket that was left alone for so long is full, whatever its rate.
constexpr std::chrono::minutes kFull{1};

// Neither name holds a NUL.
std::string key_of(char kind, const std::string& tenant, const std::string& principal) {
  std::string key(1, kind);
  key += tenant;
  key += '\0';
  key += principal;
  return key;
}

}  // namespace

bool RateLimiter::take_request(const Rates& rates, const std::string& tenant, const std::string& principal, Time now) {
  if (rates.principal_requests == 0 && rates.tenant_requests == 0) return true;
  return take({key_of('r', tenant, principal), rates.principal_requests},
              {key_of('r', tenant, ""), rates.tenant_requests}, 1, now);
}

bool RateLimiter::take_changes(const Rates& rates, const std::string& tenant, const std::string& principal,
                               std::size_t count, Time now) {
  if (rates.principal_changes == 0 && rates.tenant_changes == 0) return true;
  return take({key_of('c', tenant, principal), rates.principal_changes},
              {key_of('c', tenant, ""), rates.tenant_changes}, static_cast<double>(count), now);
}

std::size_t RateLimiter::buckets() const {
  std::lock_guard lock(mutex_);
  return buckets_.size();
}

bool RateLimiter::take(const Wanted& principal, const Wanted& tenant, double count, Time now) {
  std::lock_guard lock(mutex_);
  if (buckets_.size() >= sweep_at_) forget_full(now);
  const Wanted* const all[] = {&principal, &tenant};
  for (const Wanted* wanted : all) {
    if (wanted->rate == 0) continue;
    if (refilled(*wanted, now).room < std::min(count, static_cast<double>(wanted->rate))) return false;
  }
  for (const Wanted* wanted : all) {
    if (wanted->rate != 0) buckets_.at(wanted->key).room -= count;
  }
  return true;
}

RateLimiter::Bucket& RateLimiter::refilled(const Wanted& wanted, Time now) {
  const auto rate = static_cast<double>(wanted.rate);
  auto [at, added] = buckets_.try_emplace(wanted.key, Bucket{rate, now});
  Bucket& bucket = at->second;
  if (!added && now > bucket.at) {
    bucket.room += rate * std::chrono::duration<double>(now - bucket.at).count() / 60;
    bucket.at = now;
  }
  // The rate may have become another.
  bucket.room = std::min(bucket.room, rate);
  return bucket;
}

void RateLimiter::forget_full(Time now) {
  std::erase_if(buckets_, [&](const auto& entry) { return entry.second.room >= 0 && now - entry.second.at >= kFull; });
  sweep_at_ = std::max<std::size_t>(1024, 2 * buckets_.size());
}

}  // namespace converge::bridge
