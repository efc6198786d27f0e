#include "extension/documents/push.h"

#include <algorithm>
#include <cstring>

#include "extension/documents/document.h"
#include "extension/documents/settings.h"
#include "extension/documents/subtransaction.h"
#include "extension/documents/wire_memory.h"
#include "extension/security/authenticate.h"
#include "extension/security/policy_state.h"
#include "extension/security/token_cache.h"
#include "extension/security/token_permissions.h"

extern "C" {
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(converge_push);
}

namespace converge {

namespace {

struct Batch {
  PushGroup* groups;
  int group_count;
  PushDocument* documents;   // in the order of the request
  PushDocument** by_lock;    // those with a document, in (tenant, document) order
  int count;
  int lock_count;
};

void settle_all(PushDocument* document, Converge__Wire__Code code, const char* message) {
  document->collection = nullptr;
  for (size_t i = 0; i < document->wire->n_changes; i++) document->verdicts[i] = {code, message, 0};
}

Converge__Wire__PushRequest* parse_request(std::string_view bytes) {
  if (bytes.size() > kMaxRequestBytes) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("push request is too large"),
                    errdetail("It has %zu bytes; the limit is %zu.", bytes.size(), kMaxRequestBytes)));
  }
  // Unfolded, an honest request needs a few times its size.
  WireMemory memory(CurrentMemoryContext, bytes.size() * 8 + (1 << 20));
  Converge__Wire__PushRequest* request = converge__wire__push_request__unpack(
      &memory.allocator, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  if (request == nullptr && memory.exhausted) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("push request has too many parts")));
  }
  if (request == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("push request is malformed"),
                    errdetail("It is not a PushRequest message.")));
  }
  size_t documents = 0;
  size_t changes = 0;
  for (size_t i = 0; i < request->n_groups; i++) {
    documents += request->groups[i]->n_documents;
    for (size_t j = 0; j < request->groups[i]->n_documents; j++) changes += request->groups[i]->documents[j]->n_changes;
  }
  if (Max(request->n_groups, documents) > kMaxRequestDocuments) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("push request has too many documents"),
                    errdetail("It has %zu in %zu groups; the limit is %d of each.", documents, request->n_groups,
                              kMaxRequestDocuments)));
  }
  if (changes > kMaxRequestChanges) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("push request has too many changes"),
                    errdetail("It has %zu; the limit is %d.", changes, kMaxRequestChanges)));
  }
  return request;
}

bool is_utf8(const char* text) {
  return pg_verify_mbstr(PG_UTF8, text, static_cast<int>(std::strlen(text)), true);
}

// The group's identity, or false and why there is none.
bool identify(const Converge__Wire__PushGroup& group, const Identity& caller, PushGroup* made, const char** why) {
  made->authenticated = true;
  made->token = group.token;
  made->token_state = token_state();
  if (group.token[0] == '\0') {
    made->identity = caller;
    if (caller.tenant[0] != '\0' && caller.principal[0] != '\0') return true;
    *why = "no token was given";
  } else {
    VerifiedToken verified;
    boundary::Failure failure;
    if (verify(group.token, &verified, &failure)) {
      made->identity = copy_identity(identity_of(verified));
      return true;
    }
    if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) boundary::raise(failure);
    *why = pstrdup(failure.message);
  }
  made->authenticated = false;
  return false;
}

