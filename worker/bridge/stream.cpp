#include "stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace converge::bridge {

namespace {

// A TLS record: small parts are joined into one.
constexpr std::size_t kRecord = 16 << 10;

std::string tls_error() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  char text[256] = "TLS failed";
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  return text;
}

Stream::Result of_errno(Stream::Status waiting) {
  Stream::Result result;
  result.status = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? waiting : Stream::Status::failed;
  if (result.status == Stream::Status::failed) result.error = std::strerror(errno);
  return result;
}

}  // namespace

void Stream::FreeTls::operator()(SSL* tls) const { SSL_free(tls); }

Stream::Stream(TcpSocket socket, SSL_CTX* tls) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (tls == nullptr) return;
  tls_.reset(SSL_new(tls));
  SSL_set_fd(tls_.get(), socket_.native_handle());
  SSL_set_accept_state(tls_.get());
}

Stream::Result Stream::tls_result(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Status::wait_read, 0, {}};
    case SSL_ERROR_WANT_WRITE:
      return {Status::wait_write, 0, {}};
    case SSL_ERROR_ZERO_RETURN:
      return {Status::ended, 0, {}};
    case SSL_ERROR_SYSCALL:
      if (errno != 0) return of_errno(Status::wait_read);
      return {Status::ended, 0, {}};
    default:
      return {Status::failed, 0, tls_error()};
  }
}

Stream::Result Stream::read(std::span<char> room) {
  if (tls_) {
    errno = 0;
    int got = SSL_read(tls_.get(), room.data(), static_cast<int>(room.size()));
    if (got > 0) return {Status::ok, static_cast<std::size_t>(got), {}};
    return tls_result(got);
  }
  ssize_t got = ::recv(socket_.native_handle(), room.data(), room.size(), 0);
  if (got > 0) return {Status::ok, static_cast<std::size_t>(got), {}};
  if (got == 0) return {Status::ended, 0, {}};
  return of_errno(Status::wait_read);
}

Stream::Result Stream::write(std::span<const iovec> parts) {
  if (tls_) {
    // What could not be written is offered again, at another address and
    // perhaps with more behind it (SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER).
    char record[kRecord];
    const char* bytes = record;
    std::size_t size = 0;
    if (parts.front().iov_len >= kRecord) {
      bytes = static_cast<const char*>(parts.front().iov_base);
      size = kRecord;
    } else {
      for (const iovec& part : parts) {
        std::size_t taken = std::min(part.iov_len, kRecord - size);
        std::memcpy(record + size, part.iov_base, taken);
        size += taken;
        if (size == kRecord) break;
      }
    }
    errno = 0;
    int sent = SSL_write(tls_.get(), bytes, static_cast<int>(size));
    if (sent > 0) return {Status::ok, static_cast<std::size_t>(sent), {}};
    return tls_result(sent);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  if (sent >= 0) return {Status::ok, static_cast<std::size_t>(sent), {}};
  return of_errno(Status::wait_write);
}

bool Stream::has_unread() const { return tls_ && SSL_pending(tls_.get()) > 0; }

void Stream::end_writing() {
  if (tls_) SSL_shutdown(tls_.get());
  ERR_clear_error();
  boost::system::error_code ignored;
  socket_.shutdown(TcpSocket::shutdown_send, ignored);
}

void Stream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace converge::bridge
