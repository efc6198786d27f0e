// One Yjs document on one connection: a field of a row, followed for a Yjs client
// under its token, and what that client writes. It stands between the provider's
// messages and the bridge's own path: subscribe, watch and pull; push; changes from
// the stream.
//
// Updates are pushed as changes of a replica of this connection's own, which the
// server numbers; they reach others from the stream, once they are committed. What
// the provider sends after a refusal depends on what was refused, and is refused
// until it connects again.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch_up.h"
#include "conversation.h"
#include "hub.h"
#include "pusher.h"
#include "yjs_awareness.h"
#include "yjs_messages.h"
#include "yjs_request.h"
#include "yjs_update.h"

namespace converge::bridge {

class YjsDocument final : public Subscriber, public Author, public std::enable_shared_from_this<YjsDocument> {
 public:
  // The connection that carries it.
  class Carrier {
   public:
    virtual ~Carrier() = default;
    virtual void carry(Frame frame) = 0;
    virtual std::size_t queued_bytes() const = 0;
    // Whether that principal's documents may be on the connection.
    virtual Refusal admit(const Identity& identity) = 0;
    // The document may take messages again.
    virtual void resume() = 0;
    // It is to be told when the queue is empty.
    virtual void on_behind() = 0;
    // The document is over: it was not opened, or is not to be read any longer.
    virtual void end_document(YjsDocument& document, wire::Code code, std::string_view message) = 0;
    // The connection cannot go on; the provider is to connect again.
    virtual void end(wire::Code code, std::string_view message, CloseCode close) = 0;
  };

  // `id` names it in messages, and on this connection; `named`: in Hocuspocus's dialect.
  YjsDocument(const Services& services, Carrier& carrier, std::string id, bool named, YjsName name, std::string token);

  // Verifies the token and asks whether the document may be read: the latter not of a
  // provider that comes back with a token that is known (known_tokens.h) to a document
  // that is watched, whose first sync asks it, if what it lacks is not told from a copy.
  awaitable<void> open();
  // Goes on under another token of the same principal.
  awaitable<void> renew(std::string token);
  // Whether messages have to wait, until it is known who sends them. What a provider that
  // comes back lacks may be asked meanwhile, and is given out then.
  bool opening() const { return opening_ && (!returning_ || joining_ || held_); }
  bool opened() const { return opened_; }
  const std::string& id() const { return id_; }
  const std::string& prefix() const { return prefix_; }
  // Of pushes in the works.
  std::size_t pushing_bytes() const { return pushing_bytes_; }

  void on_message(const YjsMessage& message);
  // One that was too long to be kept (`why`); it has no body.
  void on_dropped(const YjsMessage& message, std::string_view why);
  void close();
  // Whatever waits for its author's own is pushed as it is.
  void stop_holding();
  // Ends the document when its token has ended.
  void tick(std::chrono::steady_clock::time_point now);
  awaitable<void> recheck();

  // ---- Subscriber and Author

  void send(Frame frame) override;
  std::size_t queued_bytes() const override;
  void on_behind() override;
  const std::string& token() const override { return *token_; }
  const std::string& principal() const override { return identity_.principal; }
  void on_unauthenticated(std::string_view message) override;
  void on_drained() override;
  void on_presence(Subscription& subscription, const PresenceUpdate& update) override;
  void on_may_write(bool may_write) override;
  void on_revoked(std::uint32_t channel, wire::Code code, std::string_view message) override;
  void on_verdicts(std::uint32_t channel, std::span<const wire::Change> changes,
                   std::span<const wire::Verdict> verdicts) override;
  void on_push_done(std::size_t bytes) override;

 private:
  // A message that came too early.
  struct Held {
    YjsMessage message;
    std::string body;
  };

  // What it passed on of others who are there, until it is due: their own is to come first.
  struct PassedOn {
    std::chrono::steady_clock::time_point due;
    wire::Change change;
    std::size_t bytes;
  };

  // What yjs_pull() gave.
  struct Pulled {
    std::string pull;          // an encoded PullResponse with what the provider lacks
    std::string state;         // the field itself, if it was asked for and is small enough
    std::string state_vector;  // the server's
  };

