// The stream by the replication protocol: what a bridge on another host than the
// database reads, from a slot of its own, with the same output plugin as the
// background worker. The role needs the attribute REPLICATION, and gets every
// tenant's changes: this bridge is trusted with all of them.
//
// The slot is temporary, and goes with the connection; or has the name that
// --slot gives it, and stays. Either way nothing depends on it: when it is lost,
// or made anew, documents are refilled from the log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "change_source.h"
#include "config.h"
#include "database.h"
#include "passed_over.h"
#include "presence_relay.h"
#include "replication_connection.h"

namespace converge::bridge {

class ReplicationSource final : public ChangeSource {
 public:
  // `index` tells the bridge's workers apart.
  ReplicationSource(asio::io_context& io, const Config& config, DatabasePool& database, Metrics& metrics,
                    PresenceRelay& relay, unsigned index);

  awaitable<WatchOutcome> watch(std::uint64_t document, std::string ticket) override;
  // Every document's changes come anyway; who does not want one passes it over.
  void unwatch(std::uint64_t) override {}
  // Between the workers of this bridge only.
  void send_presence(const wire::DocumentPresence& presence) override;

 private:
  struct Waiter {
    explicit Waiter(asio::io_context& io, std::uint64_t position) : signal(io), position(position) {}
    Signal signal;
    std::uint64_t position;
    bool done = false;
    WatchOutcome outcome = WatchOutcome::lost;
  };

  awaitable<void> attach_and_read(Listener& listener) override;
  void drop_connection() override;
  awaitable<void> check_prerequisites();
  awaitable<std::string> prepare_slot();
  void take(const ReplicationConnection::Message& message, Listener& listener);
  awaitable<void> look_at_snapshots();
  Lsn confirmable() const;
  awaitable<void> confirm_now_and_then();
  void release(WatchOutcome outcome);

  const Config& config_;
  DatabasePool& database_;
  PresenceRelay& relay_;
  std::uint64_t member_ = 0;  // of the relay; 0: none
  const unsigned index_;
  ReplicationConnection connection_;
  wire::StreamFrame frame_;
  bool in_transaction_ = false;  // its last frame has not come yet
  Lsn processed_ = 0;
  PassedOver passed_over_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  bool looking_ = false;
  bool confirming_ = false;
};

}  // namespace converge::bridge
