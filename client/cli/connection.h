// One WebSocket connection to a bridge: protobuf messages out and in.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "converge.pb.h"
#include "options.h"

namespace converge::cli {

// The bridge does not greet now: the database is away, or too much is asked of it.
class NotNow : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Made by std::make_shared, and used for one connection only: a new one is a new
// object. Everything runs on the io_context's one thread. A lost connection
// shows as boost::system::system_error from open() or read().
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(boost::asio::io_context& io);

  // Connects, upgrades, and says Hello. Returns the bridge's Welcome.
  // Throws system_error (no connection), NotNow or another std::runtime_error
  // (refused; the message is the bridge's).
  // `first`: a message to send right behind the greeting.
  boost::asio::awaitable<wire::Welcome> open(Target target, std::string token, std::uint64_t epoch,
                                             std::optional<wire::ClientMessage> first = std::nullopt);

  // The next message from the bridge.
  boost::asio::awaitable<wire::ServerMessage> read();

  // Queues a message; they are written in order, one at a time. A failed write
  // shows at the next read().
  void send(const wire::ClientMessage& message);

  // Whether send() has nothing that waits to be written.
  bool drained() const { return queue_.empty(); }

  // Cuts the line without a goodbye.
  void abort();

  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  static boost::asio::awaitable<void> write_queue(std::shared_ptr<Connection> self);

  boost::asio::io_context& io_;
  boost::beast::websocket::stream<boost::beast::tcp_stream> socket_;
  std::deque<std::string> queue_;
  bool writing_ = false;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace converge::cli
