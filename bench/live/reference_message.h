// What the reference server and its clients say to each other: messages of one
// size, little endian, without a schema.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace bench {

struct ReferenceMessage {
  enum Kind : std::uint32_t {
    update = 1,        // a client's, and the same to the document's other clients
    acknowledged = 2,  // the author's updates up to `number` are committed
    caught_up = 3,     // what the client had missed has been sent
  };
  std::uint32_t kind = update;
  std::uint32_t document = 0;
  std::uint32_t author = 0;   // a client's index
  std::uint32_t number = 0;
  std::uint64_t position = 0; // in the log, set by the server
  std::uint64_t content = 0;  // stands for some bytes of an edit

  std::string_view bytes() const { return {reinterpret_cast<const char*>(this), sizeof *this}; }
  static bool read(std::string_view bytes, ReferenceMessage& message) {
    if (bytes.size() != sizeof message) return false;
    std::memcpy(&message, bytes.data(), sizeof message);
    return true;
  }
};
static_assert(sizeof(ReferenceMessage) == 32);

}  // namespace bench
