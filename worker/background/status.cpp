// The SQL functions of status.sql.
#include "worker/background/postgres_headers.h"

extern "C" {
#include "access/htup_details.h"
#include "utils/pg_lsn.h"

PG_FUNCTION_INFO_V1(converge_worker_socket);
PG_FUNCTION_INFO_V1(converge_worker_status);
}

#include "worker/background/registry.h"
#include "worker/background/socket_path.h"

namespace converge::worker {
namespace {

const char* state_of(const Entry& entry) {
  switch (entry.phase) {
    case Phase::waiting:
      return "waiting";
    case Phase::starting:
      return "starting";
    case Phase::creating:
      return "creating slot";
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

void fill(const Entry& entry, Datum* values, bool* nulls) {
  values[state] = CStringGetTextDatum(state_of(entry));
  values[pid] = Int32GetDatum(static_cast<int32>(entry.pid));
  nulls[pid] = entry.pid == 0;
  nulls[problem] = entry.problem[0] == '\0';
  if (!nulls[problem]) values[problem] = CStringGetTextDatum(entry.problem);
  nulls[slot] = entry.slot[0] == '\0';
  if (!nulls[slot]) values[slot] = DirectFunctionCall1(namein, CStringGetDatum(entry.slot));

  auto read = [](const pg_atomic_uint64& counter) {
    return pg_atomic_read_u64(const_cast<pg_atomic_uint64*>(&counter));
  };
  const XLogRecPtr confirmed = read(entry.confirmed_lsn);
  values[confirmed_lsn] = LSNGetDatum(confirmed);
  nulls[confirmed_lsn] = XLogRecPtrIsInvalid(confirmed);
  values[bridges] = Int32GetDatum(static_cast<int32>(read(entry.bridges)));
  values[watches] = Int64GetDatum(static_cast<int64>(read(entry.watches)));
  values[frames] = Int64GetDatum(static_cast<int64>(read(entry.frames)));
  values[bytes_forwarded] = Int64GetDatum(static_cast<int64>(read(entry.bytes_forwarded)));
  values[bridges_dropped] = Int64GetDatum(static_cast<int64>(read(entry.bridges_dropped)));
}

}  // namespace
}  // namespace converge::worker

Datum converge_worker_socket(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_TEXT_P(cstring_to_text(converge::worker::socket_path(MyDatabaseId)));
}

Datum converge_worker_status(PG_FUNCTION_ARGS) {
  using namespace converge::worker;

  TupleDesc descriptor;
  Datum values[column_count] = {};
  bool nulls[column_count] = {};
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE ||
      descriptor->natts != column_count)
    elog(ERROR, "converge.worker_status() is declared with other columns");

  Entry copy = {};
  if (registry != nullptr) {
    LWLockAcquire(registry->lock, LW_SHARED);
    const Entry* entry = find_entry(MyDatabaseId);
    if (entry != nullptr) copy = *entry;
    LWLockRelease(registry->lock);
  }
  if (OidIsValid(copy.database))
    fill(copy, values, nulls);
  else {
    memset(nulls, true, sizeof(nulls));
    nulls[state] = false;
    values[state] = CStringGetTextDatum("absent");
    if (registry == nullptr) {
      nulls[problem] = false;
      values[problem] = CStringGetTextDatum("converge is not in shared_preload_libraries");
    }
  }
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
