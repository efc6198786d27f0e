#include "websocket.h"

#include <algorithm>
#include <optional>

#include "deflate.h"
#include "log.h"
#include "websocket_frames.h"
#include "worker.h"

namespace converge::bridge {

namespace {

// The longest message of a client that has not said who it is: with the longest token,
// and the longest name of a document, there is room to spare.
constexpr std::size_t kLongestIntroduction = 64 << 10;
// Messages below this are sent as they are.
constexpr std::size_t kSmallestCompressed = 512;
// States: compressed where that saves this much.
constexpr std::size_t kLargeMessage = 16 << 10;
constexpr double kWorthwhile = 0.3;

class WebSocket final : public Protocol, public Transport {
 public:
  WebSocket(Connection& connection, bool deflate, const Converse& converse)
      : connection_(connection),
        config_(connection.worker().config()),
        deflate_(deflate),
        began_(connection.last_life()),
        conversation_(converse(*this)),
        reader_(config_.max_message, deflate, conversation_->drops_too_long()) {
    connection_.worker().add(*conversation_);
  }

  // ---- Protocol

  std::size_t on_bytes(std::span<char> bytes) override {
    reader_.bound(longest());
    FrameReader::Event event = reader_.next(bytes);
    pinged_ = false;
    switch (event.kind) {
      case FrameReader::Kind::more:
      case FrameReader::Kind::pong:
        break;
      case FrameReader::Kind::message:
        on_message(event);
        break;
      case FrameReader::Kind::dropped:
        on_dropped(event);
        break;
      case FrameReader::Kind::ping:
        queue(make_frame(Opcode::pong, event.payload));
        break;
      case FrameReader::Kind::close:  // answered with the same code (5.5.1)
        close_with(event.code);
        break;
      case FrameReader::Kind::failure:
        fail(event.code, event.problem);
        break;
    }
    return event.used;
  }

  // A client that sends pings without reading the pongs is not read on either.
  bool wants_bytes() const override { return !closing_ && conversation_->ready(); }

  void on_drained() override {
    if (!closing_) conversation_->on_drained();
  }

  void on_tick(std::chrono::steady_clock::time_point now) override {
    if (closing_) return;
    if (!conversation_->identified() && now - began_ >= config_.handshake_timeout)
      return conversation_->end(wire::CODE_UNAUTHENTICATED, "no token that verifies within the time allowed", CloseCode::policy_violation);
    conversation_->tick(now);
    if (closing_) return;
    auto silence = now - connection_.last_life();
    if (silence >= config_.idle_timeout) return connection_.abort("no sign of life");
    if (silence >= config_.idle_timeout / 2 && !pinged_) {
      pinged_ = true;
      queue(make_frame(Opcode::ping, {}));
    }
  }

  void on_ended(const std::string&) override {
    closing_ = true;
    connection_.worker().remove(*conversation_);
    conversation_->on_closed();
  }

  // ---- Transport

  void send(Frame frame) override {
    if (closing_) return;
    connection_.worker().metrics().messages_out.Increment();
    const std::string* bytes = &frame->framed();
    if (deflate_) {
      if (config_.compress == Compress::all && frame->size() >= kSmallestCompressed) bytes = &frame->compressed(0);
      if (config_.compress == Compress::states && frame->size() >= kLargeMessage) bytes = &frame->compressed(kWorthwhile);
    }
    connection_.send(Bytes(std::move(frame), bytes));
  }

  std::size_t queued_bytes() const override { return connection_.queued_bytes(); }

  void close(CloseCode code, std::string_view reason) override { close_with(static_cast<std::uint16_t>(code), reason); }

  bool assign(const std::string& tenant) override { return connection_.assign(tenant); }

  void resume() override { connection_.resume(); }

 private:
  std::size_t longest() const {
    return conversation_->introduced() ? config_.max_message : std::min(config_.max_message, kLongestIntroduction);
  }

  void on_message(const FrameReader::Event& event) {
    if (!event.compressed) return conversation_->on_message(event.payload, event.binary);
    bool too_long = false;
    auto message = inflate_message(event.payload, longest(), &too_long);
    std::uint32_t utf8_state = 0;
    if (too_long && conversation_->drops_too_long()) {
      on_dropped(event);
    } else if (!message) {
      fail(static_cast<std::uint16_t>(too_long ? CloseCode::too_big : CloseCode::invalid_text),
           too_long ? "a message beyond the bound" : "a compressed message that is damaged");
    } else if (!event.binary && (!check_utf8(*message, utf8_state) || utf8_state != 0)) {
      fail(static_cast<std::uint16_t>(CloseCode::invalid_text), "a text that is not UTF-8");
    } else {
      conversation_->on_message(*message, event.binary);
    }
  }

  void on_dropped(const FrameReader::Event& event) {
    if (!event.compressed) return conversation_->on_dropped(event.payload, event.size, event.binary);
    conversation_->on_dropped(inflate_beginning(event.payload, kDroppedBeginning), std::nullopt, event.binary);
  }

  // 7.1.7: fail the connection. What it said is not answered any more.
  void fail(std::uint16_t code, const char* problem) {
    log(Severity::debug, connection_.peer(), " broke the protocol: ", problem);
    close_with(code);
  }

  void close_with(std::uint16_t code, std::string_view reason = {}) {
    if (closing_) return;
    closing_ = true;
    queue(make_frame(Opcode::close, close_payload(code, reason)));
    connection_.finish();
  }

  void queue(std::string bytes) { connection_.send(std::make_shared<const std::string>(std::move(bytes))); }

  Connection& connection_;
  const Config& config_;
  const bool deflate_;
  const Connection::Time began_;
  std::shared_ptr<Conversation> conversation_;
  FrameReader reader_;
  bool pinged_ = false;   // since the last sign of life
  bool closing_ = false;  // a Close was sent, or the connection is gone
};

}  // namespace

std::unique_ptr<Protocol> make_websocket(Connection& connection, const Handshake& handshake, const Converse& converse) {
  return std::make_unique<WebSocket>(connection, handshake.extensions.has_value(), converse);
}

}  // namespace converge::bridge
