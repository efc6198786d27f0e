#include "reference_dialect.h"

#include <algorithm>

#include "reference_message.h"

namespace bench {

class ReferenceDialect::Talk final : public Conversation {
 public:
  Talk(ReferenceDialect& dialect, LoadClient& client) : position_(dialect.positions_[client.index()]), client_(client) {}

  // Says from where on it wants the log; a client that has nothing, from now.
  void on_open() override {
    ReferenceMessage hello;
    hello.kind = ReferenceMessage::caught_up;
    hello.document = client_.document();
    hello.author = client_.index();
    hello.position = position_;
    client_.send(hello.bytes());
  }

  void on_message(std::string_view bytes) override {
    ReferenceMessage message;
    if (!ReferenceMessage::read(bytes, message)) return client_.fail("a message of another size");
    position_ = std::max(position_, message.position);
    switch (message.kind) {
      case ReferenceMessage::update:
        if (message.author != client_.index()) client_.recorder().received(message.author, message.number);
        return;
      case ReferenceMessage::acknowledged:
        return client_.recorder().acknowledged(client_.index(), message.number);
      case ReferenceMessage::caught_up:
        return client_.on_ready();
    }
  }

  void send_update(std::uint32_t number) override {
    ReferenceMessage update;
    update.document = client_.document();
    update.author = client_.index();
    update.number = number;
    client_.send(update.bytes());
  }

 private:
  std::uint64_t& position_;
  LoadClient& client_;
};

std::unique_ptr<Conversation> ReferenceDialect::begin(LoadClient& client) {
  return std::make_unique<Talk>(*this, client);
}

}  // namespace bench
