// Where a database's stream worker listens.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

// <first of unix_socket_directories>/.s.converge.<port>.<database's oid>, in the
// current memory context. Raises if the server has no such directory.
char* socket_path(Oid database);

}  // namespace converge::worker
