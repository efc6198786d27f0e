// What a change does: an operation and a delta for each field it touches.
// Encoded as wire.Payload, in converge.change.payload.
#pragma once

#include "extension/compat.h"

#include <string_view>

#include "extension/boundary.h"
#include "extension/documents/collection.h"

namespace converge {

// The numbers of wire.Operation.
enum class Operation { update = 0, insert = 1, remove = 2 };

// Of one pushed change; SQL may log larger ones.
inline constexpr std::size_t kMaxPayloadBytes = 1 << 20;

struct FieldChange {
  const char* field;
  std::string_view delta;
};

// A plain column's new value, as JSON.
struct ColumnChange {
  const char* column;
  std::string_view value;
};

struct Payload {
  Operation operation;
  int count = 0;
  FieldChange fields[kMaxFields];
  int column_count = 0;
  ColumnChange columns[kMaxIncluded];
};

// The encoding, a varlena in CurrentMemoryContext.
struct varlena* encode_payload(const Payload& payload);

// Reads an encoding; what it gives lives in CurrentMemoryContext. False:
// `failure` says why it is none. Field names are checked to be UTF-8 and to
// come once each, not against a collection; deltas not at all.
bool decode_payload(std::string_view bytes, Payload* payload, boundary::Failure* failure);

// As above, of a payload from the log: raises where that is damaged.
void decode_logged_payload(std::string_view bytes, Payload* payload);

// converge.change.hash: the first 16 bytes of SHA-256 over hlc (8 bytes, big
// endian) and the payload.
inline constexpr int kHashBytes = 16;
void hash_change(std::uint64_t hlc, std::string_view payload, unsigned char* hash);

}  // namespace converge
