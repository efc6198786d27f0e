// What this backend knows of the documents that it has pushed to: their numbers and
// their replicas' last ones, so that the next push need not look for them. All of it was
// committed by a push of this backend, and is used only under the row's lock, beside the
// stamps that this push gave the document (document_stamp.h).
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/document_stamp.h"

namespace converge {

constexpr std::int64_t kNoYjsClient = -1;

// A replica that is not refused, and has appeared.
struct KnownWriter {
  std::int64_t replica;
  std::int64_t last;        // its last number
  bool unfolded;            // converge.unfolded has it; false: perhaps
  std::int64_t yjs_client;  // a Yjs client that it wrote under and that is its principal's; or kNoYjsClient
  char* principal;
  std::uint64_t stamp;      // beside which it is known
  bool in_doubt;            // the open transaction has written as it
};

struct KnownDocument;

// Once for each push(), at its begin.
void begin_push_memory();

// Which document has that name, as far as is known; 0: not known. It may be none any more.
std::int64_t known_number(const Collection* collection, const RowRef& ref);

// What is known of the document, whose row the caller has just locked. Null: nothing is to be
// remembered of it. It lives until the push ends, and stands empty when a subtransaction
// failed.
KnownDocument* recall(const Collection* collection, const RowRef& ref);

// The document's number; 0: not known.
std::int64_t number_of(const KnownDocument* known);
// What is known of a replica, or null: nothing, or others have written as it meanwhile.
const KnownWriter* find_writer(KnownDocument* known, std::int64_t replica);

// To be known from the end of the transaction on, if it commits and nobody else has
// written to the document meanwhile. Learnt in this order.
void learn_number(KnownDocument* known, std::int64_t document);
void learn_writer(KnownDocument* known, std::int64_t replica, const char* principal, std::int64_t last, bool unfolded,
                  std::int64_t yjs_client);
// Nothing is known of the document any more.
void forget_document(KnownDocument* known);

}  // namespace converge
