// WebSocket's framing (RFC 6455, section 5), the server's side, without I/O:
// bytes from a client in, whole messages and control frames out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "close_code.h"

namespace converge::bridge {

enum class Opcode : std::uint8_t { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xa };

// The longest header that a server's frame has.
inline constexpr std::size_t kLongestFrameHeader = 10;

// Writes the header of an unmasked, final frame to `out`, which has room for
// kLongestFrameHeader bytes, and returns how many those are.
std::size_t write_frame_header(char* out, Opcode opcode, std::size_t payload, bool compressed = false);

// An unmasked, final frame: for control frames and whole messages.
std::string make_frame(Opcode opcode, std::string_view payload, bool compressed = false);

// The payload of a Close frame; 0 gives an empty one. The reason, UTF-8, is cut to
// what a control frame may hold, at a character's boundary.
std::string close_payload(std::uint16_t code, std::string_view reason = {});

// Whether `bytes` are well-formed UTF-8 as far as they go (RFC 3629): `state`
// begins at 0, is 0 again where a character ends, and carries what is left of
// one from call to call.
bool check_utf8(std::string_view bytes, std::uint32_t& state);

// What is kept of a message that is dropped.
inline constexpr std::size_t kDroppedBeginning = 8 << 10;

class FrameReader {
 public:
  // Messages may have `longest` bytes, compressed or not. `deflate`: the connection uses
  // permessage-deflate, so that messages may be compressed. `drop`: a longer one is no
  // failure, but read to its end, of which only the beginning is kept.
  FrameReader(std::size_t longest, bool deflate, bool drop = false)
      : longest_(longest), deflate_(deflate), drop_(drop) {}

  enum class Kind {
    more,     // nothing whole: what was not used comes again, with what follows
    message,  // `payload`, `binary`, `compressed`; a text that is not compressed is UTF-8
    dropped,  // beyond `longest`: `payload`, the first kDroppedBeginning bytes, and `size`
    ping,     // `payload`
    pong,
    close,    // `code`: the client's, or 0 when it gave none
    failure,  // the connection is to be closed with `code`; `problem` says why
  };
  struct Event {
    Kind kind = Kind::more;
    std::size_t used = 0;      // of the bytes
    std::string_view payload;  // into the bytes, or into the reader until the next call
    bool binary = false;
    bool compressed = false;
    std::uint64_t size = 0;
    std::uint16_t code = 0;
    const char* problem = "";
  };

  // From now on messages may have so many.
  void bound(std::size_t longest) { longest_ = longest; }

  // Reads on in `bytes`, which are unmasked in place. After a failure or a
  // Close there is nothing more to read.
  Event next(std::span<char> bytes);

 private:
  Event finish_message(std::string_view last, std::size_t used);
  void begin_dropping();
  std::size_t drop_some(std::span<char> bytes);
  Event finish_dropped(std::size_t used);
  static Event control(Opcode opcode, std::string_view payload, std::size_t used);
  static Event failure(CloseCode code, const char* problem);

  std::size_t longest_;
  const bool deflate_;
  const bool drop_;
  // Of a message of which fragments have come.
  bool fragmented_ = false;
  bool binary_ = false;
  bool compressed_ = false;
  std::uint32_t utf8_state_ = 0;
  std::string fragments_;
  bool handed_out_ = false;  // fragments_ is the last event's payload
  // Of a message that is dropped, of which fragments_ has the beginning.
  bool dropping_ = false;
  std::uint64_t dropped_size_ = 0;  // with the whole of the present frame
  std::uint64_t left_ = 0;          // of that frame, to come
  bool last_frame_ = false;
  char mask_[4] = {};
  std::size_t mask_at_ = 0;
};

}  // namespace converge::bridge
