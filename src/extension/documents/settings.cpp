#include "extension/compat.h"

#include "extension/documents/settings.h"

#include <climits>

#include "extension/module.h"

extern "C" {
#include "utils/guc.h"
}

namespace converge {

int push_lock_timeout = 200;

}  // namespace converge

void converge_init_documents() {
  DefineCustomIntVariable("converge.push_lock_timeout",
                          "How long push() waits for the lock of a document's row.",
                          "Then the verdict is that the document is not available now, so that one "
                          "open transaction does not hold up everybody else's changes. 0: no limit.",
                          &converge::push_lock_timeout, 200, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr,
                          nullptr);
}
