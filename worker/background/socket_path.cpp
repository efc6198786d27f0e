#include "worker/background/socket_path.h"

extern "C" {
#include "nodes/pg_list.h"
#include "postmaster/postmaster.h"
#include "utils/varlena.h"
}

namespace converge::worker {

char* socket_path(Oid database) {
  List* directories = NIL;

  if (!SplitDirectoriesString(pstrdup(Unix_socket_directories), ',', &directories) ||
      directories == NIL)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the stream worker has no directory for its socket"),
                    errhint("Set unix_socket_directories and restart the server.")));

  const auto* directory = static_cast<const char*>(linitial(directories));
  if (directory[0] == '@')
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("the stream worker cannot listen in the abstract namespace"),
             errdetail("unix_socket_directories starts with \"%s\".", directory),
             errhint("Put a directory of the file system first in unix_socket_directories.")));
  // The server's own working directory is its data directory.
  if (directory[0] != '/') directory = psprintf("%s/%s", DataDir, directory);
  return psprintf("%s/.s.converge.%d.%u", directory, PostPortNumber, database);
}

}  // namespace converge::worker
