// One worker of the bridge: a thread with its own listening socket, database
// connections, link to PostgreSQL's background worker, documents and clients.
// Workers share nothing but the bound on connections; the kernel spreads the
// clients over them.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <unordered_set>

#include "connections.h"
#include "session.h"

namespace converge::bridge {

class Worker {
 public:
  Worker(const Config& config, Connections& connections);

  // Binds the listening socket and returns the port. Throws
  // boost::system::system_error.
  std::uint16_t listen(const std::string& address, std::uint16_t port);

  void run();             // until drained
  void request_drain();   // from any thread: end orderly

  // ---- for connections of this worker

  const Config& config() const { return config_; }
  asio::io_context& io() { return io_; }
  Services services() { return {io_, config_, access_, hub_, pusher_}; }
  bool ready() const { return !draining_ && database_.healthy() && link_.attached(); }
  bool draining() const { return draining_; }
  void add(Session& session) { sessions_.insert(&session); }
  void remove(Session& session) { sessions_.erase(&session); }

 private:
  awaitable<void> accept();
  awaitable<void> recheck();
  awaitable<void> drain();

  const Config& config_;
  Connections& connections_;
  asio::io_context io_{1};
  DatabasePool database_;
  Access access_;
  WorkerLink link_;
  Hub hub_;
  Pusher pusher_;
  asio::ip::tcp::acceptor acceptor_;
  std::unordered_set<Session*> sessions_;
  bool draining_ = false;
};

}  // namespace converge::bridge
