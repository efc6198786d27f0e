// A TCP connection without blocking, with or without TLS.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <openssl/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "async.h"

namespace converge::bridge {

// Without asio's type-erased executor: there are many of these.
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

class Stream {
 public:
  enum class Status {
    ok,
    wait_read,   // nothing was done; again when the socket is readable,
    wait_write,  // or writable
    ended,       // the peer sends no more (reading)
    failed,      // the connection is lost; `error` says why
  };
  struct Result {
    Status status = Status::ok;
    std::size_t bytes = 0;
    std::string error;
  };

  // `tls`, if not null, makes it a TLS server's side; the handshake happens
  // with the first read.
  explicit Stream(TcpSocket socket, SSL_CTX* tls = nullptr);

  Result read(std::span<char> room);
  Result write(std::span<const iovec> parts);

  // Whether read() has something though the socket is not readable.
  bool has_unread() const;

  // No more is sent; what was sent still arrives.
  void end_writing();
  void close();

  template <class Handler>
  void async_wait(Status what, Handler&& handler) {
    socket_.async_wait(what == Status::wait_write ? TcpSocket::wait_write : TcpSocket::wait_read,
                       std::forward<Handler>(handler));
  }

 private:
  struct FreeTls {
    void operator()(SSL* tls) const;
  };

  Result tls_result(int result);

  TcpSocket socket_;
  std::unique_ptr<SSL, FreeTls> tls_;
};

}  // namespace converge::bridge
