// The reference's log in PostgreSQL: one statement inserts all that waited
// while the one before committed; logical decoding brings back what committed.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>
#include <vector>

#include "reference_message.h"

namespace bench {

class ReferenceLog {
 public:
  using Messages = std::vector<ReferenceMessage>;
  struct Listener {
    std::function<void(const Messages&)> committed;  // a batch, as it was appended
    std::function<void(const Messages&)> decoded;    // what the stream brought, in commit order
  };

  // Makes the table anew and begins to read the stream. Throws.
  ReferenceLog(boost::asio::io_context& io, const std::string& conninfo, Listener listener);
  ~ReferenceLog();

  void append(const ReferenceMessage& message);

  // What the document's log has after the position; waits for it.
  Messages since(std::uint32_t document, std::uint64_t position);

 private:
  void insert();
  void wait_for_commit();
  void wait_for_stream();
  void take_stream();
  void confirm();

  boost::asio::io_context& io_;
  Listener listener_;
  PGconn* writer_;
  PGconn* reader_;
  PGconn* stream_;
  boost::asio::posix::stream_descriptor writer_socket_;
  boost::asio::posix::stream_descriptor stream_socket_;
  boost::asio::steady_timer confirm_timer_;
  Messages waiting_;
  Messages inserting_;
  std::uint64_t received_lsn_ = 0;
};

}  // namespace bench
