// Single bits, most significant first, and Exp-Golomb codes: a small number is
// short, a number of any size is possible.
//
// Exp-Golomb of order k writes v = value + 2^k: as many zeros as v has bits less
// k + 1, then v.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace converge {

// The word whose bytes in memory are those of `word` from the highest down, and
// the inverse.
inline std::uint64_t big_endian(std::uint64_t word) {
  return std::endian::native == std::endian::big ? word : __builtin_bswap64(word);
}

class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out), at_(out.size()) {}

  // The lowest `count` bits of `value`, which has no others; count at most 56.
  void put(std::uint64_t value, unsigned count) {
    if (out_.size() - at_ < 8) out_.resize(out_.size() + out_.size() / 2 + 1024);
    if (count == 0) return;
    held_ |= value << (64 - size_ - count);
    size_ += count;
    const std::uint64_t word = big_endian(held_);
    std::memcpy(out_.data() + at_, &word, 8);
    at_ += size_ / 8;
    held_ <<= size_ / 8 * 8;
    size_ %= 8;
  }

  void golomb(std::uint32_t value, unsigned k) {
    const std::uint64_t v = value + (std::uint64_t{1} << k);
    const auto width = static_cast<unsigned>(std::bit_width(v));
    const unsigned total = 2 * width - 1 - k;
    if (total <= 56) return put(v, total);
    put(0, total - width);
    put(v, width);
  }

  // The bits [from, to) of `bytes`.
  inline void copy(std::string_view bytes, std::uint64_t from, std::uint64_t to);

  // Fills the last byte with zeros. Nothing may be put after it.
  void finish() { out_.resize(at_ + (size_ > 0)); }

 private:
  std::string& out_;
  std::size_t at_;          // whole bytes are written up to here
  std::uint64_t held_ = 0;  // the bits behind them, from the highest down
  unsigned size_ = 0;       // how many, below 8 between calls
};

// Reads beyond the end as zeros; overrun() tells.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes, std::uint64_t at = 0)
      : bytes_(bytes), at_(static_cast<std::size_t>(at)) {}

  // The next bits, at most 32.
  std::uint32_t peek(unsigned count) const {
    return static_cast<std::uint32_t>(window() >> 1 >> (63 - count));
  }
  void skip(unsigned count) { at_ += count; }
  std::uint32_t take(unsigned count) {
    std::uint32_t value = peek(count);
    at_ += count;
    return value;
  }

  // The number whose code is next; one beyond 32 bits reads as overrun.
  std::uint32_t golomb(unsigned k) {
    const std::uint64_t ahead = window();
    const auto zeros = static_cast<unsigned>(std::countl_zero(ahead | 1));
    const unsigned total = 2 * zeros + 1 + k;
    if (total <= 57) {
      at_ += total;
      return static_cast<std::uint32_t>((ahead >> (64 - total)) - (std::uint64_t{1} << k));
    }
    at_ += zeros;
    const unsigned width = zeros + 1 + k;  // the rest of the code
    if (zeros > 32 || width > 33) {
      broken_ = true;
      return 0;
    }
    const std::uint64_t v = window() >> (64 - width);
    at_ += width;
    if (v - (std::uint64_t{1} << k) > 0xffff'ffff) broken_ = true;
    return static_cast<std::uint32_t>(v - (std::uint64_t{1} << k));
  }

  // The next bits, from the highest down: kWindow of them are there.
  static constexpr unsigned kWindow = 57;
  std::uint64_t window() const {
    const std::size_t byte = at_ / 8;
    std::uint64_t word = 0;
    if (byte + 8 <= bytes_.size()) {
      std::memcpy(&word, bytes_.data() + byte, 8);
    } else if (byte < bytes_.size()) {
      std::memcpy(&word, bytes_.data() + byte, bytes_.size() - byte);
    }
    return big_endian(word) << (at_ % 8);
  }

  std::uint64_t position() const { return at_; }
  bool overrun() const { return broken_ || at_ > bytes_.size() * 8; }
  // Bytes begun so far.
  std::size_t used_bytes() const { return (at_ + 7) / 8; }
  // Whether the rest of the last byte is zeros.
  bool padded_with_zeros() const {
    const auto rest = static_cast<unsigned>(used_bytes() * 8 - at_);
    return rest == 0 || peek(rest) == 0;
  }

 private:
  std::string_view bytes_;
  std::size_t at_;  // in bits
  bool broken_ = false;
};

inline void BitWriter::copy(std::string_view bytes, std::uint64_t from, std::uint64_t to) {
  constexpr unsigned kStep = 56;
  BitReader in(bytes, from);
  for (; to - from >= kStep; from += kStep) {
    put(in.window() >> (64 - kStep), kStep);
    in.skip(kStep);
  }
  const auto rest = static_cast<unsigned>(to - from);
  if (rest > 0) put(in.window() >> (64 - rest), rest);
}

}  // namespace converge
