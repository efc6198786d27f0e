#include "converge_dialect.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <chrono>
#include <random>

#include "../../client/cli/token.h"
#include "converge.pb.h"
#include "core/clock/log_version.h"
#include "core/sequence/text.h"

namespace bench {

namespace pb = google::protobuf;
namespace wire = converge::wire;
using pb::internal::WireFormatLite;

namespace {

constexpr std::int64_t kTokenSeconds = 24 * 3600;
constexpr std::uint64_t kReplicaMask = (std::uint64_t{1} << 52) - 1;

// Calls `received(replica, seq)` for each change of a ServerMessage that is a Changes, which is
// nearly all that comes, and looks at nothing else in them: to parse each for each of nine
// receivers would take the processor from the server. False: it is another message, or none.
template <class Received>
bool read_changes(std::string_view bytes, Received&& received) {
  const auto part = [](int field) { return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED); };
  const auto number = [](int field) { return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT); };
  pb::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  int length = 0;
  if (in.ReadTag() != part(wire::ServerMessage::kChangesFieldNumber) || !in.ReadVarintSizeAsInt(&length)) return false;
  while (std::uint32_t tag = in.ReadTag()) {
    if (tag != part(wire::Changes::kChangesFieldNumber)) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    if (!in.ReadVarintSizeAsInt(&length)) return false;
    const auto limit = in.PushLimit(length);
    std::uint64_t replica = 0;
    std::uint64_t seq = 0;
    while ((tag = in.ReadTag()) != 0) {
      const bool read = tag == number(wire::Change::kReplicaFieldNumber) ? in.ReadVarint64(&replica)
                        : tag == number(wire::Change::kSeqFieldNumber)   ? in.ReadVarint64(&seq)
                                                                         : WireFormatLite::SkipField(&in, tag);
      if (!read) return false;
    }
    in.PopLimit(limit);
    received(replica, seq);
  }
  return in.ConsumedEntireMessage();
}

std::uint64_t hybrid_clock_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) << 16;
}

}  // namespace

std::string bench_token(const ConvergeAccount& account, unsigned index) {
  const std::int64_t expires =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count() +
      kTokenSeconds;
  return converge::cli::mint_token({account.key_id, account.tenant, "user " + std::to_string(index), expires},
                                   account.secret);
}

struct ConvergeDialect::Replica {
  std::uint64_t id;
  std::string token;
  converge::Text text;          // with this client's own edits only
  std::uint64_t length = 0;     // of it, in characters
  converge::LogVersion have;    // what it has of the document, its own apart
};

class ConvergeDialect::Talk final : public Conversation {
 public:
  Talk(ConvergeDialect& dialect, LoadClient& client)
      : dialect_(dialect), client_(client), replica_(*dialect.replicas_[client.index()]) {}

  // Who it is, and behind it at once which document: the bridge answers both together.
  void on_open() override {
    wire::ClientMessage hello;
    hello.mutable_hello()->set_protocol(2);
    hello.mutable_hello()->set_token(replica_.token);
    hello.mutable_hello()->set_client("bench-live");
    wire::ClientMessage subscribe;
    wire::Subscribe& request = *subscribe.mutable_subscribe();
    request.set_request(1);
    request.mutable_document()->set_collection(dialect_.account_.collection);
    request.mutable_document()->set_key(dialect_.account_.key_prefix + std::to_string(client_.document()));
    if (!replica_.have.empty()) request.set_since(replica_.have.encode());
    client_.send_together({hello.SerializeAsString(), subscribe.SerializeAsString()});
  }

  void on_message(std::string_view bytes) override {
    if (read_changes(bytes, [this](std::uint64_t replica, std::uint64_t seq) { received(replica, seq); })) return;
    wire::ServerMessage message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return client_.fail("a message that is no ServerMessage");
    switch (message.message_case()) {
      case wire::ServerMessage::kSubscribed:
        channel_ = message.subscribed().channel();
        catch_up(message.subscribed().pull());
        return client_.on_ready();
      case wire::ServerMessage::kAck:
        return client_.recorder().acknowledged(client_.index(), static_cast<std::uint32_t>(message.ack().seq() - 1));
      case wire::ServerMessage::kReject:
        return client_.fail("change " + std::to_string(message.reject().seq()) +
                            " was rejected: " + message.reject().message());
      case wire::ServerMessage::kProblem:
        return client_.fail(message.problem().message());
      default:
        return;
    }
  }

  void send_update(std::uint32_t number) override {
    std::string delta;
    if (auto edited = replica_.text.insert(replica_.id, replica_.length, letter(number), &delta); !edited)
      return client_.fail(edited.error().message);
    ++replica_.length;
    wire::Payload payload;
    wire::FieldDelta& field = *payload.add_fields();
    field.set_field("body");
    field.set_delta(std::move(delta));
    wire::ClientMessage message;
    message.mutable_push()->set_channel(channel_);
    wire::Change& change = *message.mutable_push()->add_changes();
    change.set_replica(replica_.id);
    change.set_seq(number + 1);
    change.set_hlc(hybrid_clock_now());
    payload.SerializeToString(change.mutable_payload());
    client_.send(message.SerializeAsString());
  }

 private:
  static std::string letter(std::uint32_t number) { return {static_cast<char>('a' + number % 26)}; }

  // A state brings what the changes would have brought.
  void catch_up(const wire::PullResponse& pull) {
    auto version = converge::LogVersion::decode(pull.log_version());
    if (!version) return client_.fail("a log_version that does not decode");
    for (const auto& entry : version->entries())
      for (std::uint64_t seq = replica_.have.get(entry.replica) + 1; seq <= entry.counter; ++seq)
        received(entry.replica, seq);
  }

  void received(std::uint64_t replica, std::uint64_t seq) {
    if (seq <= replica_.have.get(replica)) return;
    replica_.have.set(replica, seq);
    auto author = dialect_.client_of_.find(replica);
    if (author != dialect_.client_of_.end() && author->second != client_.index())
      client_.recorder().received(author->second, static_cast<std::uint32_t>(seq - 1));
  }

  ConvergeDialect& dialect_;
  LoadClient& client_;
  Replica& replica_;
  std::uint32_t channel_ = 0;
};

ConvergeDialect::ConvergeDialect(ConvergeAccount account, unsigned clients) : account_(std::move(account)) {
  std::random_device entropy;
  std::mt19937_64 random((std::uint64_t{entropy()} << 32) | entropy());
  for (unsigned i = 0; i < clients; ++i) {
    auto replica = std::make_unique<Replica>();
    replica->id = (random() & kReplicaMask) | 1;
    replica->token = bench_token(account_, i);
    client_of_[replica->id] = i;
    replicas_.push_back(std::move(replica));
  }
}

ConvergeDialect::~ConvergeDialect() = default;

std::unique_ptr<Conversation> ConvergeDialect::begin(LoadClient& client) {
  return std::make_unique<Talk>(*this, client);
}

}  // namespace bench
