#include "websocket.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include <deque>

#include "log.h"
#include "version.h"
#include "worker.h"

namespace converge::bridge {

namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

// For the upgrade's answer to be sent and for a closing handshake to be
// answered: one that does not close its side is cut off.
constexpr std::chrono::seconds kCloseTimeout{2};

// A read buffer that has grown beyond this is given back when it is empty.
constexpr std::size_t kKeptBuffer = 4096;

class WebSocket final : public Transport, public std::enable_shared_from_this<WebSocket> {
 public:
  WebSocket(Worker& worker, beast::tcp_stream stream)
      : worker_(worker), stream_(std::move(stream)), hello_deadline_(worker.io()) {
    const Config& config = worker.config();
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = kCloseTimeout;
    timeout.idle_timeout = config.idle_timeout;
    timeout.keep_alive_pings = true;  // at half the idle time
    stream_.set_option(timeout);
    if (config.compress) {
      websocket::permessage_deflate deflate;
      deflate.server_enable = true;
      deflate.server_no_context_takeover = true;  // no window kept for each client
      deflate.client_no_context_takeover = true;
      deflate.msg_size_threshold = 512;
      stream_.set_option(deflate);
    }
    stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
      response.set(beast::http::field::server, "converge-bridge/" CONVERGE_VERSION);
    }));
    stream_.read_message_max(config.max_message);
    stream_.auto_fragment(false);
    stream_.binary(true);
  }

  awaitable<void> run(beast::http::request<beast::http::empty_body> request, std::string peer) {
    auto self = shared_from_this();
    boost::system::error_code error;
    co_await stream_.async_accept(request, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      log(Severity::debug, peer, " failed to upgrade: ", error.message());
      co_return;
    }
    request = {};
    session_ = std::make_shared<Session>(worker_.services(), *this, peer);
    worker_.add(*session_);
    limit_hello();

    beast::flat_buffer buffer;
    for (;;) {
      co_await stream_.async_read(buffer, asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      std::string_view bytes(static_cast<const char*>(buffer.data().data()), buffer.size());
      co_await session_->on_message(bytes, stream_.got_binary());
      if (session_->identified()) hello_deadline_.cancel();
      buffer.consume(buffer.size());
      if (buffer.capacity() > kKeptBuffer) buffer.shrink_to_fit();
    }
    log(Severity::debug, peer, " left: ", error.message());
    closed_ = true;
    hello_deadline_.cancel();
    worker_.remove(*session_);
    session_->on_closed();
    session_.reset();
    queue_.clear();
    queued_bytes_ = 0;
  }

  // ---- Transport

  void send(Frame frame) override {
    if (closed_ || closing_) return;
    queued_bytes_ += frame->size();
    queue_.push_back(std::move(frame));
    if (!writing_) write();
  }

  std::size_t queued_bytes() const override { return queued_bytes_; }

  void close(CloseCode code) override {
    if (closed_ || closing_) return;
    closing_ = true;
    close_code_ = code;
    if (!writing_) finish();
  }

 private:
  void write() {
    writing_ = true;
    // Moved into the handler: the frame lives until it is sent.
    Frame frame = std::move(queue_.front());
    queue_.pop_front();
    auto bytes = asio::buffer(*frame);
    stream_.async_write(bytes, [self = shared_from_this(), frame = std::move(frame)](boost::system::error_code error,
                                                                                    std::size_t) {
      self->on_written(frame->size(), error);
    });
  }

  void on_written(std::size_t size, boost::system::error_code error) {
    writing_ = false;
    if (closed_) return;
    queued_bytes_ -= size;
    if (error) {  // the read fails too, and ends the session
      queue_.clear();
      queued_bytes_ = 0;
      beast::get_lowest_layer(stream_).cancel();
      return;
    }
    if (!queue_.empty()) {
      write();
    } else if (closing_) {
      finish();
    } else {
      if (queue_.empty()) queue_ = {};  // an idle client keeps no queue
      session_->on_drained();
    }
  }

  void finish() {
    websocket::close_reason reason(static_cast<std::uint16_t>(close_code_));
    stream_.async_close(reason, [self = shared_from_this()](boost::system::error_code) {});
  }

  // A client that does not say who it is, is sent away.
  void limit_hello() {
    hello_deadline_.expires_after(worker_.config().handshake_timeout);
    hello_deadline_.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
      if (cancelled || self->closed_ || self->session_->identified()) return;
      self->session_->end(wire::CODE_UNAUTHENTICATED, "no Hello within the time allowed",
                          CloseCode::policy_violation);
    });
  }

  Worker& worker_;
  websocket::stream<beast::tcp_stream> stream_;
  asio::steady_timer hello_deadline_;
  std::shared_ptr<Session> session_;
  std::deque<Frame> queue_;
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool closing_ = false;
  bool closed_ = false;
  CloseCode close_code_ = CloseCode::going_away;
};

}  // namespace

awaitable<void> serve_websocket(Worker& worker, beast::tcp_stream stream,
                                beast::http::request<beast::http::empty_body> request, std::string peer) {
  auto connection = std::make_shared<WebSocket>(worker, std::move(stream));
  co_await connection->run(std::move(request), std::move(peer));
}

}  // namespace converge::bridge
