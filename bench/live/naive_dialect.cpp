#include "naive_dialect.h"

#include <algorithm>
#include <cstring>

namespace bench {

namespace {

// Of 32 bytes, as the reference's. The server gives back the first nine of them,
// with another kind, as the acknowledgement, and adds its position to what it
// sends on.
struct Message {
  std::uint8_t kind = 1;
  std::uint32_t author = 0;
  std::uint32_t number = 0;
  char content[23] = {};
} __attribute__((packed));
static_assert(sizeof(Message) == 32);

constexpr std::size_t kAcknowledgement = 9;

}  // namespace

class NaiveDialect::Talk final : public Conversation {
 public:
  Talk(NaiveDialect& dialect, LoadClient& client) : position_(dialect.positions_[client.index()]), client_(client) {}

  // There is nothing to say: who is connected, follows.
  void on_open() override { client_.on_ready(); }

  void on_message(std::string_view bytes) override {
    Message message;
    std::uint64_t position;
    if (bytes.size() == kAcknowledgement) {
      std::memcpy(&message, bytes.data(), bytes.size());
      return client_.recorder().acknowledged(client_.index(), message.number);
    }
    if (bytes.size() != sizeof message + sizeof position) return client_.fail("a message of another size");
    std::memcpy(&message, bytes.data(), sizeof message);
    std::memcpy(&position, bytes.data() + sizeof message, sizeof position);
    position_ = std::max(position_, position);
    if (message.author != client_.index()) client_.recorder().received(message.author, message.number);
  }

  void send_update(std::uint32_t number) override {
    Message message;
    message.author = client_.index();
    message.number = number;
    client_.send({reinterpret_cast<const char*>(&message), sizeof message});
  }

 private:
  std::uint64_t& position_;
  LoadClient& client_;
};

std::string NaiveDialect::target(const LoadClient& client) const {
  std::string target = "/" + prefix_ + std::to_string(client.document());
  if (const std::uint64_t position = positions_[client.index()]; position != 0) target += "?since=" + std::to_string(position);
  return target;
}

std::unique_ptr<Conversation> NaiveDialect::begin(LoadClient& client) { return std::make_unique<Talk>(*this, client); }

}  // namespace bench
