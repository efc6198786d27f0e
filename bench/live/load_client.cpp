#include "load_client.h"

#include "websocket_frame.h"

namespace bench {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

void LoadClient::connect() {
  disconnect();
  upgraded_ = false;
  incoming_.clear();
  fragments_.clear();
  outgoing_.clear();
  socket_ = tcp::socket(shared_.io);
  conversation_ = nullptr;
  socket_.async_connect(shared_.server, [this](error_code error) {
    if (error == asio::error::operation_aborted) return;
    if (error) return fail("cannot connect: " + error.message());
    socket_.set_option(tcp::no_delay(true));
    socket_.non_blocking(true);
    const std::string protocols = shared_.dialect->protocols(*this);
    write("GET " + shared_.dialect->target(*this) +
          " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          (protocols.empty() ? "" : "Sec-WebSocket-Protocol: " + protocols + "\r\n") +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    wait_readable();
  });
}

void LoadClient::disconnect() {
  error_code ignored;
  socket_.close(ignored);
  if (ready_) --shared_.ready;
  ready_ = false;
}

void LoadClient::on_ready() {
  if (ready_) return;
  ready_ = true;
  ++shared_.ready;
}

void LoadClient::fail(const std::string& why) {
  if (shared_.failed++ == 0) shared_.failure = "client " + std::to_string(index_) + ": " + why;
  disconnect();
}

void LoadClient::update(Recorder::Time intended) {
  shared_.recorder.sent(index_, intended);
  if (connected()) conversation_->send_update(updates_);
  ++updates_;
}

void LoadClient::send(std::string_view message) {
  std::string frame;
  frame.reserve(message.size() + 14);
  append_frame(frame, Opcode::binary, message, true);
  write(frame);
}

void LoadClient::write(std::string_view bytes) {
  if (!writing_ && outgoing_.empty()) {
    error_code error;
    bytes.remove_prefix(socket_.write_some(asio::buffer(bytes), error));
    if (error && error != asio::error::would_block) return fail("cannot write: " + error.message());
  }
  outgoing_ += bytes;
  if (!outgoing_.empty() && !writing_) wait_writable();
}

void LoadClient::wait_writable() {
  writing_ = true;
  socket_.async_wait(tcp::socket::wait_write, [this](error_code error) {
    writing_ = false;
    if (error) return;
    outgoing_.erase(0, socket_.write_some(asio::buffer(outgoing_), error));
    if (error && error != asio::error::would_block) return fail("cannot write: " + error.message());
    if (!outgoing_.empty()) wait_writable();
  });
}

void LoadClient::wait_readable() {
  socket_.async_wait(tcp::socket::wait_read, [this](error_code error) {
    if (!error) read();
  });
}

// One read a turn: who has more to say comes again at once.
void LoadClient::read() {
  std::string& buffer = shared_.buffer;
  const std::size_t kept = incoming_.size();
  if (buffer.size() < kept + (std::size_t{64} << 10)) buffer.resize(kept + (std::size_t{256} << 10));
  incoming_.copy(buffer.data(), kept);
  error_code error;
  const std::size_t got = socket_.read_some(asio::buffer(buffer.data() + kept, buffer.size() - kept), error);
  if (error == asio::error::would_block) return wait_readable();
  if (error) return fail("the connection ended: " + error.message());

  std::size_t used = 0;
  take({buffer.data(), kept + got}, used);
  if (!connected()) return;
  incoming_.assign(buffer, used, kept + got - used);
  wait_readable();
}

void LoadClient::take(std::span<char> bytes, std::size_t& used) {
  if (!upgraded_) {
    const std::string_view answer(bytes.data(), bytes.size());
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    if (!answer.starts_with("HTTP/1.1 101")) return fail("no upgrade: " + std::string(answer.substr(0, 80)));
    upgraded_ = true;
    used = end + 4;
    conversation_ = shared_.dialect->begin(*this);
    conversation_->on_open();
  }
  while (connected()) {
    auto frame = read_frame(bytes.subspan(used));
    if (!frame) return;
    used += frame->size;
    handle(frame->payload, static_cast<std::uint8_t>(frame->opcode), frame->final);
  }
}

void LoadClient::handle(std::string_view payload, std::uint8_t opcode, bool final) {
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::close:
      return fail("the server closed the connection");
    case Opcode::ping: {
      std::string pong;
      append_frame(pong, Opcode::pong, payload, true);
      return write(pong);
    }
    case Opcode::pong:
      return;
    default:
      break;
  }
  if (final && fragments_.empty()) return conversation_->on_message(payload);
  fragments_ += payload;
  if (!final) return;
  std::string whole;
  whole.swap(fragments_);
  conversation_->on_message(whole);
}

}  // namespace bench
