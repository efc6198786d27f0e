#include "websocket_frames.h"

#include <algorithm>
#include <cstring>

namespace converge::bridge {

namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kCompressed = 0x40;  // RSV1, as permessage-deflate uses it (RFC 7692, 6)
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kOpcode = 0x0f;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kLength = 0x7f;
constexpr std::size_t kMaskSize = 4;
constexpr std::size_t kLongestControl = 125;

// Fragments of a long message keep this much when it is over.
constexpr std::size_t kKeptFragments = 4096;

void unmask(char* bytes, std::size_t size, const char* mask) {
  std::uint64_t wide;
  std::memcpy(&wide, mask, kMaskSize);
  std::memcpy(reinterpret_cast<char*>(&wide) + kMaskSize, mask, kMaskSize);
  std::size_t at = 0;
  for (; at + sizeof wide <= size; at += sizeof wide) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    word ^= wide;
    std::memcpy(bytes + at, &word, sizeof word);
  }
  for (; at < size; ++at) bytes[at] = static_cast<char>(bytes[at] ^ mask[at % kMaskSize]);
}

// 7.4: codes that may stand in a Close frame.
bool may_be_sent(std::uint16_t code) {
  if (code < 1000 || code > 4999) return false;
  if (code >= 3000) return true;
  return code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

std::size_t write_frame_header(char* out, Opcode opcode, std::size_t payload, bool compressed) {
  out[0] = static_cast<char>(kFinal | (compressed ? kCompressed : 0) | static_cast<std::uint8_t>(opcode));
  std::size_t extended = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
  out[1] = static_cast<char>(extended == 0 ? payload : extended == 2 ? 126 : 127);
  for (std::size_t i = 0; i < extended; ++i) out[2 + i] = static_cast<char>(payload >> (8 * (extended - 1 - i)));
  return 2 + extended;
}

std::string make_frame(Opcode opcode, std::string_view payload, bool compressed) {
  char header[kLongestFrameHeader];
  std::string frame(header, write_frame_header(header, opcode, payload.size(), compressed));
  frame += payload;
  return frame;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  if (code == 0) return {};
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
  std::size_t length = std::min(reason.size(), kLongestControl - 2);
  while (length < reason.size() && length > 0 && (reason[length] & 0xc0) == 0x80) --length;
  payload += reason.substr(0, length);
  return payload;
}

// The state of an unfinished character: how many bytes are left in bits 0 to 7,
// and the range that the next one must be in, in bits 8 to 15 and 16 to 23.
bool check_utf8(std::string_view bytes, std::uint32_t& state) {
  auto expect = [&](std::uint32_t left, std::uint32_t from = 0x80, std::uint32_t to = 0xbf) {
    state = left | from << 8 | to << 16;
  };
  for (char c : bytes) {
    auto byte = static_cast<std::uint8_t>(c);
    if (state != 0) {
      if (byte < (state >> 8 & 0xff) || byte > (state >> 16)) return false;
      std::uint32_t left = (state & 0xff) - 1;
      if (left == 0) {
        state = 0;
      } else {
        expect(left);
      }
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      if (byte < 0xe0) {
        expect(1);
      } else if (byte < 0xf0) {  // no overlong forms, no surrogates
        expect(2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
      } else {  // no overlong forms, nothing above U+10FFFF
        expect(3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
      }
    }
  }
  return true;
}

FrameReader::Event FrameReader::failure(CloseCode code, const char* problem) {
  Event event;
  event.kind = Kind::failure;
  event.code = static_cast<std::uint16_t>(code);
  event.problem = problem;
  return event;
}

FrameReader::Event FrameReader::next(std::span<char> bytes) {
  if (handed_out_) {
    handed_out_ = false;
    fragments_.clear();
    if (fragments_.capacity() > kKeptFragments) fragments_.shrink_to_fit();
  }
  std::size_t used = 0;
  for (;;) {
    std::span<char> rest = bytes.subspan(used);
    auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(rest[at]); };
    Event more;
    more.used = used;
    if (rest.empty()) return more;
    if (left_ > 0) {
      used += drop_some(rest);
      if (left_ == 0 && last_frame_) return finish_dropped(used);
      continue;
    }

    // Each rule is checked as soon as the bytes that it is about are there.
    std::uint8_t first = byte(0);
    auto opcode = static_cast<Opcode>(first & kOpcode);
    bool final = (first & kFinal) != 0;
    bool is_control = (first & 0x08) != 0;
    switch (opcode) {
      case Opcode::continuation:
        if (!fragmented_) return failure(CloseCode::protocol_error, "a continuation of nothing");
        break;
      case Opcode::text:
      case Opcode::binary:
        if (fragmented_) return failure(CloseCode::protocol_error, "a new message inside a fragmented one");
        break;
      case Opcode::close:
      case Opcode::ping:
      case Opcode::pong:
        if (!final) return failure(CloseCode::protocol_error, "a control frame in fragments");
        break;
      default:
        return failure(CloseCode::protocol_error, "a reserved opcode");
    }
    bool compressed = (first & kCompressed) != 0;
    if ((first & kReserved & ~kCompressed) != 0 ||
        (compressed && (!deflate_ || is_control || opcode == Opcode::continuation)))
      return failure(CloseCode::protocol_error, "a reserved bit is set");
    if (rest.size() < 2) return more;

    if ((byte(1) & kMasked) == 0) return failure(CloseCode::protocol_error, "a frame without a mask");
    std::uint64_t length = byte(1) & kLength;
    if (is_control && length > kLongestControl)
      return failure(CloseCode::protocol_error, "a control frame of more than 125 bytes");
    std::size_t at = 2;
    if (length >= 126) {
      std::size_t extended = length == 126 ? 2 : 8;
      if (rest.size() < at + extended) return more;
      length = 0;
      for (std::size_t i = 0; i < extended; ++i) length = length << 8 | byte(at + i);
      at += extended;
      if (length >> 63 != 0) return failure(CloseCode::protocol_error, "a length beyond 63 bits");
      if (length < (extended == 2 ? 126u : 65536u))
        return failure(CloseCode::protocol_error, "a length in more bytes than it needs");
    }
    if (!is_control && (dropping_ || length > longest_ || fragments_.size() + length > longest_)) {
      if (!drop_) return failure(CloseCode::too_big, "a message beyond the bound");
      if (rest.size() < at + kMaskSize) return more;
      if (opcode != Opcode::continuation) {
        binary_ = opcode == Opcode::binary;
        compressed_ = compressed;
      }
      begin_dropping();
      dropped_size_ += length;
      left_ = length;
      last_frame_ = final;
      std::memcpy(mask_, rest.data() + at, kMaskSize);
      mask_at_ = 0;
      used += at + kMaskSize;
      if (left_ == 0 && last_frame_) return finish_dropped(used);
      continue;
    }
    if (rest.size() < at + kMaskSize + length) return more;
    char* payload = rest.data() + at + kMaskSize;
    unmask(payload, length, rest.data() + at);
    used += at + kMaskSize + length;
    std::string_view content(payload, length);

    if (is_control) return control(opcode, content, used);
    if (opcode != Opcode::continuation) {
      binary_ = opcode == Opcode::binary;
      compressed_ = compressed;
      utf8_state_ = 0;
    }
    if (!binary_ && !compressed_ && (!check_utf8(content, utf8_state_) || (final && utf8_state_ != 0)))
      return failure(CloseCode::invalid_text, "a text that is not UTF-8");
    if (final) return finish_message(content, used);
    fragmented_ = true;
    fragments_ += content;
  }
}

FrameReader::Event FrameReader::finish_message(std::string_view last, std::size_t used) {
  Event event;
  event.kind = Kind::message;
  event.used = used;
  event.binary = binary_;
  event.compressed = compressed_;
  event.payload = last;
  if (fragmented_) {
    fragments_ += last;
    event.payload = fragments_;
    handed_out_ = true;
    fragmented_ = false;
  }
  return event;
}

void FrameReader::begin_dropping() {
  if (dropping_) return;
  dropping_ = fragmented_ = true;
  dropped_size_ = fragments_.size();
  fragments_.resize(std::min(fragments_.size(), kDroppedBeginning));
  fragments_.shrink_to_fit();
}

// Of the present frame what has come; how much that is.
std::size_t FrameReader::drop_some(std::span<char> bytes) {
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
  const std::size_t kept = std::min(size, kDroppedBeginning - fragments_.size());
  for (std::size_t i = 0; i < kept; ++i)
    fragments_ += static_cast<char>(bytes[i] ^ mask_[(mask_at_ + i) % kMaskSize]);
  mask_at_ = (mask_at_ + size) % kMaskSize;
  left_ -= size;
  return size;
}

FrameReader::Event FrameReader::finish_dropped(std::size_t used) {
  Event event;
  event.kind = Kind::dropped;
  event.used = used;
  event.binary = binary_;
  event.compressed = compressed_;
  event.payload = fragments_;
  event.size = dropped_size_;
  handed_out_ = true;
  fragmented_ = dropping_ = false;
  return event;
}

FrameReader::Event FrameReader::control(Opcode opcode, std::string_view payload, std::size_t used) {
  Event event;
  event.used = used;
  event.payload = payload;
  if (opcode != Opcode::close) {
    event.kind = opcode == Opcode::ping ? Kind::ping : Kind::pong;
    return event;
  }
  event.kind = Kind::close;
  if (payload.empty()) return event;
  if (payload.size() == 1) return failure(CloseCode::protocol_error, "a Close with half a code");
  event.code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8 |
                                          static_cast<std::uint8_t>(payload[1]));
  if (!may_be_sent(event.code)) return failure(CloseCode::protocol_error, "a Close with a code that may not be sent");
  std::uint32_t state = 0;
  if (!check_utf8(payload.substr(2), state) || state != 0)
    return failure(CloseCode::invalid_text, "a Close with a reason that is not UTF-8");
  return event;
}

}  // namespace converge::bridge
