#include "extension/security/policy_state.h"

#include <cstring>

#include "extension/documents/owned_table.h"
#include "extension/documents/wire_memory.h"
#include "extension/module.h"
#include "extension/security/snapshot_mark.h"
#include "proto/converge.pb-c.h"

extern "C" {
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "replication/message.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace converge {
namespace {

// converge.policy_state's columns.
enum : AttrNumber { kTenant = 1, kState, kColumns = kState };

// The prefix of logical messages that tell the stream of changed access.
constexpr const char* kMessagePrefix = "converge.access";

// The lock that stands for every tenant's state.
constexpr const char* kEveryTenant = "";

// Who changes more tenants in one transaction, a restore say, takes the lock of all
// of them instead: the server's table of locks has an end.
constexpr int kMaxLocks = 64;

// What the open transaction has changed. Forgotten with any subtransaction that
// fails: what is told or counted twice does no harm.
struct OwnChanges {
  int count;
  int locks;                               // that it took
  char tenant[kMaxTenantBytes + 1];        // whose state it has changed last
  bool has_state;
  char told_tenant[kMaxTenantBytes + 1];   // what it has told the stream last
  char told_principal[kMaxPrincipalBytes + 1];
  std::int64_t told_document;
  bool has_told;
};
OwnChanges own{};

bool only_asked = false;

void forget_at_end(XactEvent event, void*) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) own = OwnChanges{};
}

void forget_at_abort(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event != SUBXACT_EVENT_ABORT_SUB || own.count == 0) return;
  own.count++;  // what was decided meanwhile does not hold
  own.has_state = false;
  own.has_told = false;
}

void watch_transactions() {
  static bool watching = false;
  if (watching) return;
  RegisterXactCallback(forget_at_end, nullptr);
  RegisterSubXactCallback(forget_at_abort, nullptr);
  watching = true;
}

// `table`: converge.policy_state.
void lock_state(Oid table, const char* tenant, LOCKMODE mode) {
  LOCKTAG tag;
  const uint64 hash =
      hash_bytes_extended(reinterpret_cast<const unsigned char*>(tenant), static_cast<int>(std::strlen(tenant)), 0);
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, table, static_cast<uint32>(hash),
                     static_cast<uint16>(hash >> 32));
  (void)LockAcquire(&tag, mode, false, false);
}

HeapTuple find_state(Relation table, const char* tenant, Snapshot snapshot) {
  ScanKeyData key;
  ScanKeyInit(&key, kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  return find_owned(table, owned_oid("policy_state_pkey"), 1, &key, snapshot);
}

std::int64_t state_in(Relation table, const char* tenant, Snapshot snapshot) {
  HeapTuple row = find_state(table, tenant, snapshot);
  if (!HeapTupleIsValid(row)) return 0;
  bool is_null;
  return DatumGetInt64(heap_getattr(row, kState, RelationGetDescr(table), &is_null));
}

// Numbers come from a sequence, so that none is ever used for two states: not
// even after a rollback.
void renew_state(const char* tenant) {
  OwnedTable table("policy_state", RowExclusiveLock);
  Datum values[kColumns] = {CStringGetTextDatum(tenant),
                            Int64GetDatum(nextval_internal(owned_oid("policy_state_state_seq"), false))};
  bool nulls[kColumns] = {};
  HeapTuple row = find_state(table.relation, tenant, nullptr);
  if (HeapTupleIsValid(row)) {
    table.update(row, values, nulls);
  } else {
    table.insert(values, nulls);
  }
  table.close();
  // A statement may change several tenants in turn.
  CommandCounterIncrement();
  strlcpy(own.tenant, tenant, sizeof own.tenant);
  own.has_state = true;
}

// Once for each run of changes that say the same.
void tell_stream(const char* tenant, const char* principal, std::int64_t document) {
  const char* whose = principal != nullptr ? principal : "";
  if (own.has_told && own.told_document == document && std::strcmp(own.told_tenant, tenant) == 0 &&
      std::strcmp(own.told_principal, whose) == 0) {
    return;
  }
  Converge__Wire__AccessChange change;
  converge__wire__access_change__init(&change);
  change.tenant = const_cast<char*>(tenant);
  change.principal = const_cast<char*>(whose);
  change.document = static_cast<std::uint64_t>(document);
  const struct varlena* packed = pack_message(&change.base);
  (void)LOG_LOGICAL_MESSAGE(kMessagePrefix, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed), true);
  strlcpy(own.told_tenant, tenant, sizeof own.told_tenant);
  strlcpy(own.told_principal, whose, sizeof own.told_principal);
  own.told_document = document;
  own.has_told = true;
  // The worker is woken when the commit's WAL is flushed.
  ForceSyncCommit();
  converge_note_logged_change();
}

}  // namespace

