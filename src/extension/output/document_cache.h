// From a document's number to the collection and key that the wire names it
// by, looked up in converge.document and converge.collection (user catalog
// tables) as of the transaction that is being decoded, and kept.
#pragma once

#include "postgres_headers.h"

namespace converge::output {

struct DocumentName {
  const char* collection;
  const char* key;
};

// Bounded: beyond 16,384 documents or 8 MiB of names everything is forgotten
// and looked up again as it is met.
class DocumentCache {
 public:
  // Keeps its entries in a child of `parent` and goes with it.
  static DocumentCache* create(MemoryContext parent);

  // The document's name, or null if the catalogs have none (the extension was
  // dropped since). Valid until the next call. To be called in a change
  // callback, under its historic snapshot.
  const DocumentName* find(const char* tenant, uint64 document);

  // To be called when a decoded transaction changed rows that were looked up.
  void clear();

 private:
  struct Entry {
    uint64 document;  // the key: numbers are unique beyond the tenant
    DocumentName name;
  };

  MemoryContext context_;
  HTAB* entries_;
  Size bytes_;
  uint64 generation_;
};

}  // namespace converge::output
