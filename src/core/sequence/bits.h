// Single bits, most significant first, and Exp-Golomb codes: a small number is
// short, a number of any size is possible.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace converge {

class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}

  // The lowest `count` bits of `value`, count at most 32.
  void put(std::uint64_t value, unsigned count) {
    held_ = held_ << count | value;
    size_ += count;
    if (size_ >= 32) {
      size_ -= 32;
      auto word = static_cast<std::uint32_t>(held_ >> size_);
      const char bytes[4] = {static_cast<char>(word >> 24), static_cast<char>(word >> 16),
                             static_cast<char>(word >> 8), static_cast<char>(word)};
      out_.append(bytes, 4);
      held_ &= (std::uint64_t{1} << size_) - 1;
    }
  }

  // Exp-Golomb of order k: with v = (value >> k) + 1, as many zeros as v has
  // bits less one, then v, then the lowest k bits of the value.
  void golomb(std::uint32_t value, unsigned k) {
    std::uint64_t head = (std::uint64_t{value} >> k) + 1;
    auto width = static_cast<unsigned>(std::bit_width(head));
    if (2 * width - 1 + k <= 32) {
      put(head << k | (value & ((std::uint32_t{1} << k) - 1)), 2 * width - 1 + k);
      return;
    }
    put(0, width - 1);
    put(head >> 1, width - 1);
    put(head & 1, 1);
    if (k > 0) put(value & ((std::uint32_t{1} << k) - 1), k);
  }

  // Fills the last byte with zeros.
  void finish() {
    if (size_ % 8 != 0) put(0, 8 - size_ % 8);
    for (; size_ > 0; size_ -= 8) out_.push_back(static_cast<char>(held_ >> (size_ - 8)));
  }

 private:
  std::string& out_;
  std::uint64_t held_ = 0;
  unsigned size_ = 0;  // bits held, below 32 between calls
};

// Reads beyond the end as zeros; overrun() tells.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) { fill(); }

  // The next bits, at most 32.
  std::uint32_t peek(unsigned count) const {
    return static_cast<std::uint32_t>(held_ >> 1 >> (63 - count));
  }
  void skip(unsigned count) {
    held_ <<= count;
    left_ -= static_cast<int>(count);
    if (left_ < 32) fill();
  }
  std::uint32_t take(unsigned count) {
    std::uint32_t value = peek(count);
    skip(count);
    return value;
  }

  // The number whose code is next; one beyond 32 bits reads as overrun.
  std::uint32_t golomb(unsigned k) {
    std::uint32_t ahead = peek(32);
    if (ahead == 0) {
      taken_too_much_ = true;
      return 0;
    }
    auto zeros = static_cast<unsigned>(std::countl_zero(ahead));
    skip(zeros);
    std::uint64_t head = take(zeros + 1);
    std::uint64_t value = (head - 1) << k;
    if (k > 0) value |= take(k);
    if (value > 0xffff'ffff) taken_too_much_ = true;
    return static_cast<std::uint32_t>(value);
  }

  bool overrun() const { return taken_too_much_ || used_bits() > bytes_.size() * 8; }
  // Bytes begun so far.
  std::size_t used_bytes() const { return (used_bits() + 7) / 8; }
  // Whether the rest of the last byte is zeros.
  bool padded_with_zeros() const {
    auto rest = static_cast<unsigned>(used_bytes() * 8 - used_bits());
    return rest == 0 || peek(rest) == 0;
  }

 private:
  std::size_t used_bits() const {
    return fed_ * 8 - static_cast<std::size_t>(left_);
  }

  void fill() {
    while (left_ <= 56) {
      std::uint64_t byte = fed_ < bytes_.size() ? static_cast<std::uint8_t>(bytes_[fed_]) : 0;
      held_ |= byte << (56 - left_);
      left_ += 8;
      ++fed_;
    }
  }

  std::string_view bytes_;
  std::uint64_t held_ = 0;  // from the highest bit down
  int left_ = 0;            // bits held, at least 32 between calls
  std::size_t fed_ = 0;     // bytes taken, those beyond the end too
  bool taken_too_much_ = false;
};

}  // namespace converge
