#include "load_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "websocket_frame.h"

namespace bench {

namespace {

constexpr std::size_t kLeastRoom = std::size_t{64} << 10;

std::string system_error(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

LoadClient::~LoadClient() { disconnect(); }

void LoadClient::connect() {
  disconnect();
  asked_ = false;
  upgraded_ = false;
  incoming_.clear();
  fragments_.clear();
  outgoing_.clear();
  conversation_ = nullptr;
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return fail(system_error("cannot make a socket"));
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(shared_.port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0 && errno != EINPROGRESS)
    return fail(system_error("cannot connect"));
  shared_.events.add(socket_, *this);
}

void LoadClient::disconnect() {
  if (connected()) close(socket_);
  socket_ = -1;
  if (ready_) --shared_.ready;
  ready_ = false;
}

void LoadClient::on_events(std::uint32_t events) {
  // Of the connection before, if it has been closed among the same events.
  if (!connected()) return;
  if ((events & EPOLLOUT) != 0) {
    if (!asked_) ask_for_upgrade();
    if (!outgoing_.empty() && connected()) outgoing_.erase(0, write_some(outgoing_));
  }
  if (connected() && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read();
}

void LoadClient::ask_for_upgrade() {
  asked_ = true;
  const std::string protocols = shared_.dialect->protocols(*this);
  write("GET " + shared_.dialect->target(*this) +
        " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        (protocols.empty() ? "" : "Sec-WebSocket-Protocol: " + protocols + "\r\n") +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
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

void LoadClient::send_together(std::initializer_list<std::string_view> messages) {
  std::string frames;
  for (std::string_view message : messages) {
    frames.reserve(frames.size() + message.size() + 14);
    append_frame(frames, Opcode::binary, message, true);
  }
  write(frames);
}

void LoadClient::write(std::string_view bytes) {
  if (outgoing_.empty()) bytes.remove_prefix(write_some(bytes));
  outgoing_ += bytes;
}

// How much of it the socket takes; what it does not take, on_events() goes on with.
std::size_t LoadClient::write_some(std::string_view bytes) {
  const ssize_t written = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (written >= 0) return static_cast<std::size_t>(written);
  if (errno != EAGAIN) fail(system_error("cannot write"));
  return 0;
}

// Until there is no more: it is not told again of what is left.
void LoadClient::read() {
  std::string& buffer = shared_.buffer;
  for (bool more = true; more;) {
    const std::size_t kept = incoming_.size();
    if (buffer.size() < kept + kLeastRoom) buffer.resize(kept + 4 * kLeastRoom);
    incoming_.copy(buffer.data(), kept);
    const std::size_t room = buffer.size() - kept;
    const ssize_t got = recv(socket_, buffer.data() + kept, room, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail(system_error("the connection ended"));
    if (got == 0) return fail("the server ended the connection");
    more = static_cast<std::size_t>(got) == room;

    std::size_t used = 0;
    const std::size_t size = kept + static_cast<std::size_t>(got);
    take({buffer.data(), size}, used);
    if (!connected()) return;
    incoming_.assign(buffer, used, size - used);
  }
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
