#include "worker/background/postgres_headers.h"

#include "worker/background/settings.h"

namespace converge::worker {

int max_bridges = 16;
int max_watches = 100000;
int slow_bridge_timeout = 500;
int watch_timeout = 60000;

void define_settings() {
  DefineCustomIntVariable(
      "converge.max_bridges",
      "Sets the maximum number of bridges attached to a database's stream worker.", nullptr,
      &max_bridges, 16, 1, kMaxBridges, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "converge.max_watches", "Sets the maximum number of documents that one bridge may watch.",
      "A watched document takes about 50 bytes in the stream worker.", &max_watches, 100000, 1,
      10000000, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "converge.slow_bridge_timeout",
      "Sets how long the other bridges wait for one that does not read.",
      "A bridge whose queue is full and that reads nothing is dropped after this time, and one that "
      "takes twice as long for a queue's worth of bytes.",
      &slow_bridge_timeout, 500, 10, 3600000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "converge.watch_timeout",
      "Sets how long a document is forwarded to a bridge that does not show again that a client may read it.",
      "Takes effect when the stream worker starts.", &watch_timeout, 60000, 1000, 3600000, PGC_SIGHUP,
      GUC_UNIT_MS, nullptr, nullptr, nullptr);
}

}  // namespace converge::worker
