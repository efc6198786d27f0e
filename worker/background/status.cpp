// The SQL functions of status.sql.
#include "worker/background/postgres_headers.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "utils/acl.h"
#include "utils/pg_lsn.h"

PG_FUNCTION_INFO_V1(converge_worker_socket);
PG_FUNCTION_INFO_V1(converge_worker_status);
PG_FUNCTION_INFO_V1(converge_maintenance_status);
}

#include "extension/security/administration.h"
#include "worker/background/registry.h"
#include "worker/background/socket_path.h"

namespace converge::worker {
namespace {

const char* state_of(const Worker& worker, const char* creating) {
  switch (worker.phase) {
    case Phase::waiting:
      return "waiting";
    case Phase::starting:
      return "starting";
    case Phase::creating:
      return creating;
    case Phase::running:
      return "running";
  }
  return "unknown";
}

enum Column {
  state,
  pid,
  problem,
  slot,
  confirmed_lsn,
  bridges,
  watches,
  frames,
  bytes_forwarded,
  bridges_dropped,
  column_count
};

uint64 read(const pg_atomic_uint64& counter) { return pg_atomic_read_u64(const_cast<pg_atomic_uint64*>(&counter)); }

// What ails a worker may be what a trigger said of a row: for those whom every
// tenant's rows concern.
bool may_read_problem() { return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR) || is_owner(); }

// The columns that both kinds begin with.
void fill_worker(const Worker& worker, const char* creating, Datum* values, bool* nulls) {
  values[state] = CStringGetTextDatum(state_of(worker, creating));
  values[pid] = Int32GetDatum(static_cast<int32>(worker.pid));
  nulls[pid] = worker.pid == 0;
  nulls[problem] = worker.problem[0] == '\0';
  if (!nulls[problem]) {
    values[problem] = CStringGetTextDatum(may_read_problem() ? worker.problem : "see the server's log");
  }
}

void fill(const Entry& entry, Datum* values, bool* nulls) {
  fill_worker(entry.workers[kStream], "creating slot", values, nulls);
  nulls[slot] = entry.slot[0] == '\0';
  if (!nulls[slot]) values[slot] = DirectFunctionCall1(namein, CStringGetDatum(entry.slot));

  const XLogRecPtr confirmed = read(entry.confirmed_lsn);
  values[confirmed_lsn] = LSNGetDatum(confirmed);
  nulls[confirmed_lsn] = XLogRecPtrIsInvalid(confirmed);
  values[bridges] = Int32GetDatum(static_cast<int32>(read(entry.bridges)));
  values[watches] = Int64GetDatum(static_cast<int64>(read(entry.watches)));
  values[frames] = Int64GetDatum(static_cast<int64>(read(entry.frames)));
  values[bytes_forwarded] = Int64GetDatum(static_cast<int64>(read(entry.bytes_forwarded)));
  values[bridges_dropped] = Int64GetDatum(static_cast<int64>(read(entry.bridges_dropped)));
}

enum MaintenanceColumn {
  documents_waiting = problem + 1,
  changes_waiting,
  waiting_since,
  documents_folded,
  changes_folded,
  changes_quarantined,
  documents_compacted,
  changes_compacted,
  maintenance_column_count
};

void fill_maintenance(const Entry& entry, Datum* values, bool* nulls) {
  fill_worker(entry.workers[kMaintenance], "starting", values, nulls);
  values[documents_waiting] = Int64GetDatum(static_cast<int64>(read(entry.documents_waiting)));
  values[changes_waiting] = Int64GetDatum(static_cast<int64>(read(entry.changes_waiting)));
  const auto since = static_cast<TimestampTz>(read(entry.waiting_since));
  values[waiting_since] = TimestampTzGetDatum(since);
  nulls[waiting_since] = since == 0;
  values[documents_folded] = Int64GetDatum(static_cast<int64>(read(entry.documents_folded)));
  values[changes_folded] = Int64GetDatum(static_cast<int64>(read(entry.changes_folded)));
  values[changes_quarantined] = Int64GetDatum(static_cast<int64>(read(entry.changes_quarantined)));
  values[documents_compacted] = Int64GetDatum(static_cast<int64>(read(entry.documents_compacted)));
  values[changes_compacted] = Int64GetDatum(static_cast<int64>(read(entry.changes_compacted)));
}

using Fill = void (*)(const Entry&, Datum*, bool*);

// A row of so many columns about this database's entry, or about there being none.
Datum status(FunctionCallInfo fcinfo, int columns, Fill fill_row) {
  TupleDesc descriptor;
  constexpr int kMostColumns = Max(static_cast<int>(column_count), static_cast<int>(maintenance_column_count));
  Datum values[kMostColumns] = {};
  bool nulls[kMostColumns] = {};
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE || descriptor->natts != columns)
    elog(ERROR, "a status function of converge is declared with other columns");

  // Not the notes, which are large.
  constexpr Size kCopied = offsetof(Entry, notes);
  auto* copy = static_cast<Entry*>(palloc0(sizeof(Entry)));
  if (registry != nullptr) {
    LWLockAcquire(registry->lock, LW_SHARED);
    const Entry* entry = find_entry(MyDatabaseId);
    if (entry != nullptr) memcpy(static_cast<void*>(copy), entry, kCopied);
    LWLockRelease(registry->lock);
  }
  if (OidIsValid(copy->database))
    fill_row(*copy, values, nulls);
  else {
    memset(nulls, true, sizeof(nulls));
    nulls[state] = false;
    values[state] = CStringGetTextDatum("absent");
    if (registry == nullptr) {
      nulls[problem] = false;
      values[problem] = CStringGetTextDatum("converge is not in shared_preload_libraries");
    }
  }
  return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // namespace
}  // namespace converge::worker

Datum converge_worker_socket(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_TEXT_P(cstring_to_text(converge::worker::socket_path(MyDatabaseId)));
}

Datum converge_worker_status(PG_FUNCTION_ARGS) {
  using namespace converge::worker;

  PG_RETURN_DATUM(status(fcinfo, column_count, fill));
}

Datum converge_maintenance_status(PG_FUNCTION_ARGS) {
  using namespace converge::worker;

  PG_RETURN_DATUM(status(fcinfo, maintenance_column_count, fill_maintenance));
}
