// check_access(): what many clients may still read, in one call.
#include <cstring>

#include "extension/documents/access.h"
#include "extension/documents/owned_table.h"
#include "extension/documents/subtransaction.h"
#include "extension/documents/wire_memory.h"
#include "extension/security/authenticate.h"
#include "extension/security/identity.h"
#include "extension/security/ticket.h"
#include "proto/converge.pb-c.h"

extern "C" {
#include "access/transam.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_check_access);
}

namespace converge {
namespace {

constexpr std::size_t kMaxRequestBytes = 16 << 20;
constexpr std::size_t kMaxDocuments = 65536;  // and questions
constexpr std::size_t kMaxTransactions = 1024;
// How long each of them is waited for, milliseconds.
constexpr int kTransactionTimeout = 5000;

Converge__Wire__AccessRequest* parse_request(std::string_view bytes) {
  if (bytes.size() > kMaxRequestBytes) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("access request is too large"),
                    errdetail("It has %zu bytes; the limit is %zu.", bytes.size(), kMaxRequestBytes)));
  }
  WireMemory memory(CurrentMemoryContext, bytes.size() * 8 + (1 << 20));
  Converge__Wire__AccessRequest* request = converge__wire__access_request__unpack(
      &memory.allocator, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  if (request == nullptr && memory.exhausted) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("access request has too many parts")));
  }
  if (request == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("access request is malformed"),
                    errdetail("It is not an AccessRequest message.")));
  }
  size_t documents = 0;
  for (size_t i = 0; i < request->n_questions; i++) documents += request->questions[i]->n_documents;
  if (Max(request->n_questions, documents) > kMaxDocuments || request->n_after > kMaxTransactions) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("access request has too many parts"),
                    errdetail("It has %zu documents in %zu questions and %zu transactions; the limits are %zu, %zu and %zu.",
                              documents, request->n_questions, request->n_after, kMaxDocuments, kMaxDocuments,
                              kMaxTransactions)));
  }
  return request;
}

// A commit is decoded a moment before other sessions see it, and they see it a moment
// before they are told to forget what they had of it: tokens that are good, say. Its lock
// is the last that a transaction gives up.
void wait_for_transactions(const Converge__Wire__AccessRequest& request) {
  const int level = begin_lock_timeout(kTransactionTimeout);
  for (size_t i = 0; i < request.n_after; i++) {
    const TransactionId transaction = request.after[i];
    if (TransactionIdIsNormal(transaction) && !TransactionIdIsCurrentTransactionId(transaction)) {
      XactLockTableWait(transaction, nullptr, nullptr, XLTW_None);
    }
  }
  end_lock_timeout(level);
}

// What is asked about one document, and the place of the answer.
struct Question {
  const Converge__Wire__DocumentRef* ref;
  const char* field;  // of which it is asked whether it may be written; empty: of none
  Converge__Wire__DocumentAccess* answer;
  bool ticket;
};

// The questions of one identity.
struct Work {
  Identity identity;
  Question* questions;
  size_t count;
};

void refuse(Converge__Wire__DocumentAccess* answer, Converge__Wire__Code code, const char* message) {
  answer->code = code;
  answer->message = const_cast<char*>(message);
}

Converge__Wire__Code code_of(MayWrite may) {
  switch (may) {
    case MayWrite::yes:
      return CONVERGE__WIRE__CODE__CODE_OK;
    case MayWrite::no:
      return CONVERGE__WIRE__CODE__CODE_DENIED;
    default:
      return CONVERGE__WIRE__CODE__CODE_UNAVAILABLE;
  }
}

void answer_question(const Question& question) {
  const Converge__Wire__DocumentRef* ref = question.ref;
  if (!pg_verify_mbstr(PG_UTF8, ref->collection, static_cast<int>(std::strlen(ref->collection)), true) ||
      !pg_verify_mbstr(PG_UTF8, ref->key, static_cast<int>(std::strlen(ref->key)), true)) {
    refuse(question.answer, CONVERGE__WIRE__CODE__CODE_MALFORMED, "the document is not named in UTF-8");
    return;
  }
  const std::int64_t document = readable_document(ref->collection, ref->key);
  if (document == 0) {
    refuse(question.answer, CONVERGE__WIRE__CODE__CODE_UNKNOWN_DOCUMENT, "there is no such document");
    return;
  }
  question.answer->document = static_cast<std::uint64_t>(document);
  if (question.field[0] != '\0') question.answer->writing = code_of(may_write(ref->collection, ref->key, question.field));
}

