// The documents that this worker's clients follow, and the fan-out of what the
// stream brings: each batch of a document's changes is encoded once and shared
// by all its subscribers.
//
// A subscriber gets every change exactly when it lacks it, and perhaps some it
// has already (the client's session skips those):
//   joining  what the stream brings is held back until pull() has answered
//   live     it is sent at once
//   checking the stream said that its access may have changed: what comes is held
//            back until the database has said again that it may read the document
//   lagging  the client does not read as fast as the document changes: nothing
//            is queued any more, and once its queue is empty it joins again from
//            the version up to which it was served
// When the worker was lost, each document is refilled: watched anew, and what
// its version lacks is pulled from the log and sent to the live subscribers, once
// each was found to have its access still.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "access.h"
#include "access_check.h"
#include "core/clock/log_version.h"
#include "core/container/seeded_hash.h"
#include "messages.h"
#include "metrics.h"
#include "presence.h"
#include "change_source.h"
#include "gather_window.h"
#include "yjs_copy.h"

namespace converge::bridge {

struct Document;
struct Subscription;

// Who follows documents: a session.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  virtual void send(Frame frame) = 0;
  virtual std::size_t queued_bytes() const = 0;
  // A subscription of it is lagging, or its presence behind: to be brought up to
  // date when the queue is empty.
  virtual void on_behind() = 0;
  virtual const std::string& token() const = 0;
  virtual const std::string& principal() const = 0;
  // What others, and perhaps this subscriber itself, show at a document. Names
  // all there is, or what has changed.
  virtual void on_presence(Subscription& subscription, const PresenceUpdate& update) = 0;
  // Its token is no longer good.
  virtual void on_unauthenticated(std::string_view message) = 0;
  // What is lagging may be caught up with.
  virtual void on_drained() = 0;
  // Whether it may write the field that its subscription names.
  virtual void on_may_write(bool) {}
  // The subscription on this channel is over; `request` was its Subscribe.
  virtual void on_revoked(std::uint32_t channel, wire::Code code, std::string_view message) = 0;
};

enum class Phase { joining, live, checking, lagging };

struct Subscription {
  Subscriber* subscriber = nullptr;  // null once it has ended
  std::shared_ptr<Document> document;
  std::size_t position = 0;          // among the document's subscriptions
  std::uint32_t request = 0;         // the client's number of its Subscribe
  Phase phase = Phase::joining;
  std::string since;                 // what the client has: from where to pull
  std::vector<Frame> held;           // while joining or checking
  std::size_t held_bytes = 0;
  bool overflowed = false;           // more than may be held came meanwhile
  bool check_again = false;          // access changed once more meanwhile
  CheckState check = CheckState::none;  // of the question whether it may read
  std::string written;               // a field: whether it may be written is asked as well
  std::uint64_t own_replica = 0;     // whose changes this client has sent itself,
  std::uint64_t own_seq = 0;         // up to this number
  LogVersion passed;                 // what was not held, where the document was watched before
  bool greeted = false;              // it was told of somebody's presence
  bool presence_behind = false;      // presence changed while it did not read

  bool ended() const { return subscriber == nullptr; }
};

struct Document {
  std::uint64_t id = 0;
  std::string tenant;
  wire::DocumentRef ref;
  std::uint32_t channel = 0;
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  // Every live subscriber was served at least up to here. Known once the first
  // has been: from its pull, and then by what the stream brings.
  LogVersion version;
  bool version_known = false;

  std::chrono::steady_clock::time_point renewed;  // the worker's watch of it
  std::weak_ptr<Subscription> renews;             // who was asked about for that

  // What the stream brought and is not sent yet: encoded as `changes` of a Changes, and
  // the numbers of each.
  struct ChangeNumber {
    std::uint64_t replica;
    std::uint64_t seq;
  };
  std::string batch;
  std::vector<ChangeNumber> batch_numbers;
  std::int64_t batch_committed = 0;  // when its first change was, in microseconds since 1970
  bool dirty = false;
  wire::Change pieces;      // of a payload that goes on in the next frame
  bool in_pieces = false;

  // While a refill is under way, for the live subscribers.
  bool refilling = false;
  bool being_refilled = false;  // right now
  std::chrono::milliseconds refill_pause{0};  // after a refused watch
  std::vector<Frame> held;
  std::size_t held_bytes = 0;
  bool overflowed = false;
  LogVersion held_version;  // of what is held: not served before the refill is

  std::unique_ptr<DocumentPresence> presence;  // null until somebody shows something
  bool presence_asked = false;                 // the other bridges, for what they have

  std::vector<std::shared_ptr<YjsCopy>> yjs_copies;  // of its fields, forgotten ones perhaps among them
  // Which of its Yjs connections told last of a deletion by itself, and when; and when
  // another one than that had last.
  struct {
    const Subscriber* by = nullptr;
    std::chrono::steady_clock::time_point at;
    std::chrono::steady_clock::time_point others_at;
  } deletion;

  bool ended() const { return subscriptions.empty(); }
  void forget_copies();
};

class Hub : public ChangeSource::Listener, public AccessCheck::Listener {
 public:
  Hub(asio::io_context& io, const Config& config, Access& access, ChangeSource& source, GatherWindow& gathering,
      Metrics& metrics);

  // Adds a subscriber; its phase is joining.
  std::shared_ptr<Subscription> join(Subscriber& subscriber, const Ticket& ticket, const wire::DocumentRef& ref,
                                     std::uint32_t request);
  void leave(Subscription& subscription);

