// All the clients of a workload, and the traffic between them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "load_client.h"
#include "process_usage.h"

namespace bench {

struct Traffic {
  double sent_per_s = 0;      // what the generator managed
  double lost = 0;            // the part of the receipts that did not come, 0 to 1
  double cores = 0;           // of the servers, in cores
  double generator_cores = 0;
  double stolen = 0;          // of the machine by its host, seconds
};

class Fleet {
 public:
  using Time = Recorder::Time;

  // Client i follows document i / (clients / documents).
  Fleet(LoadClient::Shared& shared, const ServerProcesses& processes, unsigned clients, unsigned documents);
  const ServerProcesses& processes() const { return processes_; }

  // Connects those that are not connected, some at a time, and waits until each
  // follows its document. Throws when that fails or takes more than a minute.
  void connect();
  // Cuts every line; connect() makes them anew, and the clients catch up.
  void disconnect();

  LoadClient& client(unsigned index) { return *clients_[index]; }
  unsigned size() const { return static_cast<unsigned>(clients_.size()); }
  unsigned followers() const { return size() / documents_; }  // of one document
  Recorder& recorder() { return shared_.recorder; }

  // Open loop: update k of the run is to be sent k / rate seconds after its
  // begin, by the writers in turn, whatever became of those before. Returns when
  // all was received `receivers` times, or has not been for `patience`.
  // Throws when a client fails.
  Traffic drive(const std::vector<unsigned>& writers, unsigned receivers, double rate, double seconds,
                std::chrono::milliseconds patience = std::chrono::seconds(3));

  // One writer after the other, a document after the other.
  std::vector<unsigned> all_writers() const;

  // Lets events happen until the condition holds; false when time runs out.
  bool pump(const std::function<bool()>& condition, std::chrono::milliseconds patience);
  void rest(std::chrono::milliseconds time);

 private:
  void check() const;

  LoadClient::Shared& shared_;
  const ServerProcesses processes_;
  const unsigned documents_;
  std::vector<std::unique_ptr<LoadClient>> clients_;
};

}  // namespace bench
