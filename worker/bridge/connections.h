// How many connections there are: a bound for the process, one for each address
// and, once it is known who connects, one for each tenant. Shared by all workers.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "config.h"
#include "metrics.h"

namespace converge::bridge {

class Connections {
 public:
  explicit Connections(const Config& config) : config_(config) {}

  // A place that is given back when it is destroyed.
  class Place {
   public:
    Place(Connections& connections, std::string address) : connections_(connections), address_(std::move(address)) {}
    ~Place() { connections_.leave(*this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Makes it one of the tenant's places, once; false when the tenant has all
    // that it may.
    bool assign(const std::string& tenant) { return connections_.assign(*this, tenant); }

   private:
    friend Connections;
    Connections& connections_;
    std::string address_;
    std::string tenant_;
  };

  // Null when there is none, and `why`.
  std::unique_ptr<Place> enter(const std::string& address, TurnedAway* why) {
    std::lock_guard lock(mutex_);
    *why = TurnedAway::max_connections;
    if (count_ >= config_.max_connections) return nullptr;
    *why = TurnedAway::max_connections_per_address;
    if (!count(by_address_, address, config_.max_connections_per_address)) return nullptr;
    ++count_;
    return std::make_unique<Place>(*this, address);
  }

  unsigned count() const { return count_; }

 private:
  using Counts = std::map<std::string, unsigned>;

  // Whether there was room for one more. A bound of 0 is none, and nothing is counted.
  static bool count(Counts& counts, const std::string& name, unsigned bound) {
    if (bound == 0) return true;
    unsigned& here = counts[name];
    if (here >= bound) return false;
    ++here;
    return true;
  }

  static void discount(Counts& counts, const std::string& name) {
    auto found = counts.find(name);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  }

  bool assign(Place& place, const std::string& tenant) {
    std::lock_guard lock(mutex_);
    if (!count(by_tenant_, tenant, config_.max_connections_per_tenant)) return false;
    place.tenant_ = tenant;
    return true;
  }

  void leave(const Place& place) {
    std::lock_guard lock(mutex_);
    --count_;
    discount(by_address_, place.address_);
    discount(by_tenant_, place.tenant_);  // of none, as long as it is not assigned
  }

  const Config& config_;
  std::mutex mutex_;
  std::atomic<unsigned> count_ = 0;
  Counts by_address_;
  Counts by_tenant_;
};

}  // namespace converge::bridge
