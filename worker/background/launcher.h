// The launcher: the one static background worker. It starts a stream worker for
// each database that may have the extension, and again when one has ended.
#pragma once

namespace converge::worker {

// While shared_preload_libraries is processed.
void register_launcher();

}  // namespace converge::worker
