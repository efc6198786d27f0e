#include "extension/compat.h"

#include "extension/documents/settings.h"

#include <climits>

#include "extension/module.h"

extern "C" {
#include "utils/guc.h"
}

namespace converge {

int push_lock_timeout = 200;
int fold_quiet = 2000;
int fold_latest = 30000;
int fold_changes = 500;
int compact_keep = 30 * 24 * 60;
int compact_changes = 1000;
int compact_naptime = 600;
int temporary_key_lifetime = 30 * 24 * 60;

}  // namespace converge

void converge_init_documents() {
  DefineCustomIntVariable("converge.push_lock_timeout",
                          "How long push() waits for the lock of a document's row.",
                          "Then the verdict is that the document is not available now, so that one "
                          "open transaction does not hold up everybody else's changes. 0: no limit.",
                          &converge::push_lock_timeout, 200, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr,
                          nullptr);

  DefineCustomIntVariable("converge.fold_quiet",
                          "After how much time without changes a document is folded.",
                          "What clients push to deferred fields is only logged, and folded into the row later.",
                          &converge::fold_quiet, 2000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("converge.fold_latest",
                          "How long the first change that waits to be folded waits at most.", nullptr,
                          &converge::fold_latest, 30000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr,
                          nullptr);
  DefineCustomIntVariable("converge.fold_changes",
                          "How many changes of a document wait to be folded at most.", nullptr,
                          &converge::fold_changes, 500, 1, INT_MAX, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);

  DefineCustomIntVariable("converge.compact_keep",
                          "For how long changes stay in the log before the maintenance worker compacts it.",
                          "What happened within that time can be told; older changes are kept as a state. A collection may "
                          "have an interval of its own. -1: no log is compacted but those of such collections.",
                          &converge::compact_keep, 30 * 24 * 60, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN, nullptr, nullptr,
                          nullptr);
  DefineCustomIntVariable("converge.compact_changes",
                          "How many changes of a document must be old enough before its log is compacted.", nullptr,
                          &converge::compact_changes, 1000, 1, INT_MAX, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("converge.compact_naptime",
                          "How long the maintenance worker rests after it has looked for documents to compact.", nullptr,
                          &converge::compact_naptime, 600, 1, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr,
                          nullptr);

  DefineCustomIntVariable("converge.temporary_key_lifetime",
                          "For how long a temporary key means the document that was made under it.",
                          "A client that sends the making of a document again after that makes another one.",
                          &converge::temporary_key_lifetime, 30 * 24 * 60, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN, nullptr,
                          nullptr, nullptr);
}
