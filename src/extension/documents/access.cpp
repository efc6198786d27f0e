#include "extension/documents/access.h"

#include <cstring>

#include "extension/documents/deferral.h"
#include "extension/documents/document.h"
#include "extension/documents/subtransaction.h"
#include "extension/security/audit.h"
#include "extension/security/identity.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/snapmgr.h"
}

namespace converge {

void no_such_collection(const char* collection) {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("collection \"%s\" does not exist", collection),
                  errhint("converge.track() makes a collection of a table.")));
}

const char* document_name(const char* collection, const char* key) { return psprintf("%s/%s", collection, key); }

void no_such_document(const char* collection, const char* key) {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                  errmsg("document \"%s\" of collection \"%s\" does not exist", key, collection)));
}

void require_live(const ReadableDocument& found) {
  if (found.plain.deleted) no_such_document(found.collection->name, found.ref.key);
}

std::int64_t readable_document(const char* collection_name, const char* key) {
  const Identity identity = require_identity();
  Collection* collection = collection_named(collection_name);
  if (collection == nullptr || claimed_level(collection_name, key) < AccessLevel::read) return 0;
  const RowRef ref = {identity.tenant, key};
  const std::int64_t document = find_document(collection, ref, GetActiveSnapshot());
  if (document == 0) return 0;
  if (collection->deletion.attribute == InvalidAttrNumber) {
    return row_is_visible(collection, ref, true) ? document : 0;
  }
  PlainValues plain;
  return read_plain_values(collection, ref, true, &plain) && !plain.deleted ? document : 0;
}

bool may_update(const Collection& collection, const Field& field) {
  const Oid user = GetUserId();
  return pg_class_aclcheck(collection.tracked, user, ACL_UPDATE) == ACLCHECK_OK ||
         pg_attribute_aclcheck(collection.tracked, field.attribute, user, ACL_UPDATE) == ACLCHECK_OK;
}

namespace {

struct Question {
  Collection* collection;
  RowRef ref;
  const Field* field;
  bool watched;  // policies look at what is written
  bool may;
};

void ask(void* argument) {
  auto* question = static_cast<Question*>(argument);
  question->may = may_write_row(question->collection, question->ref, *question->field, question->watched);
}

bool is_watched(const Collection& collection, const Field& field) {
  Relation relation = relation_open(collection.tracked, NoLock);
  const bool watched = policies_watch(relation, field.attribute);
  relation_close(relation, NoLock);
  return watched;
}

}  // namespace

MayWrite may_write(const char* collection_name, const char* key, const char* field_name) {
  const Identity identity = require_identity();
  if (XactReadOnly) return MayWrite::no;
  Collection* collection = collection_named(collection_name);
  if (collection == nullptr || claimed_level(collection_name, key) < AccessLevel::write) return MayWrite::no;
  const Field* field = find_field(collection, field_name);
  if (field == nullptr || !may_update(*collection, *field)) return MayWrite::no;
  Question question{collection, {identity.tenant, key}, field, is_watched(*collection, *field), false};
  if (find_document(collection, question.ref) == 0) return MayWrite::no;
  // Which the plan takes anyway, and would wait for.
  const LOCKMODE mode = question.watched ? RowExclusiveLock : RowShareLock;
  if (!ConditionalLockRelationOid(collection->tracked, mode)) return MayWrite::unknown;
  const bool asked = only_ask(true);
  const ErrorData* error = nullptr;
  PG_TRY();
  { error = in_subtransaction(ask, &question); }
  PG_FINALLY();
  { only_ask(asked); }
  PG_END_TRY();
  if (error == nullptr) return question.may ? MayWrite::yes : MayWrite::no;
  if (is_edits_fault(error)) return MayWrite::no;
  ereport(LOG, (errmsg("could not ask whether document \"%s\" of collection \"%s\" may be written: %s", key,
                       collection_name, error->message)));
  return MayWrite::unknown;
}

namespace {

// Records that the caller asked for a document of its tenant that it does not see,
// or that is gone, and raises.
[[noreturn]] void deny_reading(const char* collection, const char* key) {
  const Identity identity = current_identity();
  note_audit({identity.tenant, "denial", identity.principal, document_name(collection, key), "read"});
  no_such_document(collection, key);
}

enum class Sight { hidden, gone, seen };

// Reads the row's values under the caller's policies.
Sight read_values(ReadableDocument* found) {
  const Collection& collection = *found->collection;
  if (!read_row(found->collection, found->ref, true, found->values)) return Sight::hidden;
  const bool has_plain = collection.included_count > 0 || collection.deletion.attribute != InvalidAttrNumber;
  return !has_plain || read_plain_values(found->collection, found->ref, true, &found->plain) ? Sight::seen : Sight::gone;
}

// Raises `error`, which came of reading the row, or in its place one that tells nothing:
// what a policy raises may be about a row that the caller may not see.
// `may_select`: the caller has the privilege on the table, whose lack is told.
[[noreturn]] void raise_unreadable(const ReadableDocument& found, bool may_select, ErrorData* error) {
  if (concerns_everything(error) || (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE && !may_select)) {
    ReThrowError(error);
  }
  ereport(LOG, (errmsg("could not read document \"%s\" of collection \"%s\": %s", found.ref.key,
                       found.collection->name, error->message)));
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("document \"%s\" of collection \"%s\" cannot be read now", found.ref.key,
                         found.collection->name),
                  errhint("What the table's policies raise is in the server's log.")));
}

// The caller's document of that name, which need not exist.
ReadableDocument named_document(const char* collection, const char* key) {
  const Identity identity = require_identity();
  ReadableDocument found{};
  found.collection = collection_named(collection);
  if (found.collection == nullptr) no_such_collection(collection);
  if (claimed_level(collection, key) < AccessLevel::read) deny_reading(collection, key);
  found.ref = {pstrdup(identity.tenant), pstrdup(key)};
  return found;
}

}  // namespace

ReadableDocument read_document(const char* collection, const char* key) {
  ReadableDocument found = named_document(collection, key);
  found.document = find_document(found.collection, found.ref, GetActiveSnapshot());
  if (found.document == 0) no_such_document(collection, key);
  MemoryContext context = CurrentMemoryContext;
  const bool may_select = pg_class_aclcheck(found.collection->tracked, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
  volatile Sight sight = Sight::hidden;
  PG_TRY();
  { sight = read_values(&found); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    raise_unreadable(found, may_select, error);
  }
  PG_END_TRY();
  if (sight == Sight::hidden) deny_reading(collection, key);
  if (sight == Sight::gone) no_such_document(collection, key);
  return found;
}

ReadableDocument write_document(const char* collection, const char* key) {
  ReadableDocument found = named_document(collection, key);
  lock_policies(found.ref.tenant);
  bool visible;
  const bool locked = lock_row_or_see(found.collection, found.ref, &visible) &&
                      claimed_level(collection, key) >= AccessLevel::write;
  if (!locked && visible) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied to change document \"%s\" of collection \"%s\"", key, collection)));
  }
  if (locked) found.document = find_document(found.collection, found.ref);
  if (found.document == 0 || !read_row(found.collection, found.ref, false, found.values)) {
    no_such_document(collection, key);
  }
  return found;
}

}  // namespace converge
