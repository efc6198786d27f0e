#include "extension/documents/wire_memory.h"

#include <algorithm>

extern "C" {
#include "storage/shmem.h"
#include "utils/memutils.h"
}

namespace converge {
namespace {

// What a chunk of an AllocSet costs beside its contents.
constexpr std::size_t kChunkOverhead = 16;

void* allocate(void* data, std::size_t size) {
  auto* memory = static_cast<WireMemory*>(data);
  if (size + kChunkOverhead > memory->left) {
    memory->exhausted = true;
    return nullptr;
  }
  void* made = MemoryContextAllocExtended(memory->context, size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
  if (made == nullptr) {
    memory->exhausted = true;
    return nullptr;
  }
  memory->left -= size + kChunkOverhead;
  return made;
}

void release(void*, void* pointer) {
  if (pointer != nullptr) pfree(pointer);
}

}  // namespace

WireMemory::WireMemory(MemoryContext from, std::size_t budget)
    : allocator{allocate, release, this}, context(from), left(budget), exhausted(false) {}

void* palloc0_array_of(std::size_t size, std::size_t count) {
  return MemoryContextAllocExtended(CurrentMemoryContext, mul_size(size, std::max<std::size_t>(count, 1)),
                                    MCXT_ALLOC_ZERO | MCXT_ALLOC_HUGE);
}

struct varlena* pack_message(const ProtobufCMessage* message) {
  const std::size_t size = protobuf_c_message_get_packed_size(message);
  if (size > MaxAllocSize - VARHDRSZ) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("message is too large"),
                    errdetail("It has %zu bytes; the limit is %zu.", size,
                              static_cast<std::size_t>(MaxAllocSize - VARHDRSZ))));
  }
  auto* packed = static_cast<struct varlena*>(palloc(VARHDRSZ + size));
  SET_VARSIZE(packed, VARHDRSZ + size);
  protobuf_c_message_pack(message, reinterpret_cast<uint8_t*>(VARDATA(packed)));
  return packed;
}

}  // namespace converge