void answer_all(void* argument) {
  const auto* work = static_cast<const Work*>(argument);
  set_identity(work->identity);
  for (size_t i = 0; i < work->count; i++) {
    CHECK_FOR_INTERRUPTS();
    answer_question(work->questions[i]);
  }
}

// Where a policy raises, the one whose it is is refused alone. What it raises is not
// told: it may be about a row that the caller may not see.
void answer_each(const Work& work) {
  for (size_t i = 0; i < work.count; i++) {
    Work one{work.identity, &work.questions[i], 1};
    const ErrorData* error = in_subtransaction(answer_all, &one);
    if (error == nullptr) continue;
    ereport(LOG, (errmsg("could not check access to document \"%s\" of collection \"%s\": %s",
                         work.questions[i].ref->key, work.questions[i].ref->collection, error->message)));
    refuse(work.questions[i].answer, CONVERGE__WIRE__CODE__CODE_DENIED, "the document cannot be read now");
  }
}

void sign_tickets(const Work& work) {
  for (size_t i = 0; i < work.count; i++) {
    Converge__Wire__DocumentAccess* answer = work.questions[i].answer;
    if (answer->code != CONVERGE__WIRE__CODE__CODE_OK) continue;
    const struct varlena* ticket = sign_ticket(work.identity.tenant, static_cast<std::int64_t>(answer->document));
    answer->ticket.data = reinterpret_cast<uint8_t*>(const_cast<char*>(boundary::view(ticket).data()));
    answer->ticket.len = boundary::view(ticket).size();
  }
}

Converge__Wire__AccessAnswer* answer_to(const Converge__Wire__AccessQuestion& asked, bool tickets) {
  auto* answer = static_cast<Converge__Wire__AccessAnswer*>(palloc(sizeof(Converge__Wire__AccessAnswer)));
  converge__wire__access_answer__init(answer);
  VerifiedToken verified;
  boundary::Failure failure;
  if (!verify(asked.token, &verified, &failure)) {
    if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) boundary::raise(failure);
    answer->code = CONVERGE__WIRE__CODE__CODE_UNAUTHENTICATED;
    answer->message = pstrdup(failure.message);
    return answer;
  }
  Work work{copy_identity(identity_of(verified)),
            static_cast<Question*>(palloc0_array_of(sizeof(Question), asked.n_documents)), asked.n_documents};
  answer->n_documents = asked.n_documents;
  answer->documents = static_cast<Converge__Wire__DocumentAccess**>(
      palloc0_array_of(sizeof(Converge__Wire__DocumentAccess*), asked.n_documents));
  for (size_t i = 0; i < asked.n_documents; i++) {
    auto* access = static_cast<Converge__Wire__DocumentAccess*>(palloc(sizeof(Converge__Wire__DocumentAccess)));
    converge__wire__document_access__init(access);
    answer->documents[i] = access;
    work.questions[i] = {asked.documents[i], i < asked.n_fields ? asked.fields[i] : "", access, tickets};
  }
  if (in_subtransaction(answer_all, &work) != nullptr) answer_each(work);
  if (tickets) sign_tickets(work);
  return answer;
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_check_access(PG_FUNCTION_ARGS) {
  const Converge__Wire__AccessRequest* request = parse_request(boundary::view(PG_GETARG_VARLENA_PP(0)));
  if (request->tickets) require_tickets();
  const Identity caller = copy_identity(current_identity());
  wait_for_transactions(*request);

  Converge__Wire__AccessResponse response;
  converge__wire__access_response__init(&response);
  response.n_answers = request->n_questions;
  response.answers = static_cast<Converge__Wire__AccessAnswer**>(
      palloc0_array_of(sizeof(Converge__Wire__AccessAnswer*), request->n_questions));
  PushActiveSnapshot(latest_snapshot());
  for (size_t i = 0; i < request->n_questions; i++) {
    response.answers[i] = answer_to(*request->questions[i], request->tickets);
  }
  PopActiveSnapshot();
  set_identity(caller);
  PG_RETURN_BYTEA_P(pack_message(&response.base));
}
