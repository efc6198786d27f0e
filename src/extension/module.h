// The parts of the library that set something up when it is loaded. Each is
// defined in its own part; module.cpp calls them from _PG_init.
#pragma once

#include <cstdint>

// The identity settings converge.tenant and converge.principal (security/).
void converge_init_identity();

// The settings of security/.
void converge_init_security();

// The settings of documents/.
void converge_init_documents();

// Shared memory, hooks and the static launcher of the background worker
// (worker/background/). Looks itself whether shared_preload_libraries is being
// processed.
void converge_init_worker();

// Whether the library is in shared_preload_libraries, so that there are workers.
bool converge_is_preloaded();

// Shared memory for the stamps of documents (documents/document_stamp.h).
void converge_init_document_stamps();

// Shared memory for the secret of subscription tickets (security/ticket.h).
void converge_init_shmem();

// A change was added to the log: the stream is to be woken when the transaction
// commits (worker/background/).
void converge_note_logged_change();

// Changes were logged that are to be folded: the maintenance worker is told when
// the transaction commits (worker/background/).
void converge_note_unfolded(const char* tenant, std::int64_t document, int changes);

// Begins the server's new epoch where it was restored or promoted (documents/),
// in a transaction that may write, in a database with the extension. A database
// without an epoch gets none: the first that writes brings it, or a dump does.
void converge_begin_epoch();
