#include "extension/documents/subtransaction.h"

extern "C" {
#include "access/xact.h"
#include "commands/trigger.h"
#include "nodes/parsenodes.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
}

namespace converge {
namespace {

// Of settings, where none was changed.
constexpr int kNoLevel = 0;

// Whether a trigger chose this SQLSTATE itself: its class is none of PostgreSQL's.
bool is_applications_own(int sqlstate) {
  constexpr char kClasses[][3] = {"00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21",
                                  "22", "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B",
                                  "3D", "3F", "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0",
                                  "XX"};
  for (const auto& known : kClasses) {
    if (ERRCODE_TO_CATEGORY(sqlstate) == MAKE_SQLSTATE(known[0], known[1], '0', '0', '0')) return false;
  }
  return true;
}

void set_constraints(bool deferred) {
  ConstraintsSetStmt statement{};
  statement.type = T_ConstraintsSetStmt;
  statement.deferred = deferred;
  AfterTriggerSetState(&statement);
}

}  // namespace

bool concerns_everything(const ErrorData* error) {
  switch (error->sqlerrcode) {
    case ERRCODE_QUERY_CANCELED:
    case ERRCODE_ADMIN_SHUTDOWN:
    case ERRCODE_CRASH_SHUTDOWN:
    case ERRCODE_DATABASE_DROPPED:
    case ERRCODE_READ_ONLY_SQL_TRANSACTION:
      return true;
    default:
      break;
  }
  switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
    case ERRCODE_TRANSACTION_ROLLBACK:
    case ERRCODE_INSUFFICIENT_RESOURCES:
    case ERRCODE_SYSTEM_ERROR:
      return true;
    default:
      return false;
  }
}

ErrorData* in_subtransaction(void (*work)(void*), void* argument) {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  ErrorData* volatile error = nullptr;
  BeginInternalSubTransaction(nullptr);
  MemoryContext work_context = AllocSetContextCreate(context, "converge subtransaction", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(work_context);
  PG_TRY();
  {
    work(argument);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  MemoryContextDelete(work_context);
  CurrentResourceOwner = owner;
  if (error != nullptr && concerns_everything(error)) ReThrowError(error);
  return error;
}

int begin_lock_timeout(int milliseconds) {
  // To end a level looks at all settings of the server.
  if (milliseconds <= 0 || (LockTimeout > 0 && LockTimeout <= milliseconds)) return kNoLevel;
  const int level = NewGUCNestLevel();
  (void)set_config_option("lock_timeout", psprintf("%d", milliseconds), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                          true, ERROR, false);
  return level;
}

void end_lock_timeout(int level) {
  if (level != kNoLevel) AtEOXact_GUC(true, level);
}

void defer_constraints() { set_constraints(true); }

void fire_deferred_constraints() { set_constraints(false); }

bool is_edits_fault(const ErrorData* error) {
  switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
    case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
    case ERRCODE_DATA_EXCEPTION:
    case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
    case ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION:
    case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
    case ERRCODE_PLPGSQL_ERROR:
      return true;
    default:
      return error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE || is_applications_own(error->sqlerrcode);
  }
}

}  // namespace converge