bool decisions_hold() { return !XactReadOnly && !IsParallelWorker() && !only_asked; }

bool only_ask(bool asks) {
  const bool asked = only_asked;
  only_asked = asks;
  return asked;
}

void lock_policies(const char* tenant) {
  if (!decisions_hold()) return;
  // What a subtransaction has locked stays locked as long as it is the present one: a push
  // asks for each of its groups.
  static LocalTransactionId locked_in = InvalidLocalTransactionId;
  static SubTransactionId locked_in_part = InvalidSubTransactionId;
  static char locked_tenant[kMaxTenantBytes + 1];
  const SubTransactionId part = GetCurrentSubTransactionId();
  if (locked_in == MY_LOCAL_TRANSACTION && locked_in_part == part && std::strcmp(locked_tenant, tenant) == 0) return;
  locked_in = InvalidLocalTransactionId;
  const Oid table = owned_oid("policy_state");
  lock_state(table, kEveryTenant, ShareLock);
  lock_state(table, tenant, ShareLock);
  // (A longer name is no tenant's, and would not be found again.)
  strlcpy(locked_tenant, tenant, sizeof locked_tenant);
  locked_in = MY_LOCAL_TRANSACTION;
  locked_in_part = part;
}

void guard_policies() {
  const Identity identity = current_identity();
  if (identity.tenant[0] == '\0' || !ActiveSnapshotSet()) return;
  Snapshot snapshot = GetActiveSnapshot();
  // Once a statement.
  static SnapshotMark guarded{};
  static SubTransactionId guarded_in = InvalidSubTransactionId;
  static char guarded_tenant[kMaxTenantBytes + 1];
  const SnapshotMark mark = SnapshotMark::of(snapshot);
  if (guarded == mark && guarded_in == GetCurrentSubTransactionId() && std::strcmp(guarded_tenant, identity.tenant) == 0) {
    return;
  }
  lock_policies(identity.tenant);
  OwnedTable table("policy_state", AccessShareLock);
  const bool changed = state_in(table.relation, identity.tenant, snapshot) !=
                           state_in(table.relation, identity.tenant, nullptr) ||
                       state_in(table.relation, kEveryTenant, snapshot) !=
                           state_in(table.relation, kEveryTenant, nullptr);
  table.close();
  if (!changed) {
    guarded = mark;
    guarded_in = GetCurrentSubTransactionId();
    strlcpy(guarded_tenant, identity.tenant, sizeof guarded_tenant);
    return;
  }
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("could not write because the tenant's permissions were changed meanwhile"),
                  errhint("Try the transaction again.")));
}

std::int64_t policy_state(const char* tenant, Snapshot snapshot) {
  OwnedTable table("policy_state", AccessShareLock);
  const std::int64_t state = state_in(table.relation, tenant, snapshot);
  table.close();
  return state;
}

int own_policy_changes() { return own.count; }

void lock_policies_for_change(const char* tenant) { lock_state(owned_oid("policy_state"), tenant, ExclusiveLock); }

void change_policies(const char* tenant, const char* principal) {
  watch_transactions();
  own.count++;
  if (!own.has_state || std::strcmp(own.tenant, tenant) != 0) {
    lock_policies_for_change(own.locks++ < kMaxLocks ? tenant : kEveryTenant);
    renew_state(tenant);
  }
  tell_stream(tenant, principal, 0);
}

void change_document_access(const char* tenant, std::int64_t document) {
  watch_transactions();
  tell_stream(tenant, nullptr, document);
}

}  // namespace converge
