// What a WebSocket connection carries: one client's conversation with the bridge,
// in the project's own messages (session.h) or in those of Yjs (yjs_session.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access.h"
#include "close_code.h"
#include "messages.h"
#include "metrics.h"

namespace converge::bridge {

class CloseDelays;
class Hub;
class Pusher;
class RateLimiter;

// What carries a conversation's messages.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void send(Frame frame) = 0;
  virtual std::size_t queued_bytes() const = 0;
  // Sends what is queued, then the closing handshake. Nothing is sent after. The
  // reason is UTF-8; beyond 123 bytes it is cut.
  virtual void close(CloseCode code, std::string_view reason = {}) = 0;
  // Counts the connection as the tenant's; false when it has too many.
  virtual bool assign(const std::string& tenant) = 0;
  // The conversation may be ready() for messages again.
  virtual void resume() = 0;
};

// What the conversations of one worker share.
struct Services {
  asio::io_context& io;
  const Config& config;
  Access& access;
  Hub& hub;
  Pusher& pusher;
  RateLimiter& rates;
  Metrics& metrics;
  CloseDelays& close_delays;
};

class Conversation {
 public:
  virtual ~Conversation() = default;

  // Whether a message may come: a client has to wait until it is known who it is,
  // while too many of its pushes are in the works, and while it does not read
  // what it is told.
  virtual bool ready() const = 0;
  virtual void on_message(std::string_view bytes, bool binary) = 0;
  // Whether a message beyond --max-message, instead of ending the connection, is read and not
  // kept, and the conversation told of it: its beginning (kDroppedBeginning), and its size
  // where it did not come compressed.
  virtual bool drops_too_long() const { return false; }
  virtual void on_dropped(std::string_view, std::optional<std::uint64_t>, bool /* binary */) {}
  virtual void on_drained() = 0;  // everything queued was sent
  virtual void on_closed() = 0;   // the connection is gone; the transport with it

  virtual bool identified() const = 0;

  // Whether the client has said who it is, true or not: before that its messages are
  // bounded more tightly, and after it nothing is read until it is known.
  virtual bool introduced() const = 0;

  // Now and then. Ends what goes on under a token that has ended.
  virtual void tick(std::chrono::steady_clock::time_point now) = 0;

  // Asks the database again whether the client may still read what it follows,
  // and ends what it may not.
  virtual awaitable<void> recheck() = 0;

  // From now on the client's messages are left unread.
  virtual void stop_reading() = 0;

  // Ends the connection after what is queued.
  virtual void end(wire::Code code, std::string_view message, CloseCode close) = 0;

  virtual std::weak_ptr<Conversation> weak() = 0;
};

}  // namespace converge::bridge
