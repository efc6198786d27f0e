// Presence: who is at a document now, and where, of this bridge's clients and of
// other bridges' (through the background worker). It never touches the database.
//
// Nothing is queued. A document's changes are gathered for a moment, and longer
// the more it costs to send them to all its subscribers; a subscriber that has
// not read yet what it was sent gets, once it has, what there is then. A presence
// ends when its client says so, leaves the document or does not repeat it in time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async.h"
#include "config.h"
#include "converge.pb.h"
#include "messages.h"
#include "metrics.h"

namespace converge::bridge {

struct Document;
struct Subscription;
class Subscriber;
class ChangeSource;

// What a document's subscribers are told, encoded once for those who want it so.
class PresenceUpdate {
 public:
  explicit PresenceUpdate(wire::ServerMessage message) : message_(std::move(message)) {}
  const wire::Presences& presences() const { return message_.presences(); }
  const Frame& frame() const {
    if (!frame_) frame_ = encode(message_);
    return frame_;
  }

 private:
  wire::ServerMessage message_;
  mutable Frame frame_;
};

// What became of a client's presence.
enum class PresenceOutcome {
  set,        // or set already, which lasts longer now
  stale,      // a later one of this peer is known
  taken,      // the peer's number is another principal's
  too_large,  // the state is beyond --max-presence, or the field no column's name
  malformed,  // the state is not JSON
  too_many,   // the document or the connection has as many as it may
};

// The presence at one document.
struct DocumentPresence {
  using Time = std::chrono::steady_clock::time_point;
  using Key = std::pair<std::string, std::uint64_t>;  // field and peer

  struct Entry {
    wire::Presence presence;        // with a state
    Subscription* owner = nullptr;  // whose; null: of another bridge's client
    std::uint64_t bridge = 0;       // which one, 0 when that is not known any more
    Time refreshed;
    Time published;                 // to the other bridges
    bool changed = false;           // since the subscribers were told
    bool to_publish = false;
    bool told = false;              // some subscriber knows of it,
    bool known_elsewhere = false;   // or another bridge
  };

  std::map<Key, Entry> entries;
  // Of what is still to be told to the subscribers, and to the other bridges. What
  // they never heard of is not among it, so that there are no more of these than
  // there may be entries.
  std::vector<wire::Presence> ended;
  std::vector<wire::Presence> ended_here;
  Time next_flush{};
  bool flush_waits = false;
};

class PresenceExchange {
 public:
  PresenceExchange(asio::io_context& io, const Config& config, ChangeSource& source, Metrics& metrics);

  // Sets what a subscriber's peer shows; without a state, ends it. The principal
  // is the subscriber's, whatever `presence` says; its clock may be 0 for the
  // next one. A peer's number may go from one connection to another of the same
  // principal.
  PresenceOutcome set(Subscription& subscription, wire::Presence presence);

  // Tells a subscriber what there is: one that has just become live, or that has
  // read what it was sent after it was too slow for what changed meanwhile.
  void greet(Subscription& subscription);

  // Tells a subscriber again of those at a field that are no Yjs clients.
  void tell_again(Subscription& subscription, const std::string& field);

  // Whether somebody else than that subscriber shows under the peer's number.
  static bool is_anothers(const Subscription& subscription, const std::string& field, std::uint64_t peer);

  // The subscription ends, and its presence with it.
  void leave(Subscription& subscription);

  // The document is watched (again): asks the other bridges.
  void watched(const std::shared_ptr<Document>& document);
  // It is not needed any more. Its last subscriber has left.
  void close(Document& document);

  // From the background worker.
  void arrived(const std::shared_ptr<Document>& document, const wire::DocumentPresence& presence);
  void bridge_detached(std::uint64_t bridge);
  void worker_lost(Document& document);

  // Ends what is not repeated, and repeats to the other bridges what is.
  awaitable<void> run();

 private:
  using Time = DocumentPresence::Time;
  DocumentPresence& at(const std::shared_ptr<Document>& document);
  std::optional<PresenceOutcome> fault_of(const wire::Presence& presence) const;
  void end(DocumentPresence& at, std::map<DocumentPresence::Key, DocumentPresence::Entry>::iterator entry);
  bool own(DocumentPresence::Entry& entry, Subscription& subscription);
  void disown(DocumentPresence::Entry& entry);
  void put(DocumentPresence::Entry& entry, const wire::Presence& presence);
  void flush_soon(const std::shared_ptr<Document>& document);
  awaitable<void> flush_when_due(std::shared_ptr<Document> document);
  void flush(Document& document);
  void tell(Document& document);
  void publish(Document& document);
  void repeat(const std::shared_ptr<Document>& document, Time now);

  asio::io_context& io_;
  const Config& config_;
  ChangeSource& source_;
  Metrics& metrics_;
  // Those at which there is somebody, or was a moment ago.
  std::unordered_map<std::uint64_t, std::shared_ptr<Document>> documents_;
  std::unordered_map<const Subscriber*, unsigned> of_subscriber_;
};

}  // namespace converge::bridge
