#include "extension/types/merge_agg.h"

extern "C" {
#include "utils/memutils.h"
}

namespace converge {

GatheringHandle* new_gathering(FunctionCallInfo fcinfo, void (*destroy)(void*)) {
  MemoryContext context;
  if (AggCheckCallContext(fcinfo, &context) == 0)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("function can be called only as part of an aggregate")));
  auto* handle =
      static_cast<GatheringHandle*>(MemoryContextAllocZero(context, sizeof(GatheringHandle)));
  handle->destroy = destroy;
  handle->on_reset.func = [](void* arg) {
    auto* gathering = static_cast<GatheringHandle*>(arg);
    if (gathering->object != nullptr) gathering->destroy(gathering->object);
    gathering->object = nullptr;
  };
  handle->on_reset.arg = handle;
  MemoryContextRegisterResetCallback(context, &handle->on_reset);
  return handle;
}

}  // namespace converge