// Finds the document that its author made under a name of its own, or settles the
// verdicts. False: they are settled.
bool resolve_temporary_key(PushDocument* document) {
  const char* name = document->wire->temporary_key;
  if (std::strlen(name) > kMaxTemporaryKeyBytes || !is_utf8(name)) {
    settle_all(document, CONVERGE__WIRE__CODE__CODE_MALFORMED,
               psprintf("a temporary key has at most %d bytes in UTF-8", kMaxTemporaryKeyBytes));
    return false;
  }
  std::int64_t made = 0;
  if (document->collection != nullptr) {
    document->temporary_key = name;
    made = find_temporary_key(temporary_key_of(*document));
    document->creates = made == 0 && wants_creation(*document->wire);
  }
  if (document->creates) return true;
  std::int32_t number;
  if (made != 0 && describe_document(document->ref.tenant, made, &number, &document->ref.key)) {
    document->document = made;
    if (document->incarnation == 0) document->incarnation = static_cast<std::uint64_t>(made);
    return true;
  }
  settle_all(document, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
  return false;
}

// Finds collection and document, or settles the verdicts.
void resolve(PushDocument* document, const Identity& identity) {
  const Converge__Wire__DocumentRef* ref = document->wire->document;
  if (ref == nullptr || !is_utf8(ref->collection) || !is_utf8(ref->key)) {
    settle_all(document, CONVERGE__WIRE__CODE__CODE_MALFORMED, "the document is not named in UTF-8");
    return;
  }
  document->principal = identity.principal;
  if (document->wire->expect.len > 0) {
    for (size_t i = 1; i < document->wire->n_changes; i++) {
      if (document->wire->changes[i]->replica == document->wire->changes[0]->replica) continue;
      settle_all(document, CONVERGE__WIRE__CODE__CODE_MALFORMED, "changes that expect a version are of several replicas");
      return;
    }
  }
  document->collection = collection_named(ref->collection);
  document->ref = {identity.tenant, ref->key};
  document->incarnation = document->wire->incarnation;
  const bool is_temporary = document->wire->temporary_key[0] != '\0';
  if (is_temporary && !resolve_temporary_key(document)) return;
  const AccessLevel claimed = document->collection != nullptr
                                  ? claimed_level(identity.permissions, document->collection->name, document->ref.key)
                                  : AccessLevel::admin;
  if (claimed == AccessLevel::none) {
    settle_all(document, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
    return;
  }
  document->narrowed = claimed < AccessLevel::write;
  if (is_temporary) return;
  if (document->collection != nullptr) {
    document->document = known_number(document->collection, document->ref);
    if (document->document == 0) document->document = find_document(document->collection, document->ref);
  }
  if (document->document != 0) return;
  document->creates = document->collection != nullptr && wants_creation(*document->wire);
  if (!document->creates) {
    settle_all(document, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
  }
}

// Whether something of the row is written at once.
bool writes_row(const Collection& collection) {
  for (int i = 0; i < collection.field_count; i++) {
    if (!collection.fields[i].deferred) return true;
  }
  return false;
}

// Locks the row as its group's principal.
void lock_document(PushDocument* document) {
  set_identity(document->group->identity);
  // Before any policy is asked: what it says holds until the transaction ends.
  if (!admit(document)) return;
  if (!hold_collection(document)) {
    settle_all(document, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
    return;
  }
  bool visible;
  LockedRow* locked = writes_row(*document->collection) ? &document->locked : nullptr;
  document->writable = lock_row_or_see(document->collection, document->ref, &visible, locked) && !document->narrowed;
  if (!visible) {
    // What was made under a temporary key is not made twice.
    document->creates = document->temporary_key == nullptr && wants_creation(*document->wire);
    if (!document->creates) {
      settle_all(document, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
    }
    return;
  }
  document->creates = false;
  document->known = document->writable ? recall(document->collection, document->ref) : nullptr;
  document->document = number_of(document->known);
  if (document->document == 0) {
    // While it waited for the lock, the row may have been deleted and made again.
    document->document = find_document(document->collection, document->ref);
    learn_number(document->known, document->document);
  }
  if (!document->writable) lock_log(document->document);
  const std::uint64_t incarnation = document->incarnation;
  if (incarnation != 0 && incarnation != static_cast<std::uint64_t>(document->document)) {
    settle_all(document, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT,
               "the document was deleted, and another made under its key");
  }
}

struct LockWork {
  Batch* batch;
  PushDocument* one;
};

void lock_each(const Batch& batch) {
  for (int i = 0; i < batch.lock_count; i++) {
    PushDocument* document = batch.by_lock[i];
    if (document->collection != nullptr) lock_document(document);
  }
}

void lock_all(void* argument) {
  const auto* work = static_cast<LockWork*>(argument);
  const int level = begin_lock_timeout(push_lock_timeout);
  lock_each(*work->batch);
  end_lock_timeout(level);
}

void lock_one(void* argument) {
  const auto* work = static_cast<LockWork*>(argument);
  // Whoever is in the way has been waited for.
  const int level = begin_lock_timeout(push_lock_timeout > 0 ? 1 : 0);
  lock_document(work->one);
  end_lock_timeout(level);
}

void see_one(void* argument) {
  const auto* work = static_cast<LockWork*>(argument);
  PushDocument* document = work->one;
  set_identity(document->group->identity);
  document->writable = false;
  document->known = nullptr;
  document->locked.table = InvalidOid;
  if (!row_is_visible(document->collection, document->ref, false)) {
    settle_all(document, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
    return;
  }
  lock_log(document->document);
}

// In one order, so that two batches cannot wait for each other.
void sort_locks(Batch* batch) {
  std::sort(batch->by_lock, batch->by_lock + batch->lock_count, [](const PushDocument* a, const PushDocument* b) {
    const int tenants = std::strcmp(a->ref.tenant, b->ref.tenant);
    if (tenants != 0) return tenants < 0;
    if (a->document != b->document) return a->document < b->document;
    return a < b;
  });
}

// A document whose policies raise, or that somebody else keeps locked, is decided
// alone: so all are where `together` says that they cannot be locked in one go. What
// a policy raises is not told: it may be about a row that the caller may not see.
void lock_documents(Batch* batch, bool together) {
  LockWork work{batch, nullptr};
  if (together && in_subtransaction(lock_all, &work) == nullptr) return;
  for (int i = 0; i < batch->lock_count; i++) {
    work.one = batch->by_lock[i];
    if (work.one->collection == nullptr) continue;
    const ErrorData* error = in_subtransaction(lock_one, &work);
    if (error == nullptr) continue;
    // A privilege or a policy says no to changing it. May it be read at least?
    const bool denied = is_edits_fault(error);
    if (denied) error = in_subtransaction(see_one, &work);
    if (error == nullptr) continue;
    if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE) {
      settle_all(work.one, CONVERGE__WIRE__CODE__CODE_UNAVAILABLE, "the document is locked by another transaction");
    } else if (denied && is_edits_fault(error)) {
      settle_all(work.one, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
    } else {
      ereport(LOG, (errmsg("could not lock document \"%s\" of collection \"%s\" for a push: %s", work.one->ref.key,
                           work.one->collection->name, error->message)));
      settle_all(work.one, CONVERGE__WIRE__CODE__CODE_UNAVAILABLE, "the document cannot be changed now");
    }
  }
}

struct Attempt {
  Batch* batch;
  bool locked;
};

// Locks and changes in one subtransaction: a row that one locks and another changes
// gets a multixact, at every push.
void lock_and_apply(void* argument) {
  auto* attempt = static_cast<Attempt*>(argument);
  const int level = begin_lock_timeout(push_lock_timeout);
  lock_each(*attempt->batch);
  attempt->locked = true;
  apply_together(attempt->batch->groups, attempt->batch->group_count);
  end_lock_timeout(level);
}

// Raised instead of what was raised where nothing is to be decided alone.
constexpr int kNotAsAWhole = MAKE_SQLSTATE('C', 'V', '0', '0', '2');

// Applies all at once, in the caller's transaction: a subtransaction costs a transaction
// number of its own, and the decoder its share. What goes wrong is not told: it may be
// about a row that the caller may not see.
void apply_whole(Batch* batch) {
  MemoryContext context = CurrentMemoryContext;
  sort_locks(batch);
  PG_TRY();
  {
    Attempt attempt{batch, false};
    lock_and_apply(&attempt);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    if (concerns_everything(CopyErrorData())) PG_RE_THROW();
    FlushErrorState();
    ereport(ERROR, (errcode(kNotAsAWhole), errmsg("push cannot be applied as a whole"),
                    errhint("Push again without \"whole\": then each change is decided.")));
  }
  PG_END_TRY();
}

// Applies what can be applied: all at once, or what fails alone, under locks that
// outlive it.
void apply_batch(Batch* batch) {
  sort_locks(batch);
  Attempt attempt{batch, false};
  if (in_subtransaction(lock_and_apply, &attempt) == nullptr) return;
  lock_documents(batch, attempt.locked);
  apply_groups(batch->groups, batch->group_count, attempt.locked);
}

Batch* make_batch(const Converge__Wire__PushRequest& request, const Identity& caller) {
  auto* batch = static_cast<Batch*>(palloc0(sizeof(Batch)));
  size_t count = 0;
  for (size_t i = 0; i < request.n_groups; i++) count += request.groups[i]->n_documents;
  batch->groups = static_cast<PushGroup*>(palloc0_array_of(sizeof(PushGroup), request.n_groups));
  batch->documents = static_cast<PushDocument*>(palloc0_array_of(sizeof(PushDocument), count));
  batch->by_lock = static_cast<PushDocument**>(palloc0_array_of(sizeof(PushDocument*), count));
  for (size_t i = 0; i < request.n_groups; i++) {
    const Converge__Wire__PushGroup& group = *request.groups[i];
    PushGroup* made = &batch->groups[batch->group_count++];
    made->atomic = group.atomic != 0;
    made->documents = &batch->documents[batch->count];
    made->count = static_cast<int>(group.n_documents);
    const char* why = "";
    const bool identified = identify(group, caller, made, &why);
    for (size_t j = 0; j < group.n_documents; j++) {
      CHECK_FOR_INTERRUPTS();
      PushDocument* document = &batch->documents[batch->count++];
      document->wire = group.documents[j];
      document->group = made;
      document->verdicts =
          static_cast<Verdict*>(palloc0_array_of(sizeof(Verdict), document->wire->n_changes));
      if (!identified) {
        settle_all(document, CONVERGE__WIRE__CODE__CODE_UNAUTHENTICATED, why);
        continue;
      }
      resolve(document, made->identity);
      if (document->collection != nullptr && document->document != 0) batch->by_lock[batch->lock_count++] = document;
    }
  }
  return batch;
}

// The server's key of a document with a temporary one; empty: it was not made.
const char* made_key(PushDocument document) {
  std::int32_t number;
  const char* key;
  if (!hold_collection(&document)) return "";
  const std::int64_t made = find_temporary_key(temporary_key_of(document));
  return made != 0 && describe_document(document.ref.tenant, made, &number, &key) ? key : "";
}

struct varlena* answer(const Converge__Wire__PushRequest& request, const Batch& batch) {
  Converge__Wire__PushResponse response;
  converge__wire__push_response__init(&response);
  response.n_groups = request.n_groups;
  response.groups = static_cast<Converge__Wire__PushGroupResult**>(
      palloc0_array_of(sizeof(Converge__Wire__PushGroupResult*), request.n_groups));
  const PushDocument* document = batch.documents;
  for (size_t i = 0; i < request.n_groups; i++) {
    auto* group = static_cast<Converge__Wire__PushGroupResult*>(palloc(sizeof(Converge__Wire__PushGroupResult)));
    converge__wire__push_group_result__init(group);
    response.groups[i] = group;
    group->n_documents = request.groups[i]->n_documents;
    group->documents = static_cast<Converge__Wire__DocumentPushResult**>(
        palloc0_array_of(sizeof(Converge__Wire__DocumentPushResult*), group->n_documents));
    for (size_t j = 0; j < group->n_documents; j++, document++) {
      auto* result =
          static_cast<Converge__Wire__DocumentPushResult*>(palloc(sizeof(Converge__Wire__DocumentPushResult)));
      converge__wire__document_push_result__init(result);
      group->documents[j] = result;
      if (document->temporary_key != nullptr && document->collection != nullptr) {
        result->key = const_cast<char*>(made_key(*document));
      }
      result->n_verdicts = document->wire->n_changes;
      result->verdicts = static_cast<Converge__Wire__Verdict**>(
          palloc0_array_of(sizeof(Converge__Wire__Verdict*), result->n_verdicts));
      for (size_t k = 0; k < result->n_verdicts; k++) {
        auto* verdict = static_cast<Converge__Wire__Verdict*>(palloc(sizeof(Converge__Wire__Verdict)));
        converge__wire__verdict__init(verdict);
        verdict->code = document->verdicts[k].code;
        verdict->message = const_cast<char*>(document->verdicts[k].message);
        verdict->expected_seq = static_cast<std::uint64_t>(document->verdicts[k].expected_seq);
        if (const char* sqlstate = document->verdicts[k].sqlstate) verdict->sqlstate = const_cast<char*>(sqlstate);
        if (const char* constraint = document->verdicts[k].constraint) {
          verdict->constraint = const_cast<char*>(constraint);
        }
        result->verdicts[k] = verdict;
      }
    }
  }
  return pack_message(&response.base);
}

}  // namespace

bool admit(PushDocument* document) {
  PushGroup* group = document->group;
  lock_policies(group->identity.tenant);
  const std::uint64_t state = token_state();
  if (group->token[0] == '\0' || group->token_state == state) return true;
  VerifiedToken verified;
  boundary::Failure failure;
  if (verify(group->token, &verified, &failure)) {
    group->token_state = state;
    return true;
  }
  if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) boundary::raise(failure);
  settle_all(document, CONVERGE__WIRE__CODE__CODE_UNAUTHENTICATED, "the token is not good any more");
  return false;
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_push(PG_FUNCTION_ARGS) {
  struct varlena* bytes = PG_GETARG_VARLENA_PP(0);
  PreventCommandIfReadOnly("push()");
  begin_push_memory();
  const Converge__Wire__PushRequest* request = parse_request(boundary::view(bytes));
  const Identity caller = copy_identity(current_identity());
  Batch* batch = make_batch(*request, caller);
  // What the caller's own statements left is not the groups'.
  fire_deferred_constraints();
  if (request->whole) {
    apply_whole(batch);
  } else {
    apply_batch(batch);
  }
  set_identity(caller);
  PG_RETURN_BYTEA_P(answer(*request, *batch));
}
