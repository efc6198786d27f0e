#include "abi.h"

#include <bit>

#include "packing.h"

namespace converge::wasm {

namespace {

std::string input_buffer;
std::string output_buffer;

// xoshiro256** (Blackman and Vigna, 2018).
std::uint64_t random_state[4];

std::uint64_t next_random() {
  std::uint64_t* s = random_state;
  const std::uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

}  // namespace

std::string& output() { return output_buffer; }

Status done() {
  output_buffer.clear();
  return 0;
}

Status failed(const Error& error) {
  Packer(output_buffer).bytes(error.message).bytes(error.detail);
  return 1 + static_cast<Status>(error.code);
}

ReplicaId draw_replica() { return next_random() >> 11; }

}  // namespace converge::wasm

using namespace converge::wasm;

CONVERGE_EXPORT(converge_input) char* converge_input(std::uint32_t size) {
  input_buffer.resize(size);
  return input_buffer.data();
}

CONVERGE_EXPORT(converge_output) const char* converge_output() { return output().data(); }

CONVERGE_EXPORT(converge_output_size) std::uint32_t converge_output_size() {
  return static_cast<std::uint32_t>(output().size());
}

// 256 random bits, once, before any session is made.
CONVERGE_EXPORT(converge_seed)
void converge_seed(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
  random_state[0] = a;
  random_state[1] = b;
  random_state[2] = c;
  random_state[3] = d | 1;  // not all zero
}
