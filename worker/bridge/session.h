// One client's connection, above WebSocket: the conversation of ClientMessages
// and ServerMessages (proto/converge.proto).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "conversation.h"
#include "hub.h"
#include "metrics.h"
#include "pusher.h"

namespace converge::bridge {

class Session final : public Conversation,
                      public Subscriber,
                      public Author,
                      public std::enable_shared_from_this<Session> {
 public:
  Session(const Services& services, Transport& transport, std::string peer);

  // ---- Conversation

  bool ready() const override;
  void on_message(std::string_view bytes, bool binary) override;
  void on_drained() override;
  void on_closed() override;
  bool identified() const override { return identified_; }
  bool introduced() const override { return identifying_ || identified_; }
  void tick(std::chrono::steady_clock::time_point now) override;
  awaitable<void> recheck() override;
  void stop_reading() override { stopped_reading_ = true; }
  void end(wire::Code code, std::string_view message, CloseCode close) override;
  std::weak_ptr<Conversation> weak() override { return weak_from_this(); }

  // ---- Subscriber and Author

  void send(Frame frame) override;
  std::size_t queued_bytes() const override;
  void on_behind() override { behind_ = true; }
  const std::string& token() const override { return *token_; }
  const std::string& principal() const override { return principal_; }
  void on_presence(Subscription& subscription, const PresenceUpdate& update) override;
  void on_unauthenticated(std::string_view message) override;
  void on_revoked(std::uint32_t channel, wire::Code code, std::string_view message) override;
  void on_verdicts(std::uint32_t channel, std::span<const wire::Change> changes,
                   std::span<const wire::Verdict> verdicts) override;
  void on_push_done(std::size_t bytes) override;
  void on_created(std::uint32_t request, const wire::DocumentRef& document, const wire::Verdict& verdict) override;

 private:
  // What came right behind the Hello, as on_message() is given it.
  struct BehindHello {
    std::string bytes;
    bool binary;
  };
  // A Subscribe that is asked for together with whose the token is.
  struct FirstSubscribe;

  void hello(wire::Hello hello);
  awaitable<void> identify(std::string client, std::uint32_t protocol);
  void welcome(const Identity& identity, std::uint32_t protocol);
  void take_first_subscribe(FirstSubscribe& first);
  awaitable<Identity> ask_identity(FirstSubscribe& first);
  awaitable<void> renew(std::string token);
  void adopt(std::shared_ptr<const std::string> token, const Identity& identity);
  void start_subscribe(wire::Subscribe request);
  awaitable<void> subscribe(wire::Subscribe request);
  // The short way, for a document that is watched already. False: it is to go the long one.
  awaitable<bool> subscribe_watched(const wire::Subscribe& request);
  // Its end: the answer of pull() for a subscription of join_watched(). False: it has left.
  bool finish_watched(const std::shared_ptr<Subscription>& subscription, std::string_view pull);
  awaitable<void> follow(std::shared_ptr<Subscription> subscription, std::string ticket);
  void unsubscribe(std::uint32_t channel);
  void push(wire::Push& push);
  void set_presence(wire::SetPresence& request);
  void create(wire::Create& create);
  void enqueue(PendingPush pending);
  void send_reject(std::uint32_t channel, const wire::Change& change, const wire::Verdict& verdict);
  // Whether the client may ask one more thing now; if not, it is told.
  bool may_ask(std::uint32_t request = 0);
  void problem(wire::Code code, std::string_view message, std::uint32_t request = 0);
  void complain(std::string_view message);
  bool open() const { return transport_ != nullptr && !ending_; }
  std::shared_ptr<Subscription> find(std::uint32_t channel) const;

  Services services_;
  Transport* transport_;  // null once closed
  std::string peer_;
  std::shared_ptr<const std::string> token_;
  std::string tenant_;
  std::string principal_;
  std::chrono::steady_clock::time_point token_end_;
  std::uint64_t peer_number_;  // in Presence
  Rates rates_;
  bool identified_ = false;
  bool identifying_ = false;
  bool expecting_ = false;  // a message behind the Hello may be taken still
  std::optional<BehindHello> behind_hello_;
  bool renewing_ = false;
  bool ending_ = false;
  bool stopped_reading_ = false;
  bool behind_ = false;  // something of a subscription is
  unsigned bad_messages_ = 0;
  unsigned joining_ = 0;  // subscriptions that are not in the map yet
  std::size_t pushing_bytes_ = 0;
  std::unordered_map<std::uint32_t, std::shared_ptr<Subscription>> subscriptions_;  // by channel
};

}  // namespace converge::bridge
