// Statements that the stream workers make room for, or have to hear of.
#pragma once

namespace converge::worker {

// Installs the hooks for statements that need a database to themselves (DROP
// DATABASE and its like: PostgreSQL refuses them while the worker is there), for
// CREATE DATABASE, COMMIT PREPARED, and for extensions that come and go. While
// shared_preload_libraries is processed.
void install_statement_hooks();

}  // namespace converge::worker
