#include "worker/background/postgres_headers.h"

#include "worker/background/settings.h"

namespace converge::worker {

int max_bridges = 16;
int max_watches = 100000;

void define_settings() {
  DefineCustomIntVariable(
      "converge.max_bridges",
      "Sets the maximum number of bridges attached to a database's stream worker.", nullptr,
      &max_bridges, 16, 1, kMaxBridges, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "converge.max_watches", "Sets the maximum number of documents that one bridge may watch.",
      "A watched document takes about 50 bytes in the stream worker.", &max_watches, 100000, 1,
      10000000, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

}  // namespace converge::worker
