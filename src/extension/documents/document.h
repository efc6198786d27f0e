// converge.document: the rows of tracked tables as documents.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

extern "C" {
#include "utils/snapshot.h"
}

namespace converge {

// The newest incarnation of a row; 0 if there never was one. Its row may be
// deleted. In `snapshot`, or as everything committed has it.
std::int64_t find_document(const Collection* collection, const RowRef& ref, Snapshot snapshot = nullptr);

// All incarnations, ascending: an array in CurrentMemoryContext.
std::int64_t* incarnations_of(const Collection* collection, const RowRef& ref, int* count);

// A document with its name.
struct DocumentName {
  const char* tenant;
  std::int64_t document;
  const char* key;
};

// The collection's documents that come after (tenant, document) `after` in that
// order, at most `limit`; how many. In CurrentMemoryContext.
int documents_after(const Collection* collection, const DocumentName& after, DocumentName* documents, int limit);

// What a document is of: its collection's number and its key. False: there is none.
bool describe_document(const char* tenant, std::int64_t document, std::int32_t* collection, const char** key);

// A new incarnation.
std::int64_t create_document(const Collection* collection, const RowRef& ref);

}  // namespace converge
