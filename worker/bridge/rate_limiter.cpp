#include "rate_limiter.h"

#include <algorithm>

namespace converge::bridge {

namespace {

double refill(double rate, RateLimiter::Time since, RateLimiter::Time now) {
  return rate * std::chrono::duration<double>(now - since).count() / 60;
}

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
  auto [at, added] = buckets_.try_emplace(wanted.key, Bucket{rate, now, rate});
  Bucket& bucket = at->second;
  if (!added && now > bucket.at) {
    bucket.room += refill(rate, bucket.at, now);
    bucket.at = now;
  }
  // The rate may have become another.
  bucket.rate = rate;
  bucket.room = std::min(bucket.room, rate);
  return bucket;
}

void RateLimiter::forget_full(Time now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    const Bucket& bucket = entry.second;
    return bucket.room + refill(bucket.rate, bucket.at, now) >= bucket.rate;
  });
  sweep_at_ = std::max<std::size_t>(1024, 2 * buckets_.size());
}

}  // namespace converge::bridge
