// The floor of a durable path: WebSocket in, group commit of INSERT … unnest,
// acknowledgement after the commit, logical decoding, broadcast. No CRDT, no
// authentication, no policies, nothing merged; whoever is slow is not looked
// after.
//
//   bench-live-reference CONNINFO        prints "listening on PORT"
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "reference_log.h"
#include "websocket_frame.h"

namespace {

using namespace bench;
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// RFC 6455, 4.2.2.
std::string accept_of(std::string key) {
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  std::string accept(4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1, '\0');
  accept.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(accept.data()), digest, SHA_DIGEST_LENGTH)));
  return accept;
}

class Server;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server& server, tcp::socket socket) : server_(server), socket_(std::move(socket)) {}
  void wait_readable();
  // Sent at the end of the turn, with what else there is for this client.
  void send(const ReferenceMessage& message);
  void flush();
  std::uint32_t author() const { return author_; }

 private:
  void read();
  bool take(std::span<char> bytes, std::size_t& used);
  void handle(const ReferenceMessage& message);
  void leave();

  Server& server_;
  tcp::socket socket_;
  bool upgraded_ = false;
  bool joined_ = false;
  bool dirty_ = false;
  bool writing_ = false;
  std::uint32_t document_ = 0;
  std::uint32_t author_ = 0;
  std::string incoming_;
  std::string outgoing_;
};

class Server {
 public:
  explicit Server(const std::string& conninfo)
      : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
        log_(io_, conninfo, {[this](auto& batch) { acknowledge(batch); }, [this](auto& messages) { broadcast(messages); }}) {}

  void run() {
    accept();
    std::printf("listening on %u\n", acceptor_.local_endpoint().port());
    std::fflush(stdout);
    io_.run();
  }

  std::string buffer = std::string(std::size_t{64} << 10, '\0');
  ReferenceLog& log() { return log_; }
  std::set<std::shared_ptr<Connection>>& followers(std::uint32_t document) { return documents_[document]; }
  std::unordered_map<std::uint32_t, std::weak_ptr<Connection>>& authors() { return authors_; }

  void flush_later(std::shared_ptr<Connection> connection) {
    if (dirty_.empty()) asio::post(io_, [this] { flush(); });
    dirty_.push_back(std::move(connection));
  }

 private:
  void flush() {
    auto dirty = std::move(dirty_);
    dirty_.clear();
    for (auto& connection : dirty) connection->flush();
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!error) {
        socket.set_option(tcp::no_delay(true));
        socket.non_blocking(true);
        std::make_shared<Connection>(*this, std::move(socket))->wait_readable();
      }
      accept();
    });
  }

  void acknowledge(const ReferenceLog::Messages& batch) {
    for (ReferenceMessage message : batch) {
      message.kind = ReferenceMessage::acknowledged;
      if (auto author = authors_[message.author].lock()) author->send(message);
    }
  }

  void broadcast(const ReferenceLog::Messages& messages) {
    for (const ReferenceMessage& message : messages)
      for (auto& connection : documents_[message.document])
        if (connection->author() != message.author) connection->send(message);
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  ReferenceLog log_;
  std::unordered_map<std::uint32_t, std::set<std::shared_ptr<Connection>>> documents_;
  std::unordered_map<std::uint32_t, std::weak_ptr<Connection>> authors_;
  std::vector<std::shared_ptr<Connection>> dirty_;
};

void Connection::wait_readable() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
    if (!error) self->read();
  });
}

void Connection::read() {
  std::string& buffer = server_.buffer;
  const std::size_t kept = incoming_.copy(buffer.data(), incoming_.size());
  error_code error;
  const std::size_t got = socket_.read_some(asio::buffer(buffer.data() + kept, buffer.size() - kept), error);
  if (error == asio::error::would_block) return wait_readable();
  std::size_t used = 0;
  if (error || !take({buffer.data(), kept + got}, used)) return leave();
  incoming_.assign(buffer, used, kept + got - used);
  wait_readable();
}

bool Connection::take(std::span<char> bytes, std::size_t& used) {
  if (!upgraded_) {
    const std::string_view request(bytes.data(), bytes.size());
    const std::size_t end = request.find("\r\n\r\n");
    if (end == std::string_view::npos) return true;
    constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
    const std::size_t key = request.find(kKey);
    if (key == std::string_view::npos) return false;
    const std::size_t from = key + kKey.size();
    outgoing_ += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                 accept_of(std::string(request.substr(from, request.find('\r', from) - from))) + "\r\n\r\n";
    flush();
    upgraded_ = true;
    used = end + 4;
  }
  while (auto frame = read_frame(bytes.subspan(used))) {
    used += frame->size;
    if (frame->opcode == Opcode::close) return false;
    ReferenceMessage message;
    if (frame->opcode != Opcode::binary) continue;
    if (!ReferenceMessage::read(frame->payload, message)) return false;
    handle(message);
  }
  return true;
}

void Connection::handle(const ReferenceMessage& message) {
  if (message.kind == ReferenceMessage::update) return server_.log().append(message);
  document_ = message.document;
  author_ = message.author;
  joined_ = true;
  server_.followers(document_).insert(shared_from_this());
  server_.authors()[author_] = weak_from_this();
  if (message.position != 0)
    for (const ReferenceMessage& missed : server_.log().since(document_, message.position)) send(missed);
  send(message);
}

void Connection::send(const ReferenceMessage& message) {
  append_frame(outgoing_, Opcode::binary, message.bytes(), false);
  if (dirty_) return;
  dirty_ = true;
  server_.flush_later(shared_from_this());
}

void Connection::flush() {
  dirty_ = false;
  if (writing_ || outgoing_.empty()) return;
  error_code error;
  outgoing_.erase(0, socket_.write_some(asio::buffer(outgoing_), error));
  if (outgoing_.empty()) return;
  writing_ = true;
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code failed) {
    self->writing_ = false;
    if (!failed) self->flush();
  });
}

void Connection::leave() {
  if (joined_) server_.followers(document_).erase(shared_from_this());
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench-live-reference CONNINFO\n");
    return 2;
  }
  try {
    Server(argv[1]).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-live-reference: %s\n", error.what());
    return 1;
  }
}
