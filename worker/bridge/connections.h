// How many connections there are: a bound for the process and one for each
// address. Shared by all workers.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "config.h"

namespace converge::bridge {

class Connections {
 public:
  explicit Connections(const Config& config) : config_(config) {}

  // A place that is given back when it is destroyed; null when there is none.
  class Place {
   public:
    Place(Connections& connections, std::string address) : connections_(connections), address_(std::move(address)) {}
    ~Place() { connections_.leave(address_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Connections& connections_;
    std::string address_;
  };

  std::unique_ptr<Place> enter(const std::string& address) {
    std::lock_guard lock(mutex_);
    if (count_ >= config_.max_connections) return nullptr;
    if (config_.max_connections_per_address != 0) {
      unsigned& here = by_address_[address];
      if (here >= config_.max_connections_per_address) return nullptr;
      ++here;
    }
    ++count_;
    return std::make_unique<Place>(*this, address);
  }

  unsigned count() const { return count_; }

 private:
  void leave(const std::string& address) {
    std::lock_guard lock(mutex_);
    --count_;
    auto found = by_address_.find(address);
    if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
  }

  const Config& config_;
  std::mutex mutex_;
  std::atomic<unsigned> count_ = 0;
  std::map<std::string, unsigned> by_address_;
};

}  // namespace converge::bridge
