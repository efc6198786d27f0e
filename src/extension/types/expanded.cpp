#include "extension/types/expanded.h"

extern "C" {
#include "utils/memutils.h"
}

#include <cstring>

namespace converge {

std::uint64_t converge_states_expanded = 0;
std::uint64_t converge_states_flattened = 0;

namespace {

ExpandedState* of_header(ExpandedObjectHeader* header) {
  return reinterpret_cast<ExpandedState*>(header);
}

Size flat_size(ExpandedObjectHeader* header) {
  LiveState* live = of_header(header)->live;
  return boundary::call([&]() -> Result<Size> {
    const std::string& bytes = live->encoded();
    if (bytes.size() > MaxAllocSize - VARHDRSZ)
      throw std::length_error("A value holds at most 1 GB.");
    return VARHDRSZ + bytes.size();
  });
}

// PostgreSQL asked for the size just before.
void flatten_into(ExpandedObjectHeader* header, void* result, Size allocated_size) {
  const std::string& bytes = of_header(header)->live->encoded();
  Assert(allocated_size == VARHDRSZ + bytes.size());
  SET_VARSIZE(result, allocated_size);
  std::memcpy(VARDATA(result), bytes.data(), bytes.size());
}

const ExpandedObjectMethods methods = {flat_size, flatten_into};

}  // namespace

const std::string& LiveState::encoded() {
  if (encoded_.empty()) {
    encoded_ = encode();
    ++converge_states_flattened;
  }
  return encoded_;
}

ExpandedState* expanded_state(FieldType type, Datum value) {
  if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value))) return nullptr;
  ExpandedObjectHeader* header = DatumGetEOHP(value);
  // A cast to bytea keeps the value as it is, so it may be another's.
  if (header->eoh_methods != &methods || of_header(header)->type != type) return nullptr;
  return of_header(header);
}

MemoryContext result_context(FunctionCallInfo fcinfo) {
  MemoryContext context;
  return AggCheckCallContext(fcinfo, &context) != 0 ? context : CurrentMemoryContext;
}

ExpandedState* new_expanded_state(FieldType type, MemoryContext parent) {
  MemoryContext context =
      AllocSetContextCreate(parent, "converge expanded state", ALLOCSET_START_SMALL_SIZES);
  auto* made = static_cast<ExpandedState*>(MemoryContextAllocZero(context, sizeof(ExpandedState)));
  EOH_init_header(&made->header, &methods, context);
  made->type = type;
  made->on_reset.func = [](void* arg) {
    auto* expanded = static_cast<ExpandedState*>(arg);
    delete expanded->live;
    expanded->live = nullptr;
  };
  made->on_reset.arg = made;
  MemoryContextRegisterResetCallback(context, &made->on_reset);
  return made;
}

StateArgument state_argument(FieldType type, Datum value) {
  if (ExpandedState* given = expanded_state(type, value)) return {given->live, {}};
  return {nullptr, boundary::view(PG_DETOAST_DATUM_PACKED(value))};
}

}  // namespace converge
