#include "worker/background/slot.h"

namespace converge::worker {
namespace {

constexpr const char* kPlugin = "converge_output";

void slot_prefix(char prefix[NAMEDATALEN]) {
  snprintf(prefix, NAMEDATALEN, "converge_%u_", MyDatabaseId);
}

// Nothing is decoded into output while a slot is being created.
void write_nothing(LogicalDecodingContext*, XLogRecPtr, TransactionId, bool) {}

void create_slot(const char* name, XLogReaderRoutine* routine) {
  CREATE_LOGICAL_SLOT(name);
  LogicalDecodingContext* context = CreateInitDecodingContext(
      kPlugin, NIL, false, InvalidXLogRecPtr, routine, write_nothing, write_nothing, nullptr);
  DecodingContextFindStartpoint(context);
  FreeDecodingContext(context);
  ReplicationSlotPersist();
  ReplicationSlotRelease();
}

}  // namespace

void slot_name(Oid extension, char name[NAMEDATALEN]) {
  snprintf(name, NAMEDATALEN, "converge_%u_%u", MyDatabaseId, extension);
}

void drop_stale_slots(const char* keep) {
  char prefix[NAMEDATALEN];
  char(*stale)[NAMEDATALEN] =
      static_cast<char(*)[NAMEDATALEN]>(palloc(sizeof(*stale) * max_replication_slots));
  int count = 0;

  slot_prefix(prefix);
  LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
  for (int i = 0; i < max_replication_slots; i++) {
    const ReplicationSlot* slot = &ReplicationSlotCtl->replication_slots[i];
    const char* name = NameStr(slot->data.name);

    if (slot->in_use && slot->data.database == MyDatabaseId &&
        strncmp(name, prefix, strlen(prefix)) == 0 && (keep == nullptr || strcmp(name, keep) != 0))
      strlcpy(stale[count++], name, NAMEDATALEN);
  }
  LWLockRelease(ReplicationSlotControlLock);

  for (int i = 0; i < count; i++) {
    ReplicationSlotDrop(stale[i], true);
    ereport(LOG, (errmsg("dropped replication slot \"%s\"", stale[i]),
                  errdetail("Its extension \"converge\" is gone.")));
  }
  pfree(stale);
}

bool acquire_slot(const char* name, bool fails, XLogReaderRoutine* routine) {
  if (SearchNamedReplicationSlot(name, true) != nullptr) {
    ACQUIRE_SLOT(name);
    if (SLOT_IS_INVALID(MyReplicationSlot)) {
      ReplicationSlotRelease();
      ReplicationSlotDrop(name, true);
      ereport(LOG, (errmsg("replication slot \"%s\" is made anew", name),
                    errdetail("The server has removed WAL that it needed."),
                    errhint("Consider a larger max_slot_wal_keep_size.")));
    } else if (strcmp(NameStr(MyReplicationSlot->data.plugin), kPlugin) != 0) {
      ereport(ERROR,
              (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
               errmsg("replication slot \"%s\" is not the stream worker's", name),
               errdetail("Its output plugin is \"%s\".", NameStr(MyReplicationSlot->data.plugin)),
               errhint("Drop the slot.")));
    } else if (fails) {
      ReplicationSlotRelease();
      ReplicationSlotDrop(name, true);
      ereport(LOG, (errmsg("replication slot \"%s\" is made anew", name),
                    errdetail("Decoding from it raised an error, and would again.")));
    } else {
      return false;
    }
  }
  create_slot(name, routine);
  ACQUIRE_SLOT(name);
  return true;
}

void confirm_slot(XLogRecPtr lsn) {
  // Reading starts at restart_lsn, before what is confirmed.
  if (lsn > MyReplicationSlot->data.confirmed_flush) LogicalConfirmReceivedLocation(lsn);
}

void release_slot() {
  ReplicationSlotMarkDirty();
  ReplicationSlotSave();
  ReplicationSlotRelease();
}

}  // namespace converge::worker
