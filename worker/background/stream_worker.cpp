// The stream worker: decodes one database's changes as they are flushed and
// forwards them to the bridges attached to it. README.md tells how.
#include "worker/background/postgres_headers.h"

#include <utility>

extern "C" {
#include "storage/sinval.h"

PGDLLEXPORT void converge_stream_worker_main(Datum argument);
}

#include "extension/module.h"
#include "worker/background/bridge_server.h"
#include "worker/background/lifecycle.h"
#include "worker/background/slot.h"
#include "worker/background/socket_path.h"
#include "worker/background/wal_source.h"

namespace converge::worker {
namespace {

// How often the slot is confirmed, what is forwarded while WAL keeps coming is
// sent, and statistics are reported.
constexpr int kConfirmMilliseconds = 1000;
constexpr int kPollMilliseconds = 2;
constexpr int kStatisticsMilliseconds = 10000;

// The process's only worker.
struct StreamWorker {
  Oid extension = InvalidOid;
  MemoryContext context = nullptr;  // for the process's life
  BridgeServer server;
  WaitEventSet* events = nullptr;  // latch, postmaster and the server's sockets
  bool streaming = false;          // as opposed to starting
  volatile sig_atomic_t decoding = false;  // a record
  XLogRecPtr processed = InvalidXLogRecPtr;
  TimestampTz confirmed_at = 0;
  TimestampTz polled_at = 0;
  TimestampTz reported_at = 0;
};

StreamWorker worker;

// ------------------------------------------------------------- the registry

void forget_bridges(int, Datum) {
  pg_atomic_write_u64(&place.entry->bridges, 0);
  pg_atomic_write_u64(&place.entry->watches, 0);
}

void begin_counting() {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  place.entry->slot[0] = '\0';
  LWLockRelease(registry->lock);
  pg_atomic_write_u64(&place.entry->frames, 0);
  pg_atomic_write_u64(&place.entry->bytes_forwarded, 0);
  pg_atomic_write_u64(&place.entry->bridges_dropped, 0);
  on_shmem_exit(forget_bridges, 0);
}

void show_progress() {
  Entry* entry = place.entry;

  pg_atomic_write_u64(&entry->confirmed_lsn, MyReplicationSlot->data.confirmed_flush);
  pg_atomic_write_u64(&entry->bridges, static_cast<uint64>(worker.server.bridge_count()));
  pg_atomic_write_u64(&entry->watches, static_cast<uint64>(worker.server.watch_count()));
  pg_atomic_write_u64(&entry->frames, worker.server.frames());
  pg_atomic_write_u64(&entry->bytes_forwarded, worker.server.bytes_forwarded());
  pg_atomic_write_u64(&entry->bridges_dropped, worker.server.bridges_dropped());
}

// ------------------------------------------------------------ while it waits

// On a server that was restored or promoted, before anybody asks for it in a
// transaction that may not write.
void begin_epoch() {
  StartTransactionCommand();
  XactReadOnly = false;
  converge_begin_epoch();
  CommitTransactionCommand();
  MemoryContextSwitchTo(worker.context);
}

// Whether the extension is still the one that this worker serves.
bool still_serving() {
  if (!take_recheck()) return true;
  const bool same = converge_extension() == worker.extension;
  MemoryContextSwitchTo(worker.context);
  return same;
}

bool is_due(TimestampTz* last, int milliseconds, TimestampTz now) {
  if (!TimestampDifferenceExceeds(*last, now, milliseconds)) return false;
  *last = now;
  return true;
}

// What has been decoded is forwarded, or is a dropped bridge's to catch up with:
// nothing of it is needed again, once snapshots see it.
void confirm() { confirm_slot(worker.server.confirmable(worker.processed)); }

// What others ask of any process. Between records, where there is no transaction.
void heed_others() {
  CHECK_FOR_INTERRUPTS();
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
  }
  if (catchupInterruptPending) ProcessCatchupInterrupt();
  MemoryContextSwitchTo(worker.context);
}

bool wait_for_wal() {
  heed_others();
  if (!worker.streaming) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100,
                    PG_WAIT_EXTENSION);
    return true;
  }

  if (ShutdownRequestPending || !still_serving()) return false;
  worker.server.service();

  const TimestampTz now = GetCurrentTimestamp();
  worker.polled_at = now;
  if (is_due(&worker.confirmed_at, kConfirmMilliseconds, now)) confirm();
  if (is_due(&worker.reported_at, kStatisticsMilliseconds, now)) pgstat_report_stat(true);
  show_progress();

  WaitEvent occurred[3];
  (void)WaitEventSetWait(worker.events, worker.server.patience(), occurred, lengthof(occurred),
                         PG_WAIT_EXTENSION);
  return true;
}

// Keeps bridges served, the slot moving and others heard while there is always more
// WAL: of this database or of others, of which the plugin hears nothing.
bool poll() {
  if (!worker.streaming) return true;
  if (ShutdownRequestPending) return false;

  const TimestampTz now = GetCurrentTimestamp();
  if (!is_due(&worker.polled_at, kPollMilliseconds, now)) return true;
  heed_others();
  if (!still_serving()) return false;
  worker.server.service();
  if (is_due(&worker.confirmed_at, kConfirmMilliseconds, now)) {
    confirm();
    show_progress();
  }
  return true;
}

// ------------------------------------------------------------------ decoding

void prepare_write(LogicalDecodingContext* context, XLogRecPtr, TransactionId, bool) {
  resetStringInfo(context->out);
}

