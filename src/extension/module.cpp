// The library's entry: the magic block and _PG_init.
#include "extension/boundary.h"

#include "extension/module.h"

extern "C" {
#include "utils/guc.h"
}

extern "C" {

CONVERGE_MODULE_MAGIC("converge");

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  converge::boundary::watch_interrupts();
  converge_init_identity();
  converge_init_security();
  converge_init_documents();
  converge_init_document_stamps();
  converge_init_shmem();
  converge_init_worker();
  // Every setting is declared: any other of this name is a mistake.
  MarkGUCPrefixReserved("converge");
}
}
