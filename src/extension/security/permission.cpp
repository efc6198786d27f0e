#include "extension/security/permission.h"

#include <cstring>

#include "extension/documents/collection.h"
#include "extension/documents/owned_table.h"
#include "extension/security/policy_state.h"
#include "extension/security/snapshot_mark.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace converge {
namespace {

// Bounds on what is kept; beyond them it is forgotten and read again.
constexpr int kMaxSubjects = 1024;
constexpr int kDocumentSlots = 1024;
constexpr int kCollections = 16;

struct SubjectName {
  char tenant[kMaxTenantBytes + 1];        // padded with zeroes
  char principal[kMaxPrincipalBytes + 1];
};

struct CollectionLevel {
  std::int32_t collection;
  AccessLevel level;  // the tenant's included
};

// A principal of a tenant under one policy state.
struct Subject {
  SubjectName name;  // the key
  std::int64_t state;
  std::uint64_t number;  // no other load of any subject has it
  char** grantees;       // itself, unless its name is a role's, and its roles
  int grantee_count;
  AccessLevel tenant_level;
  CollectionLevel collections[kCollections];
  int collection_count;
};

// The level on one document, where it was last asked for.
struct DocumentSlot {
  std::uint64_t subject;  // 0: none
  std::int32_t collection;
  AccessLevel level;
  char* key;
};

MemoryContext context = nullptr;  // of everything below
HTAB* subjects = nullptr;
DocumentSlot* documents = nullptr;
std::uint64_t last_number = 0;

// The subject that was asked about last, and for when it holds.
struct Current {
  Subject* subject;      // null: none
  std::uint64_t number;  // it was not loaded anew since
  SubTransactionId subtransaction;
  LocalTransactionId transaction;
  SnapshotMark snapshot;
  int own_changes;
};
Current current_read{};    // as of a snapshot
Current current_latest{};  // decided with the lock held, for this (sub)transaction

void start_cache() {
  if (context == nullptr) {
    context = AllocSetContextCreate(TopMemoryContext, "converge permissions", ALLOCSET_DEFAULT_SIZES);
  }
  current_read = current_latest = Current{};
  subjects = nullptr;
  MemoryContextReset(context);
  HASHCTL control = {};
  control.keysize = sizeof(SubjectName);
  control.entrysize = sizeof(Subject);
  control.hcxt = context;
  HTAB* made = hash_create("converge subjects", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  documents = static_cast<DocumentSlot*>(MemoryContextAllocZero(context, sizeof(DocumentSlot) * kDocumentSlots));
  subjects = made;
}

void set_key(ScanKeyData* key, AttrNumber column, const char* text) {
  ScanKeyInit(key, column, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(text));
}

void set_null_key(ScanKeyData* key, AttrNumber column) {
  ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, column, InvalidStrategy, InvalidOid, InvalidOid, InvalidOid,
                         static_cast<Datum>(0));
}

// The level of the grant that covers just `scope`.
AccessLevel level_of_grant(Relation permissions, Oid index, const char* tenant, const char* grantee,
                           const Scope& scope, Snapshot snapshot) {
  using namespace permission_table;
  ScanKeyData keys[4];
  set_key(&keys[0], kTenant, tenant);
  set_key(&keys[1], kGrantee, grantee);
  if (scope.collection == 0) {
    set_null_key(&keys[2], kCollection);
  } else {
    ScanKeyInit(&keys[2], kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(scope.collection));
  }
  if (scope.key == nullptr) {
    set_null_key(&keys[3], kKey);
  } else {
    set_key(&keys[3], kKey, scope.key);
  }
  HeapTuple row = find_owned(permissions, index, lengthof(keys), keys, snapshot);
  if (!HeapTupleIsValid(row)) return AccessLevel::none;
  bool is_null;
  const Datum level = heap_getattr(row, kLevel, RelationGetDescr(permissions), &is_null);
  return access_level_of(DatumGetObjectId(level));
}

// The highest level that a grant of just `scope` gives the subject.
AccessLevel level_of_grants(const Subject& subject, const Scope& scope, Snapshot snapshot) {
  AccessLevel level = AccessLevel::none;
  OwnedTable permissions("permission", AccessShareLock);
  const Oid index = owned_oid("permission_tenant_grantee_collection_key_key");
  for (int i = 0; i < subject.grantee_count && level != AccessLevel::admin; i++) {
    level = Max(level, level_of_grant(permissions.relation, index, subject.name.tenant, subject.grantees[i], scope,
                                      snapshot));
  }
  permissions.close();
  return level;
}

// Reads whom the subject's grants may be to, and its level on the tenant.
void load(Subject* subject, Snapshot snapshot) {
  using namespace member_table;
  const char* principal = subject->name.principal;
  const bool is_role = std::strncmp(principal, kRolePrefix, std::strlen(kRolePrefix)) == 0;
  char** grantees = static_cast<char**>(MemoryContextAlloc(context, sizeof(char*) * (kMaxRoles + 2)));
  int count = 0;
  // Whoever is called as a role is named has no grants by that name.
  if (!is_role) grantees[count++] = MemoryContextStrdup(context, principal);
  grantees[count++] = MemoryContextStrdup(context, psprintf("%s%s", kRolePrefix, kEveryone));

  OwnedTable members("member", AccessShareLock);
  ScanKeyData keys[2];
  set_key(&keys[0], kTenant, subject->name.tenant);
  set_key(&keys[1], kPrincipal, principal);
  SysScanDesc scan =
      systable_beginscan(members.relation, owned_oid("member_pkey"), true, snapshot, lengthof(keys), keys);
  HeapTuple row;
  while (HeapTupleIsValid(row = systable_getnext(scan)) && count < kMaxRoles + 2) {
    bool is_null;
    const Datum role = heap_getattr(row, kRole, RelationGetDescr(members.relation), &is_null);
    grantees[count++] = MemoryContextStrdup(context, psprintf("%s%s", kRolePrefix, TextDatumGetCString(role)));
  }
  systable_endscan(scan);
  members.close();

  subject->grantees = grantees;
  subject->grantee_count = count;
  subject->collection_count = 0;
  subject->tenant_level = level_of_grants(*subject, {0, nullptr}, snapshot);
  subject->number = ++last_number;
}

// The subject under that state; `keep` where the state is committed.
Subject* find_subject(const Identity& identity, std::int64_t state, bool keep, Snapshot snapshot) {
  SubjectName name{};
  strlcpy(name.tenant, identity.tenant, sizeof name.tenant);
  strlcpy(name.principal, identity.principal, sizeof name.principal);
  if (subjects == nullptr || hash_get_num_entries(subjects) >= kMaxSubjects) start_cache();
  bool found;
  auto* subject = static_cast<Subject*>(hash_search(subjects, &name, HASH_ENTER, &found));
  if (found && keep && subject->state == state) return subject;
  // Until it is whole.
  subject->state = -1;
  if (found) {
    for (int i = 0; i < subject->grantee_count; i++) pfree(subject->grantees[i]);
    if (subject->grantees != nullptr) pfree(subject->grantees);
  }
  subject->grantees = nullptr;
  subject->grantee_count = 0;
  load(subject, snapshot);
  subject->state = keep ? state : -1;
  return subject;
}

bool is_of(const Current& current, const Identity& identity) {
  const Subject* subject = current.subject;
  return subject != nullptr && subject->number == current.number && current.transaction == MY_LOCAL_TRANSACTION &&
         current.own_changes == own_policy_changes() && std::strcmp(subject->name.tenant, identity.tenant) == 0 &&
         std::strcmp(subject->name.principal, identity.principal) == 0;
}

// What is asked of the database where it is not remembered: as of a snapshot, or as of
// now with the lock held.
struct Moment {
  bool latest;
  Snapshot snapshot;  // the active one; null: none
};

// What was decided that holds at that moment, or null.
const Current* decided(const Identity& identity, const Moment& moment) {
  // A lock that a subtransaction took may be gone in the next.
  const bool locked = is_of(current_latest, identity) && current_latest.subtransaction == GetCurrentSubTransactionId();
  if (moment.latest) return locked ? &current_latest : nullptr;
  const SnapshotMark mark = SnapshotMark::of(moment.snapshot);
  // Whatever was taken with the lock held sees what is locked.
  if (locked && !mark.is_older_than(current_latest.snapshot)) return &current_latest;
  return is_of(current_read, identity) && current_read.snapshot == mark ? &current_read : nullptr;
}

// The present identity's subject.
Subject* current_subject(const Identity& identity, const Moment& moment) {
  if (const Current* known = decided(identity, moment)) return known->subject;
  if (moment.latest) lock_policies(identity.tenant);
  Current& current = moment.latest ? current_latest : current_read;
  current.subject = nullptr;
  const bool keep = own_policy_changes() == 0;
  Snapshot in = RegisterSnapshot(moment.latest ? latest_snapshot() : moment.snapshot);
  Subject* subject = find_subject(identity, policy_state(identity.tenant, in), keep, in);
  current = {subject, subject->number, GetCurrentSubTransactionId(), MY_LOCAL_TRANSACTION, SnapshotMark::of(in),
             own_policy_changes()};
  UnregisterSnapshot(in);
  return subject;
}

// The highest level that a grant of just `scope` gives the subject, at the moment for
// which it was loaded. With the lock held, what was not read yet is as it was.
AccessLevel level_of_grants(const Subject& subject, const Scope& scope, const Moment& moment) {
  Snapshot in = RegisterSnapshot(moment.latest ? latest_snapshot() : moment.snapshot);
  const AccessLevel level = level_of_grants(subject, scope, in);
  UnregisterSnapshot(in);
  return level;
}

AccessLevel collection_level(Subject* subject, std::int32_t collection, const Moment& moment) {
  for (int i = 0; i < subject->collection_count; i++) {
    if (subject->collections[i].collection == collection) return subject->collections[i].level;
  }
  const AccessLevel level =
      Max(subject->tenant_level, level_of_grants(*subject, {collection, nullptr}, moment));
  const int place = subject->collection_count < kCollections ? subject->collection_count++ : 0;
  subject->collections[place] = {collection, level};
  return level;
}

// The level that grants of the document itself give.
AccessLevel document_level(Subject* subject, const Scope& scope, const Moment& moment) {
  const auto length = static_cast<int>(std::strlen(scope.key));
  const uint32 hash = hash_bytes(reinterpret_cast<const unsigned char*>(scope.key), length) ^
                      static_cast<uint32>(scope.collection) ^ static_cast<uint32>(subject->number);
  DocumentSlot* slot = &documents[hash % kDocumentSlots];
  if (slot->subject == subject->number && slot->collection == scope.collection &&
      std::strcmp(slot->key, scope.key) == 0) {
    return slot->level;
  }
  const AccessLevel level = level_of_grants(*subject, scope, moment);
  slot->subject = 0;
  if (slot->key != nullptr) pfree(slot->key);
  slot->key = nullptr;
  slot->key = MemoryContextStrdup(context, scope.key);
  slot->collection = scope.collection;
  slot->level = level;
  slot->subject = subject->number;
  return level;
}

// What the identity's token leaves of what `scope` covers.
AccessLevel level_of_token(const Identity& identity, const Scope& scope) {
  if (identity.permissions[0] == '\0') return AccessLevel::admin;
  const Collection* collection = scope.collection != 0 ? collection_numbered(scope.collection) : nullptr;
  return claimed_level(collection != nullptr ? collection->name : "", scope.key != nullptr ? scope.key : "");
}

bool principal_has(const Identity& identity, const Scope& scope, AccessLevel wanted, bool to_write) {
  const Moment moment{(to_write && decisions_hold()) || !ActiveSnapshotSet(),
                      ActiveSnapshotSet() ? GetActiveSnapshot() : nullptr};
  Subject* subject = current_subject(identity, moment);
  if (subject->tenant_level >= wanted) return true;
  if (scope.collection == 0) return false;
  if (collection_level(subject, scope.collection, moment) >= wanted) return true;
  return scope.key != nullptr && document_level(subject, scope, moment) >= wanted;
}

}  // namespace

bool has_level(const Scope& scope, AccessLevel wanted, bool to_write) {
  if (wanted == AccessLevel::none) return true;
  const Identity identity = current_identity();
  if (identity.tenant[0] == '\0' || identity.principal[0] == '\0') return false;
  return level_of_token(identity, scope) >= wanted && principal_has(identity, scope, wanted, to_write);
}

}  // namespace converge
