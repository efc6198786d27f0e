// The length that precedes each message on the worker's socket: four bytes, big
// endian.
#pragma once

#include "worker/background/postgres_headers.h"

extern "C" {
#include "port/pg_bswap.h"
}

namespace converge::worker {

constexpr int kLengthBytes = 4;

inline char* put_length(char* at, int length) {
  const uint32 big_endian = pg_hton32(static_cast<uint32>(length));

  memcpy(at, &big_endian, kLengthBytes);
  return at + kLengthBytes;
}

inline uint32 get_length(const char* at) {
  uint32 big_endian;

  memcpy(&big_endian, at, kLengthBytes);
  return pg_ntoh32(big_endian);
}

}  // namespace converge::worker