  // Whether the changes of a document of that name come already, and join_watched() joins it.
  bool is_watched(const std::string& tenant, const wire::DocumentRef& ref) const {
    return watched(tenant, ref) != nullptr;
  }
  // Joins a document of that name whose changes come already, so that it need not be
  // watched anew: null if there is none. Whether the subscriber may read it, and whether
  // something of what came before is lacking, its pull tells: is_complete().
  std::shared_ptr<Subscription> join_watched(Subscriber& subscriber, const std::string& tenant,
                                             const wire::DocumentRef& ref, std::uint32_t request);
  // Whether the answer of pull() has all that came before such a subscription: a
  // transaction may be decoded before others see it. If not, the subscription is to
  // leave, and join by subscribe() and watch().
  bool is_complete(const Subscription& subscription, std::string_view pull) const;

  // Puts a live or lagging subscription back to joining: from here on nothing
  // is sent to it until finish_joining().
  void rejoin(Subscription& subscription);

  // The answer of pull() for a joining subscription: sends it, then what was
  // held back. The subscription is live then, or lagging if too much came.
  void finish_joining(Subscription& subscription, std::string_view pull);

  // ---- for Yjs providers, who are told what they lack from a copy of the field

  // A number that stands for all that the stream has told of changed access; 0 while it
  // has told of something that others may not see yet, and while there is no stream. What
  // the database says between two equal numbers that are not 0 holds for everything that
  // the stream has brought by then.
  std::uint64_t access_mark() const;
  // Whether there is a copy of the field to answer from.
  bool has_yjs_copy(const std::string& tenant, const wire::DocumentRef& ref, const std::string& field) const;
  // The field's copy, begun if there is none; it may lack what came before the subscription.
  // Null: none is kept now.
  std::shared_ptr<YjsCopy> yjs_copy(const Subscription& subscription, const std::string& field);
  // For one that was given the ticket after access_mark() was `mark`: a joining subscription,
  // and from the copy what it lacks up to now. Null: it has to join in another way.
  std::shared_ptr<Subscription> join_copied(Subscriber& subscriber, const Ticket& ticket, std::uint64_t mark,
                                            const std::string& field, std::string_view state_vector,
                                            wire::YjsState* lacking);
  // It has been told that.
  void finish_joining(Subscription& subscription);

  ChangeSource& source() { return source_; }
  PresenceExchange& presence() { return presence_; }

  // Has the database asked whether the client may still read what it follows. It
  // goes on being sent to meanwhile.
  void check(std::shared_ptr<Subscription> subscription) { access_check_.look(std::move(subscription)); }

  // Keeps the watches alive that nobody's check has renewed, where they end. As long as the io_context runs.
  awaitable<void> run();

  // Sends what the stream has brought, at the turn's end.
  void send_gathered();

  std::size_t documents() const { return documents_.size(); }

  void on_attached() override;
  void on_lost() override;
  void on_change(const wire::StreamFrame& frame, const wire::StreamChange& change) override;
  void on_access(const wire::StreamFrame& frame, const wire::AccessChange& change) override;
  void on_watch_ended(std::uint64_t document) override;
  void on_pause() override;
  void on_presence(const wire::DocumentPresence& presence) override;
  void on_bridge_detached(std::uint64_t bridge) override { presence_.bridge_detached(bridge); }

  void on_checked(Subscription& subscription, const wire::DocumentAccess& access) override;

 private:
  std::shared_ptr<Subscription> join(Subscriber& subscriber, std::shared_ptr<Document> document, std::uint32_t request);
  std::shared_ptr<Document> watched(const std::string& tenant, const wire::DocumentRef& ref) const;
  // Keeps a frame for later, if there is room: else nothing, and `overflowed`.
  static void hold(std::vector<Frame>& held, std::size_t& bytes, bool& overflowed, std::size_t bound, const Frame& frame);
  void flush(Document& document);
  // `sole_replica`: if the frame's changes are all of one (otherwise 0), the last numbered `last_seq`.
  void deliver(Document& document, const Frame& frame, std::uint64_t sole_replica, std::uint64_t last_seq);
  void go_live(Subscription& subscription);
  void hold_back(Subscription& subscription);
  void start_check(Subscription& subscription);
  void ask(Subscription& subscription);
  void release(Subscription& subscription);
  void renew(Document& document, const std::string& ticket);
  void need_refill(Document& document);
  void start_refills();
  awaitable<void> refill_documents();
  enum class Refill { done, not_now, refused };
  awaitable<Refill> refill(std::shared_ptr<Document> document);
  awaitable<void> refill_later(std::shared_ptr<Document> document);
  void finish_refill(Document& document, std::string_view pull);
  std::uint32_t next_channel();

  asio::io_context& io_;
  const Config& config_;
  Access& access_;
  ChangeSource& source_;
  GatherWindow& gather_window_;
  Metrics& metrics_;
  PresenceExchange presence_;
  YjsCopies yjs_copies_;
  std::uint64_t access_changes_ = 1;
  std::unordered_map<std::uint64_t, std::shared_ptr<Document>> documents_;
  std::unordered_map<std::uint32_t, std::uint64_t> channels_;  // → document
  std::unordered_map<std::string, std::uint64_t, SeededHash> names_;  // name_of() → document
  std::unordered_map<std::string, std::unordered_set<Document*>> tenants_;
  AccessCheck access_check_;
  std::vector<std::shared_ptr<Document>> dirty_;
  std::deque<std::uint64_t> to_refill_;
  unsigned refillers_ = 0;
  std::uint32_t last_channel_ = 0;
};

}  // namespace converge::bridge
