// The log's tables as the decoder meets them: which relation is which, and
// where the columns are. Valid for the catalogs as of the transaction that is
// being decoded.
#pragma once

#include "postgres_headers.h"

namespace converge::output {

enum class LogTable { none, change, document, collection };

// Which of the log's tables a decoded relation is.
LogTable log_table_of(Relation relation);

// Oid of a table of the log as of the decoded transaction, or InvalidOid.
Oid log_table_oid(LogTable table);

// A number that changes when the log's tables become others (the extension was
// dropped and created again): nothing that was read from the old ones holds.
uint64 log_generation();

// One row of converge.change. The strings and the payload are in the current
// memory context or point into the tuple.
struct ChangeRow {
  char* tenant;
  uint64 document;
  uint64 replica;
  uint64 seq;
  uint64 hlc;
  char* principal;
  Datum payload;  // bytea, perhaps toasted
  bool refused;   // the payload is NULL: this number was refused
};

// Takes a decoded row of converge.change apart. False if the table does not
// have the columns this version of the plugin knows.
bool read_change_row(Relation relation, HeapTuple tuple, ChangeRow* row);

}  // namespace converge::output
