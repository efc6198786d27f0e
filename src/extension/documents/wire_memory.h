// Memory for protobuf-c: a budget, so that a small request cannot unfold into a
// large structure, taken from a memory context of PostgreSQL, so that an error
// anywhere frees it.
#pragma once

#include "extension/compat.h"

#include <cstddef>

#include <protobuf-c/protobuf-c.h>

namespace converge {

struct WireMemory {
  ProtobufCAllocator allocator;
  MemoryContext context;
  std::size_t left;  // bytes of the budget
  bool exhausted;    // an allocation was refused: the budget, or no memory

  WireMemory(MemoryContext context, std::size_t budget);
  WireMemory(const WireMemory&) = delete;
};

// Zeroed room for `count` elements of `size` bytes in CurrentMemoryContext.
void* palloc0_array_of(std::size_t size, std::size_t count);

// The packed message, a varlena in CurrentMemoryContext.
struct varlena* pack_message(const ProtobufCMessage* message);

}  // namespace converge
