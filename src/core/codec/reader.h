// Reads an encoding from bytes that nobody vouches for. The first failure
// sticks: every later read gives zero or nothing, so that a decoder may read on
// and ask once. Nothing beyond the given bytes is ever touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace converge {

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return why_ != nullptr; }
  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t remaining() const { return bytes_.size() - at_; }
  std::size_t offset() const { return at_; }
  // What is left, without taking it.
  std::string_view rest() const { return bytes_.substr(at_); }

  std::uint8_t byte() {
    if (at_ == bytes_.size()) {
      fail("it ends too early");
      return 0;
    }
    return static_cast<std::uint8_t>(bytes_[at_++]);
  }

  // A varint in its shortest form.
  std::uint64_t varint() {
    if (at_ < bytes_.size() && static_cast<std::uint8_t>(bytes_[at_]) < 0x80) {
      return static_cast<std::uint8_t>(bytes_[at_++]);
    }
    return long_varint();
  }

  // A varint below `limit`.
  std::uint64_t varint_below(std::uint64_t limit, const char* why) {
    std::uint64_t value = varint();
    if (value >= limit) {
      fail(why);
      return 0;
    }
    return value;
  }

  // The number of items that follow, each at least `least_bytes` long: a number
  // that the remaining bytes cannot hold is refused before anything is
  // allocated for it.
  std::size_t count(std::size_t least_bytes) {
    std::uint64_t value = varint();
    if (value > remaining() / least_bytes) {
      fail("a count exceeds what follows");
      return 0;
    }
    return static_cast<std::size_t>(value);
  }

  std::string_view bytes(std::size_t size) {
    if (size > remaining()) {
      fail("it ends too early");
      return {};
    }
    std::string_view read = bytes_.substr(at_, size);
    at_ += size;
    return read;
  }

  // A byte string, preceded by its length.
  std::string_view string() {
    std::uint64_t size = varint();
    if (size > remaining()) {
      fail("it ends too early");
      return {};
    }
    return bytes(static_cast<std::size_t>(size));
  }

  // Records `why` (a string literal) and the place, unless it failed before.
  void fail(const char* why) {
    if (why_ == nullptr) {
      why_ = why;
      failed_at_ = at_;
      at_ = bytes_.size();
    }
  }

  void expect_end() {
    if (!failed() && !at_end()) fail("bytes follow its end");
  }

  // "malformed lww_map", with the reason and the offset as detail.
  Error error(std::string_view what) const {
    return Error{ErrorCode::malformed, "malformed " + std::string(what),
                 std::string(why_ != nullptr ? why_ : "") + " (at byte " +
                     std::to_string(failed_at_) + " of " + std::to_string(bytes_.size()) + ")"};
  }

 private:
  std::uint64_t long_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      std::uint8_t next = byte();
      if (failed()) return 0;
      if (shift == 63 && next > 1) break;
      value |= std::uint64_t{next & 0x7fu} << shift;
      if (next < 0x80) {
        if (next == 0 && shift > 0) {
          fail("a number is not in its shortest form");
          return 0;
        }
        return value;
      }
    }
    fail("a number exceeds 64 bits");
    return 0;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::size_t failed_at_ = 0;
  const char* why_ = nullptr;
};

}  // namespace converge
