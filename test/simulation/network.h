// Connections between clients and the server, and what travels on them. What a
// server sent on a connection that is closed is lost; what a client sent may
// still arrive.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "message.h"
#include "random.h"

namespace converge::simulation {

using ConnectionId = std::uint32_t;

struct Arrival {
  ConnectionId connection = 0;
  std::size_t client = 0;
  bool to_server = false;
  Message message;
};

class Network {
 public:
  // Of a connection, messages are taken in any order if `datagrams`.
  explicit Network(bool datagrams) : datagrams_(datagrams) {}

  ConnectionId open(std::size_t client);
  void close(ConnectionId connection);
  void close_all();
  bool is_open(ConnectionId connection) const;

  // What is sent on a closed connection is lost.
  void to_server(ConnectionId connection, Message message);
  void to_client(ConnectionId connection, Message message);

  // A message that arrives now, of those that may; nothing if none travels.
  std::optional<Arrival> take(Random& random) { return pick(random, true); }
  // One that arrives now and once more later. Only datagrams, and what clients
  // push, which they do again over another connection anyhow.
  std::optional<Arrival> copy(Random& random);
  // Loses one. False if there is none that may be lost.
  bool drop(Random& random);

  // A client that is cut off can open no connection, and its present one is closed.
  void cut_off(std::size_t client, bool cut);
  bool is_cut_off(std::size_t client) const;

  // No more losses, and everything in order.
  void heal();
  bool idle() const;

 private:
  struct Link {
    std::size_t client = 0;
    bool open = true;
    std::deque<Message> up;
    std::deque<Message> down;
  };

  std::optional<Arrival> pick(Random& random, bool take);

  bool datagrams_;
  ConnectionId last_ = 0;
  std::map<ConnectionId, Link> links_;
  std::map<std::size_t, bool> cut_off_;
};

}  // namespace converge::simulation
