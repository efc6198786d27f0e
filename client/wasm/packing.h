// The records that cross the border between the core and its JavaScript host
// (client/typescript/src/core/packing.ts): numbers little endian; texts and
// bytes preceded by their size in 32 bits; lists by their length.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace converge::wasm {

class Packer {
 public:
  explicit Packer(std::string& out) : out_(out) { out_.clear(); }

  Packer& u32(std::uint32_t value) { return number(value); }
  Packer& u64(std::uint64_t value) { return number(value); }
  Packer& size(std::size_t value) { return u32(static_cast<std::uint32_t>(value)); }
  Packer& bytes(std::string_view value) {
    size(value.size());
    out_.append(value);
    return *this;
  }

 private:
  template <typename T>
  Packer& number(T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    out_.append(raw, sizeof value);
    return *this;
  }

  std::string& out_;
};

// Reads what the host packed. A record that is too short is the host's mistake,
// not the server's: whole() is false then, and what was read is zero or empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view packed) : rest_(packed) {}

  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::string_view bytes() {
    const std::uint32_t size = u32();
    if (size > rest_.size()) {
      whole_ = false;
      return {};
    }
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }

  // Whether everything was there so far. Also to be asked in loops, whose
  // length comes from the record.
  bool whole() const { return whole_; }

 private:
  template <typename T>
  T number() {
    T value = 0;
    if (rest_.size() < sizeof value) {
      whole_ = false;
      return 0;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }

  std::string_view rest_;
  bool whole_ = true;
};

}  // namespace converge::wasm
