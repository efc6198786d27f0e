// Hashes of what a client chooses: names, keys, identifiers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace converge {

// Seeded by where the program was loaded, so that keys which collide cannot be
// prepared from afar. Nothing that leaves the process depends on it.
inline std::uint64_t hash_seed() {
  static const char anchor = 0;
  return reinterpret_cast<std::uintptr_t>(&anchor) * 0x9e3779b97f4a7c15u;
}

inline std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0xff51afd7ed558ccdu;
  return hash ^ (hash >> 32);
}

inline std::uint32_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = hash_seed() ^ (bytes.size() * 0xc4ceb9fe1a85ec53u);
  std::size_t at = 0;
  std::uint64_t word;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::memcpy(&word, bytes.data() + at, 8);
    hash = mix_hash(hash, word);
  }
  if (at < bytes.size()) {
    word = 0;
    std::memcpy(&word, bytes.data() + at, bytes.size() - at);
    hash = mix_hash(hash, word);
  }
  return static_cast<std::uint32_t>(mix_hash(hash, 0) >> 16);
}

inline std::uint32_t hash_numbers(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint32_t>(mix_hash(mix_hash(hash_seed(), a), b) >> 16);
}

// For the standard library's hash tables, whose own hash of a number is that number, and
// of a string one that everybody can compute: whoever chooses the keys could put all of
// them into one bucket.
struct SeededHash {
  std::size_t operator()(std::uint64_t number) const { return mix_hash(mix_hash(hash_seed(), number), 0); }
  std::size_t operator()(std::string_view bytes) const { return hash_bytes(bytes); }
};

}  // namespace converge