// Whether the record that is being decoded is the last that is flushed: the worker
// sleeps next.
bool is_caught_up(const LogicalDecodingContext* context) {
  return GetFlushRecPtr(nullptr) <= context->reader->EndRecPtr;
}

void write(LogicalDecodingContext* context, XLogRecPtr, TransactionId transaction, bool) {
  CHECK_FOR_INTERRUPTS();
  worker.server.forward(context->out->data, context->out->len, transaction, worker.processed);
  // Not after the reorder buffer's clean-up: nothing else would go along.
  if (is_caught_up(context)) worker.server.flush();
  if (is_due(&worker.polled_at, kPollMilliseconds, GetCurrentTimestamp())) worker.server.service();
}

// Called by the output plugin every now and then, also when it has no output.
void note_progress(LogicalDecodingContext*, XLogRecPtr, TransactionId, bool) {
  CHECK_FOR_INTERRUPTS();
  if (is_due(&worker.polled_at, kPollMilliseconds, GetCurrentTimestamp())) worker.server.service();
}

void check_settings() {
  if (wal_level < WAL_LEVEL_LOGICAL)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the stream worker needs wal_level \"logical\""),
                    errhint("Set wal_level to \"logical\" and restart the server.")));
  if (max_replication_slots == 0)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the stream worker needs a replication slot"),
                    errhint("Increase max_replication_slots and restart the server.")));
}

// SIGTERM while it streams: the slot is written before the end. But the record at hand may
// be the commit of a transaction that takes minutes, and the plugin, which might notice, is
// not called for all that it did: a table that was rewritten, say. So that one is left in
// the middle, where the decoder looks for interrupts: it is decoded again.
void stop(int number) {
  place.outcome = Outcome::stopped;
  SignalHandlerForShutdownRequest(number);
  if (worker.decoding) die(number);
}

// Decodes until it is asked to stop.
void decode(LogicalDecodingContext* context) {
  while (!ShutdownRequestPending) {
    char* error = nullptr;
    const XLogRecord* record = XLogReadRecord(context->reader, &error);

    if (error != nullptr)
      ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("could not read WAL: %s", error)));
    if (record == nullptr) return;
    worker.decoding = true;
    LogicalDecodingProcessRecord(context, context->reader);
    worker.decoding = false;
    worker.processed = context->reader->EndRecPtr;
    MemoryContextSwitchTo(worker.context);
    // One that was over before anybody looked.
    if (ShutdownRequestPending) ProcDiePending = false;
    CHECK_FOR_INTERRUPTS();
  }
}

// As decode(). Whoever decodes the same WAL again would meet the same error, so the
// next worker is to make a new slot. PostgreSQL itself can be the reason: while a slot is
// created, the catalog changes of a transaction that made them before the snapshot was
// full, and committed after, are not seen by decoding of what began then and used them.
void stream(LogicalDecodingContext* context) {
  PG_TRY();
  { decode(context); }
  PG_CATCH();
  {
    LWLockReleaseAll();  // whatever was held when it was raised; this process ends
    LWLockAcquire(registry->lock, LW_EXCLUSIVE);
    place.entry->slot_fails = true;
    LWLockRelease(registry->lock);
    PG_RE_THROW();
  }
  PG_END_TRY();
}

void make_event_set() {
  worker.events = CREATE_WAIT_EVENT_SET(worker.context, 3);
  AddWaitEventToSet(worker.events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(worker.events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  AddWaitEventToSet(worker.events, WL_SOCKET_READABLE, worker.server.event_descriptor(), nullptr,
                    nullptr);
}

void run() {
  char slot[NAMEDATALEN];

  worker.extension = converge_extension();
  if (!OidIsValid(worker.extension)) {
    drop_stale_slots(nullptr);
    place.outcome = Outcome::finished;
    return;
  }
  // The other worker may come.
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  place.entry->served = true;
  LWLockRelease(registry->lock);
  wake_launcher();

  check_settings();
  begin_epoch();
  slot_name(worker.extension, slot);
  drop_stale_slots(slot);
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  strlcpy(place.entry->slot, slot, NAMEDATALEN);
  const bool fails = std::exchange(place.entry->slot_fails, false);
  LWLockRelease(registry->lock);

  XLogReaderRoutine* routine = wal_source({wait_for_wal, poll});
  acquire_slot(slot, fails, routine);
  List* options = list_make1(makeDefElem(pstrdup("access"), reinterpret_cast<Node*>(makeString(pstrdup("on"))), -1));
  LogicalDecodingContext* context = CreateDecodingContext(InvalidXLogRecPtr, options, false, routine,
                                                          prepare_write, write, note_progress);
  XLogBeginRead(context->reader, MyReplicationSlot->data.restart_lsn);

  worker.server.open(worker.context, socket_path(MyDatabaseId));
  make_event_set();
  set_problem("");
  set_phase(Phase::running);
  // From here on a request to stop lets the slot be written first.
  pqsignal(SIGTERM, stop);
  worker.streaming = true;
  ereport(LOG, (errmsg("stream worker decodes slot \"%s\"", slot)));

  stream(context);

  worker.server.flush();
  confirm();
  FreeDecodingContext(context);
  release_slot();
  place.outcome = Outcome::stopped;
}

}  // namespace
}  // namespace converge::worker

void converge_stream_worker_main(Datum argument) {
  using namespace converge::worker;

  const Oid database = DatumGetObjectId(argument);
  pqsignal(SIGINT, SIG_IGN);  // there is no statement to cancel
  run_worker(database, kStream, "converge stream worker", &worker.context, begin_counting, run);
}
