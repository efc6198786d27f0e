#include "yjs_session.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "close_delays.h"
#include "log.h"
#include "yjs_document.h"

namespace converge::bridge {

namespace {

// A document's name in the messages, percent-encoded, and what Hocuspocus's provider
// adds to tell apart its sessions on one connection.
constexpr std::size_t kLongestId = 4096;
// Providers give up a connection that brings no message for 30 s. Most often the
// echo of their awareness comes sooner. (Or a third of --idle-timeout, where that is sooner.)
constexpr Milliseconds kLongestSilence{20000};
constexpr std::string_view kNotOpen = "the document is not open on this connection";

CloseCode close_code_of(wire::Code code, CloseCode otherwise) {
  switch (code) {
    case wire::CODE_UNAUTHENTICATED:
      return CloseCode::unauthorized;
    case wire::CODE_DENIED:
      return CloseCode::forbidden;
    case wire::CODE_UNKNOWN_DOCUMENT:
    case wire::CODE_UNKNOWN_FIELD:
      return CloseCode::not_found;
    case wire::CODE_PROTOCOL:
    case wire::CODE_MALFORMED:
      return CloseCode::bad_request;
    default:
      return otherwise;
  }
}

class YjsSession final : public Conversation,
                         public YjsDocument::Carrier,
                         public std::enable_shared_from_this<YjsSession> {
 public:
  YjsSession(const Services& services, Transport& transport, std::string peer, bool named)
      : services_(services),
        transport_(&transport),
        peer_(std::move(peer)),
        named_(named),
        longest_silence_(std::min(kLongestSilence, services.config.idle_timeout / 3)) {}

  // y-websocket's one document.
  void begin(const YjsRequest& request) {
    std::optional<YjsName> name = request.name ? read_yjs_name(*request.name) : std::nullopt;
    if (request.name) note_who(*request.name, request.token);
    if (!request.problem.empty()) {
      end_later(wire::CODE_UNAUTHENTICATED, request.problem);
    } else if (request.name && !name) {
      end_later(wire::CODE_PROTOCOL, "the path is not /yjs/COLLECTION/KEY/FIELD, each part percent-encoded");
    } else if (name) {
      open("", std::move(*name), request.token);
    }
  }

  // ---- Conversation

  // Held back, it is read and not listened to, so that it is seen when it leaves.
  bool ready() const override {
    if (held_) return true;
    if (!is_open() || stopped_reading_ || transport_->queued_bytes() > services_.config.send_queue) return false;
    std::size_t pushing = 0;
    for (const auto& [id, document] : documents_) {
      if (document->opening()) return false;
      pushing += document->pushing_bytes();
    }
    return pushing <= services_.config.push_queue;
  }

  void on_message(std::string_view bytes, bool binary) override {
    if (!is_open()) return;
    YjsMessage message;
    std::string problem;
    if (!binary) {
      end(wire::CODE_PROTOCOL, "a text message: expected a binary one, as y-protocols has them", CloseCode::bad_request);
    } else if (!read_yjs_message(bytes, named_, &message, &problem)) {
      end(wire::CODE_PROTOCOL, problem, CloseCode::bad_request);
    } else if (!named_) {
      if (auto document = only_document()) document->on_message(message);
    } else if (message.type != YjsMessageType::ping && message.type != YjsMessageType::pong) {
      on_named_message(message);
    }
  }

  // Of an update as of any other that is refused, the others of the connection go on; what it
  // was is in the first bytes.
  bool drops_too_long() const override { return true; }
  void on_dropped(std::string_view beginning, std::optional<std::uint64_t> size, bool binary) override {
    if (!is_open()) return;
    const std::string limit = std::to_string(services_.config.max_message);
    const std::string too_long = size ? "the message has " + std::to_string(*size) + " bytes; the limit is " + limit
                                      : "the message has more than " + limit + " bytes, which is the limit";
    YjsMessage message;
    std::string problem;
    if (!binary || !read_yjs_head(beginning, named_, &message, &problem)) {
      end(wire::CODE_PROTOCOL, binary ? problem : too_long, CloseCode::bad_request);
      return;
    }
    auto known = documents_.find(std::string(message.document));
    auto document = !named_ ? only_document() : known != documents_.end() ? known->second : nullptr;
    if (document) {
      document->on_dropped(message, too_long);
    } else if (named_) {
      carry(yjs_permission_denied_frame(yjs_prefix(message.document), true,
                                        message.type == YjsMessageType::auth ? kTokenTooLong : kNotOpen));
    }
  }

  void on_drained() override {
    if (!is_open()) return;
    transport_->resume();
    if (!std::exchange(behind_, false)) return;
    for (auto& document : all_documents()) document->on_drained();
  }

  void on_closed() override {
    close_documents();
    if (held_) services_.close_delays.release();
    held_.reset();
    transport_ = nullptr;
  }

  bool identified() const override { return identified_ || held_; }

  bool introduced() const override { return identified_ || !documents_.empty(); }

  void tick(std::chrono::steady_clock::time_point now) override {
    if (held_ && now >= held_->until) return close_held();
    // About no document, where messages have names: providers pass that over. (Hocuspocus's
    // own ping is known to its latest versions alone; others fail at it.)
    if (identified_ && now - last_said_ >= longest_silence_)
      carry(yjs_awareness_frame(named_ ? yjs_prefix({}) : std::string(), kNobody));
    for (auto& document : all_documents()) document->tick(now);
  }

  awaitable<void> recheck() override {
    auto self = shared_from_this();
    for (auto& document : all_documents()) co_await document->recheck();
  }

  void stop_reading() override {
    stopped_reading_ = true;
    for (auto& document : all_documents()) document->stop_holding();
  }

  void end(wire::Code code, std::string_view message, CloseCode close) override {
    if (held_ && close == CloseCode::going_away) close_held();
    if (!is_open()) return;
    services_.metrics.rejections(code).Increment();
    if (code != wire::CODE_UNAVAILABLE) log(Severity::info, "ends the Yjs provider ", peer_, ": ", message);
    if (!named_ && code != wire::CODE_UNAVAILABLE) transport_->send(yjs_permission_denied_frame({}, false, message));
    ending_ = true;
    close_documents();
    const CloseCode with = close_code_of(code, close);
    const auto now = std::chrono::steady_clock::now();
    Milliseconds delay{0};
    if (who_ && close != CloseCode::going_away)
      delay = services_.close_delays.hold(*who_, with == CloseCode::try_again_later, now);
    if (delay == Milliseconds(0)) return transport_->close(with, message);
    held_ = Held{with, std::string(message), now + delay};
    transport_->resume();
  }

  std::weak_ptr<Conversation> weak() override { return weak_from_this(); }

  // ---- YjsDocument::Carrier

  void carry(Frame frame) override {
    if (!is_open()) return;
    last_said_ = std::chrono::steady_clock::now();
    transport_->send(std::move(frame));
  }
  std::size_t queued_bytes() const override { return transport_ != nullptr ? transport_->queued_bytes() : 0; }
  Refusal admit(const Identity& identity) override {
    if (tenant_ && *tenant_ != identity.tenant)
      return {wire::CODE_DENIED, "documents of another tenant are open on this connection"};
    if (!tenant_ && !transport_->assign(identity.tenant))
      return {wire::CODE_LIMIT, "the tenant has " + std::to_string(services_.config.max_connections_per_tenant) +
                                    " connections, which is the limit"};
    tenant_ = identity.tenant;
    return {};
  }
  void resume() override {
    if (!is_open()) return;
    for (const auto& [id, document] : documents_) identified_ = identified_ || document->opened();
    transport_->resume();
  }

  void on_behind() override { behind_ = true; }

  // Of many, one ends alone.
  void end_document(YjsDocument& document, wire::Code code, std::string_view message) override {
    // The provider connects again where that may help.
    if (!named_ || code == wire::CODE_UNAVAILABLE) return end(code, message, CloseCode::try_again_later);
    services_.metrics.rejections(code).Increment();
    log(Severity::info, "ends ", document.id(), " of the Yjs provider ", peer_, ": ", message);
    const bool opened = document.opened();
    carry(yjs_permission_denied_frame(document.prefix(), true, message));
    if (opened) carry(yjs_close_frame(document.prefix(), message));
    auto found = documents_.find(document.id());
    if (found == documents_.end()) return;
    auto kept = std::move(found->second);
    documents_.erase(found);
    kept->close();
    if (is_open()) transport_->resume();
  }

 private:
  // An end that is held back (close_delays.h).
  struct Held {
    CloseCode code;
    std::string reason;
    std::chrono::steady_clock::time_point until;
  };

  void note_who(std::string_view name, std::string_view token) {
    if (!who_) who_ = std::hash<std::string>()(std::string(token) + '\0' + std::string(name));
  }

  void close_held() {
    services_.close_delays.release();
    const Held held = *std::exchange(held_, std::nullopt);
    transport_->close(held.code, held.reason);
  }

  void close_documents() {
    auto documents = std::exchange(documents_, {});
    for (auto& [id, document] : documents) {
      document->close();
      // Perhaps it is one of them that ends the connection.
      asio::post(services_.io, [document = std::move(document)] {});
    }
  }

  std::shared_ptr<YjsDocument> only_document() const {
    return documents_.empty() ? nullptr : documents_.begin()->second;
  }

  bool is_open() const { return transport_ != nullptr && !ending_; }

  // Not from within the transport's construction.
  void end_later(wire::Code code, std::string message) {
    asio::post(services_.io, [self = shared_from_this(), code, message = std::move(message)] {
      self->end(code, message, CloseCode::bad_request);
    });
  }

  std::vector<std::shared_ptr<YjsDocument>> all_documents() const {
    std::vector<std::shared_ptr<YjsDocument>> documents;
    for (const auto& [id, document] : documents_) documents.push_back(document);
    return documents;
  }

  void open(std::string id, YjsName name, std::string token) {
    if (named_) note_who(id, token);
    auto document = std::make_shared<YjsDocument>(services_, *this, id, named_, std::move(name), std::move(token));
    documents_[std::move(id)] = document;
    // Behind the answer to the upgrade, which y-websocket's provider waits for.
    asio::post(services_.io, [&io = services_.io, document] { start(io, [document] { return document->open(); }); });
  }

  void on_named_message(const YjsMessage& message) {
    const std::string id(message.document);
    auto known = documents_.find(id);
    if (message.type == YjsMessageType::auth) {
      authenticate(id, std::string(message.body), known == documents_.end() ? nullptr : known->second);
    } else if (message.type == YjsMessageType::close) {
      if (known == documents_.end()) return;
      known->second->close();
      documents_.erase(known);
    } else if (known != documents_.end()) {
      auto document = known->second;  // which may end by it
      document->on_message(message);
    } else {
      // Its Auth message was refused, and the provider may have said more before it
      // heard of that.
      carry(yjs_permission_denied_frame(yjs_prefix(id), true, kNotOpen));
    }
  }

  // A document that is not opened at all.
  void refuse(const std::string& id, wire::Code code, std::string_view message) {
    services_.metrics.rejections(code).Increment();
    carry(yjs_permission_denied_frame(yjs_prefix(id), true, message));
  }

  void authenticate(const std::string& id, std::string token, const std::shared_ptr<YjsDocument>& known) {
    // Behind a NUL: what tells apart the provider's own sessions.
    std::optional<YjsName> name = read_yjs_name(std::string_view(id).substr(0, id.find('\0')));
    if (known) {
      start(services_.io, [known, token = std::move(token)]() mutable { return known->renew(std::move(token)); });
    } else if (!name || id.size() > kLongestId) {
      refuse(id, wire::CODE_PROTOCOL, "the document's name is not COLLECTION/KEY/FIELD, each part percent-encoded");
    } else if (documents_.size() >= services_.config.max_subscriptions) {
      refuse(id, wire::CODE_LIMIT, "this connection follows " + std::to_string(services_.config.max_subscriptions) +
                                       " documents, which is the limit");
    } else {
      open(id, std::move(*name), std::move(token));
    }
  }

  Services services_;
  Transport* transport_;  // null once closed
  std::string peer_;
  const bool named_;
  const Milliseconds longest_silence_;
  std::optional<std::size_t> who_;  // for close_delays.h: by the first document
  std::optional<Held> held_;
  std::optional<std::string> tenant_;  // as which the connection is counted
  std::map<std::string, std::shared_ptr<YjsDocument>> documents_;  // by their names in the messages
  std::chrono::steady_clock::time_point last_said_ = std::chrono::steady_clock::now();
  bool identified_ = false;
  bool ending_ = false;
  bool stopped_reading_ = false;
  bool behind_ = false;  // a document is to be told when the queue is empty
};

}  // namespace

std::shared_ptr<Conversation> make_yjs_session(const Services& services, Transport& transport, std::string peer,
                                               YjsRequest request) {
  auto session = std::make_shared<YjsSession>(services, transport, std::move(peer), !request.name.has_value());
  session->begin(request);
  return session;
}

}  // namespace converge::bridge
