// One client of the load: a WebSocket connection, and the conversation that it
// holds with the server. Thousands of them share a thread and a read buffer.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "recorder.h"
#include "socket_events.h"

namespace bench {

class LoadClient;

// What a client says, in one server's protocol.
class Conversation {
 public:
  virtual ~Conversation() = default;
  virtual void on_open() = 0;  // the connection is upgraded
  virtual void on_message(std::string_view message) = 0;
  // The client's update `number`, counted from 0.
  virtual void send_update(std::uint32_t number) = 0;
};

// A server's protocol.
class Dialect {
 public:
  virtual ~Dialect() = default;
  // The path, from its '/', by which a client asks for its document.
  virtual std::string target(const LoadClient& client) const = 0;
  // The subprotocols that it offers, as the header has them; empty: none.
  virtual std::string protocols(const LoadClient&) const { return {}; }
  virtual std::unique_ptr<Conversation> begin(LoadClient& client) = 0;
};

class LoadClient final : private SocketEvents::Handler {
 public:
  // What all clients share.
  struct Shared {
    SocketEvents events;
    std::uint16_t port = 0;  // of the server, on 127.0.0.1
    Dialect* dialect = nullptr;
    Recorder recorder;
    std::string buffer = std::string(std::size_t{256} << 10, '\0');
    unsigned ready = 0;   // clients that follow their document
    unsigned failed = 0;  // whose connection ended or whose server complained
    std::string failure;  // what the first of them was told
  };

  LoadClient(Shared& shared, unsigned index, unsigned document)
      : shared_(shared), index_(index), document_(document) {}
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  // Connects, upgrades, and lets the conversation begin, anew each time.
  void connect();
  void disconnect();
  bool connected() const { return socket_ >= 0; }

  // Sends the next update, which was to be sent at `intended`.
  void update(Recorder::Time intended);

  // ---- for the conversation

  unsigned index() const { return index_; }
  unsigned document() const { return document_; }
  Recorder& recorder() { return shared_.recorder; }
  void send(std::string_view message) { send_together({message}); }  // binary
  void send_together(std::initializer_list<std::string_view> messages);  // in one write
  void on_ready();                      // it follows its document
  void fail(const std::string& why);

 private:
  void on_events(std::uint32_t events) override;
  void ask_for_upgrade();
  void read();
  void take(std::span<char> bytes, std::size_t& used);
  void handle(std::string_view payload, std::uint8_t opcode, bool final);
  void write(std::string_view bytes);
  std::size_t write_some(std::string_view bytes);

  Shared& shared_;
  const unsigned index_;
  const unsigned document_;
  int socket_ = -1;
  std::unique_ptr<Conversation> conversation_;
  std::uint32_t updates_ = 0;
  bool asked_ = false;     // to be upgraded
  bool upgraded_ = false;
  bool ready_ = false;
  std::string incoming_;   // of a frame that is not whole yet
  std::string fragments_;  // of a message that is not
  std::string outgoing_;   // that the socket did not take yet
};

}  // namespace bench
