// One client instance: the product's session logic, and around it what every
// client has: a connection, a disk, and the rules of what to send when (as
// client/cli/document_client.cpp and client/typescript/src/document.ts have
// them).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/session/document_session.h"
#include "environment.h"

namespace converge::simulation {

class Client {
 public:
  // `makes`: the document is not there, and this client is to make it.
  Client(Environment& world, std::size_t number, std::size_t document, std::uint32_t principal, bool makes);

  // ---- what happens to it

  // Each tells whether there was anything to do.
  bool edit(Random& random);
  bool save();
  // Loses what was not saved. It runs again with start().
  bool crash();
  // And what was saved.
  bool lose_disk();
  bool start();
  // Takes over what another client of its user, which does not run, has saved.
  bool adopt(Client& gone);
  // The server let it in.
  void connected(ConnectionId connection);
  void receive(ConnectionId connection, const Message& message);
  void disconnected();
  // Sends what is due: a subscription, changes.
  bool send();

  // ---- what it is like

  std::size_t number() const { return number_; }
  std::size_t document() const { return document_; }
  std::uint32_t principal() const { return principal_; }
  bool running() const { return session_.has_value(); }
  ConnectionId connection() const { return connection_; }  // 0: none
  // Whether the server's greeting has not come for too long.
  bool ungreeted() const;
  // Whether it was told that the document is not for it.
  bool turned_away() const { return turned_away_; }
  const session::DocumentSession& session() const { return *session_; }
  // Keeps its state for later: the server is restored.
  void remember();
  // What it kept, by field, as far as it still stands for it: nothing of it was
  // refused, lost or given up since.
  const std::map<std::string, std::string>& remembered() const { return remembered_; }
  // Whether nothing waits to be sent or answered.
  bool at_rest() const;
  // Values of map keys, and characters, that were refused for good.
  const std::set<std::string>& refused_marks() const { return refused_marks_; }

 private:
  void create_session();
  void begin_creation();
  bool create();
  bool subscribe();
  bool push();
  void on_epoch(std::uint64_t epoch);
  void on_subscribed(const Subscribed& message);
  void on_reject(const Reject& message);
  void on_created(const Created& message);
  // What a change of this number put in.
  using Number = std::pair<ReplicaId, std::uint64_t>;

  Environment& world_;
  const std::size_t number_;
  const std::size_t document_;
  const std::uint32_t principal_;
  const bool makes_;
  std::uint64_t clock_ahead_ms_ = 0;

  std::optional<session::DocumentSession> session_;
  std::string disk_;      // what was saved last; empty: nothing
  bool disk_creates_ = false;  // the document is to be made yet, as far as that goes
  bool saved_ = true;     // whether that is all there is

  ConnectionId connection_ = 0;
  std::uint64_t connected_at_ms_ = 0;
  bool welcomed_ = false;
  bool subscribing_ = false;
  bool caught_up_ = false;
  bool turned_away_ = false;
  std::uint32_t request_ = 0;
  std::uint64_t subscribed_at_ms_ = 0;
  // What was sent on this connection: numbers of one replica, up to one.
  ReplicaId sent_replica_ = 0;
  std::uint64_t sent_seq_ = 0;
  std::uint64_t sent_at_ms_ = 0;
  bool making_ = false;  // it was asked for on this connection

  std::map<Number, std::set<std::string>> marks_;
  std::set<Number> once_;  // of them, those that are never made again
  std::set<std::string> refused_marks_;
  std::map<std::string, std::string> remembered_;

  // For planted faults.
  std::optional<ReplicaId> replica_before_crash_;
  ReplicaId last_replica_ = 0;
  std::map<ReplicaId, std::uint64_t> sent_;
  std::map<ReplicaId, std::uint64_t> sent_before_crash_;
};

}  // namespace converge::simulation
