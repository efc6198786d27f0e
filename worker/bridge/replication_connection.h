// A connection that speaks PostgreSQL's streaming replication protocol: commands
// by the simple protocol, then a stream of messages both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "database.h"

namespace converge::bridge {

// A position in the WAL.
using Lsn = std::uint64_t;

class ReplicationConnection : public LibpqConnection {
 public:
  struct Message {
    bool keepalive = false;
    bool reply_requested = false;  // of a keepalive
    Lsn position = 0;              // data: of the commit record; keepalive: everything before it was sent
    std::string_view data;         // until the next call
  };

  using LibpqConnection::LibpqConnection;
  ~ReplicationConnection();

  awaitable<void> connect();  // throws DatabaseError

  // Runs a command; its rows have values in text format. Throws DatabaseError.
  awaitable<Rows> run(const std::string& command);

  // Begins to stream a logical slot's changes from where it was confirmed.
  awaitable<void> start(const std::string& slot);

  // The next message that has arrived already, if one has. Throws DatabaseError
  // when the stream has ended.
  std::optional<Message> next();
  awaitable<void> wait();

  // Tells the server that everything before `position` is not needed again.
  void confirm(Lsn position);

 private:
  char* buffer_ = nullptr;  // of the message that next() gave
};

}  // namespace converge::bridge