  bool begin_return();
  void take_early(const YjsMessage& message);
  void end_opening();
  awaitable<void> opening_ended();
  static Refusal check(const std::string& token);
  static Refusal unidentified(const DatabaseError& error);
  awaitable<Refusal> identify(std::shared_ptr<const std::string> token, Identity* identity);
  void tell_scope();
  void ask_again_if_changed();
  void sync(std::string state_vector);
  awaitable<void> join(std::string state_vector);
  bool join_copied(const std::string& state_vector);
  awaitable<bool> join_watched(const std::string& state_vector);
  void begin(std::shared_ptr<Subscription> subscription);
  static void fill(YjsCopy* copy, const Pulled& pulled);
  awaitable<Pulled> pull_since(std::string state_vector, bool for_copy);
  awaitable<void> follow();
  void after_catch_up(const Subscription& subscription, const Refusal& refusal);
  // `asked`: by the provider.
  awaitable<void> send_state(std::string state_vector, bool asked);
  void take_awareness(std::string_view update);
  void find_client(const std::vector<YjsAwareness>& entries);
  void begun();
  void tell_who_at(std::chrono::steady_clock::time_point due);
  awaitable<void> tell_who_later(std::chrono::steady_clock::time_point due);
  void tell_who();
  void show(const YjsAwareness& entry);
  void take_update(std::string_view update, YjsSync step);
  bool is_new(const std::vector<YjsStructs>& structs, YjsSync step, const YjsTold* told);
  bool may_be_passed_on();
  bool is_of_others_here(const std::vector<YjsStructs>& structs) const;
  void hold(wire::Change change);
  awaitable<void> push_passed_on();
  void push_first_passed_on();
  void push(wire::Change change);
  void acknowledge();
  void tell(std::string_view type, wire::Code code, std::string_view message);
  void pass_over_awareness(wire::Code code, std::string_view why);
  void refuse(wire::Code code, std::string_view message);
  void over(wire::Code code, std::string_view message);
  bool may_ask();
  bool open_for_use() const { return carrier_ != nullptr; }

  Services services_;
  Carrier* carrier_;  // null once closed
  const std::string id_;
  const std::string prefix_;
  const bool named_;
  const YjsName name_;
  const std::string translation_;  // what its translations of frames are kept by
  std::shared_ptr<const std::string> token_;
  Identity identity_;
  std::shared_ptr<Subscription> subscription_;
  std::chrono::steady_clock::time_point token_end_;
  bool opening_ = true;
  bool returning_ = false;      // while opening: it was charged already
  std::unique_ptr<Signal> opening_ends_;  // where somebody waits for that
  std::optional<Held> held_;
  bool opened_ = false;
  bool joining_ = false;        // the subscription is not there yet
  bool expects_copy_ = false;     // while opening: what it lacks need not be asked
  std::optional<Ticket> ticket_;  // what open() was given, for the subscription
  std::uint64_t access_mark_ = 0;  // Hub::access_mark() before it was asked for
  std::chrono::steady_clock::time_point opened_at_;
  bool sending_state_ = false;
  bool begun_ = false;          // the provider has said more than the question it begins with,
  bool hears_ = false;          // or is told of others though it has not
  std::chrono::steady_clock::time_point asked_at_;     // that question
  bool asks_who_ = false;       // it waits to be told who is there
  std::chrono::steady_clock::time_point who_told_at_;  // when it asked so last
  bool tells_who_ = false;      // that is due soon
  bool told_who_ = false;       // it was told of somebody
  bool awareness_passed_over_ = false;  // which has been said
  YjsAwarenessView awareness_;
  bool guessed_client_ = false;  // the client is not sure to be the provider's own
  std::vector<YjsAwareness> to_show_;  // when the subscription is there
  bool may_write_ = true;       // as far as the database has said, in Hocuspocus's dialect
  bool told_may_write_ = false;
  std::string refused_;         // why an update was refused; empty: none was
  std::uint64_t replica_ = 0;   // drawn for the first push
  std::shared_ptr<const wire::DocumentRef> pushed_document_;  // name_'s, for all pushes
  std::size_t pushing_bytes_ = 0;
  // Under which Yjs client the provider writes, and up to which clock its structs were
  // pushed from here, or were there.
  std::optional<ReplicaId> writes_as_;
  std::optional<std::uint64_t> pushed_;
  // When it last passed on what it had not from the server.
  std::optional<std::chrono::steady_clock::time_point> passed_on_at_;
  std::deque<PassedOn> passed_on_;
  std::unique_ptr<YjsTold> told_;  // what the provider's answer is still to come to
};

}  // namespace converge::bridge
