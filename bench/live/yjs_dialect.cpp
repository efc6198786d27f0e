#include "yjs_dialect.h"

#include <algorithm>
#include <optional>

namespace bench {

namespace {

// y-protocols: the message's kind, then the sync step's.
constexpr std::uint64_t kSync = 0;
constexpr std::uint64_t kStep1 = 0;   // a state vector: tell me what I lack
constexpr std::uint64_t kStep2 = 1;   // the answer, an update
constexpr std::uint64_t kUpdate = 2;

// Hocuspocus's own kinds of message.
constexpr std::uint64_t kAuthentication = 2;
constexpr std::uint64_t kToken = 0;  // a part of it
constexpr std::uint64_t kSyncAnswer = 4;
constexpr std::string_view kProviderVersion = "4.7.0";

// Yjs's update format, version 1: a struct's first byte.
constexpr std::uint8_t kContentBits = 0x1f;
constexpr std::uint8_t kGarbage = 0;
constexpr std::uint8_t kContentString = 4;
constexpr std::uint8_t kSkip = 10;
constexpr std::uint8_t kHasParentKey = 0x20;
constexpr std::uint8_t kHasRightOrigin = 0x40;
constexpr std::uint8_t kHasOrigin = 0x80;

// A client's index as Yjs's client id.
constexpr std::uint64_t kFirstClient = 1'000'000;

void put_number(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

void put_bytes(std::string& out, std::string_view bytes) {
  put_number(out, bytes.size());
  out += bytes;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool failed() const { return failed_; }
  std::uint8_t byte() {
    if (bytes_.empty()) return failed_ = true, 0;
    const auto value = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !failed_; shift += 7) {
      const std::uint8_t part = byte();
      value |= std::uint64_t{part & 0x7fu} << shift;
      if (part < 0x80) return value;
    }
    return failed_ = true, 0;
  }
  std::string_view bytes() {
    const std::uint64_t size = number();
    if (size > bytes_.size()) return failed_ = true, std::string_view{};
    const std::string_view value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return value;
  }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

}  // namespace

class YjsDialect::Talk final : public Conversation {
 public:
  Talk(YjsDialect& dialect, LoadClient& client)
      : have_(dialect.have_[client.index()]), client_(client), name_(dialect.name(client)),
        named_(dialect.server_ == Server::hocuspocus) {}

  void on_open() override {
    if (named_) {
      std::string message = begin_message(kAuthentication);
      put_number(message, kToken);
      put_bytes(message, "anybody");
      put_bytes(message, kProviderVersion);
      client_.send(message);
    }
    std::string vector;
    put_number(vector, have_.size());
    for (auto& [author, units] : have_) {
      put_number(vector, kFirstClient + author);
      put_number(vector, units);
    }
    say(kStep1, vector);
  }

  void on_message(std::string_view bytes) override {
    Reader message(bytes);
    if (named_) message.bytes();
    const std::uint64_t kind = message.number();
    if (kind != kSync && !(named_ && kind == kSyncAnswer)) return;  // who is there, and the like
    const std::uint64_t step = message.number();
    if (step == kStep1) return;  // the server asks: what we have, it has
    take_update(Reader(message.bytes()));
    if (step == kStep2) client_.on_ready();
  }

  void send_update(std::uint32_t number) override {
    const std::uint64_t me = kFirstClient + client_.index();
    std::string update;
    put_number(update, 1);  // of one client
    put_number(update, 1);  // one struct
    put_number(update, me);
    put_number(update, number);
    if (number == 0) {
      update.push_back(static_cast<char>(kContentString));
      put_number(update, 1);  // the parent is a root, by its name
      put_bytes(update, "body");
    } else {
      update.push_back(static_cast<char>(kContentString | kHasOrigin));
      put_number(update, me);
      put_number(update, number - 1);
    }
    put_bytes(update, std::string(1, static_cast<char>('a' + number % 26)));
    put_number(update, 0);  // nothing is deleted
    say(kUpdate, update);
  }

 private:
  std::string begin_message(std::uint64_t kind) const {
    std::string message;
    if (named_) put_bytes(message, name_);
    put_number(message, kind);
    return message;
  }

  void say(std::uint64_t step, std::string_view content) {
    std::string message = begin_message(kSync);
    put_number(message, step);
    put_bytes(message, content);
    client_.send(message);
  }

  void take_update(Reader update) {
    for (std::uint64_t clients = update.number(); clients > 0 && !update.failed(); --clients) {
      std::uint64_t structs = update.number();
      const std::uint64_t author = update.number() - kFirstClient;
      std::uint64_t clock = update.number();
      for (; structs > 0 && !update.failed(); --structs) {
        const std::uint8_t info = update.byte();
        const std::uint8_t content = info & kContentBits;
        if (content == kGarbage || content == kSkip) {
          clock += update.number();
          continue;
        }
        if (info & kHasOrigin) update.number(), update.number();
        if (info & kHasRightOrigin) update.number(), update.number();
        if ((info & (kHasOrigin | kHasRightOrigin)) == 0) {
          if (update.number() == 1) {
            update.bytes();
          } else {
            update.number(), update.number();
          }
          if (info & kHasParentKey) update.bytes();
        }
        if (content != kContentString) return client_.fail("an update with content that nobody wrote");
        for (std::size_t units = update.bytes().size(); units > 0; --units) received(author, clock++);
      }
    }
    if (update.failed()) client_.fail("an update that ends early");
  }

  void received(std::uint64_t author, std::uint64_t clock) {
    if (author == client_.index()) return;
    auto known = std::find_if(have_.begin(), have_.end(), [&](auto& entry) { return entry.first == author; });
    if (known == have_.end()) known = have_.insert(have_.end(), {static_cast<unsigned>(author), 0});
    if (clock < known->second) return;
    known->second = clock + 1;
    client_.recorder().received(known->first, static_cast<std::uint32_t>(clock));
  }

  std::vector<std::pair<unsigned, std::uint64_t>>& have_;
  LoadClient& client_;
  const std::string name_;  // of the document
  const bool named_;        // in every message
};

YjsDialect::YjsDialect(Server server, ConvergeAccount account, unsigned clients)
    : server_(server), account_(std::move(account)), have_(clients) {
  if (server != Server::bridge) return;
  for (unsigned i = 0; i < clients; ++i) tokens_.push_back(bench_token(account_, i));
}

std::string YjsDialect::target(const LoadClient& client) const {
  switch (server_) {
    case Server::hocuspocus:
      return "/";
    case Server::bridge:
      return "/yjs/page/" + name(client) + "/body";
    default:
      return "/" + name(client);
  }
}

std::string YjsDialect::protocols(const LoadClient& client) const {
  if (server_ != Server::bridge) return {};
  return "converge.yjs, converge.token." + tokens_[client.index()];
}

std::unique_ptr<Conversation> YjsDialect::begin(LoadClient& client) { return std::make_unique<Talk>(*this, client); }

}  // namespace bench
