// Who made what of a document's fields, gathered from its log. The rules and the
// encoding are core/history/authorship.h's.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/log.h"
#include "extension/documents/payload.h"

namespace converge {

// Some identifiers of a field and who logged them.
struct AuthoredItems {
  std::int64_t item_replica;
  std::uint64_t first;
  std::uint64_t last;
  std::int64_t replica;   // the log's
  const char* principal;
  std::int64_t at;        // a TimestampTz
};

// One field, by its name in the log.
struct AuthoredField {
  const char* name;
  AuthoredItems* items;        // not in the encoding yet
  int count, room;
  std::string_view encoded;    // an Authorship; empty: none yet
};

struct Authors {
  AuthoredField* fields;
  int count, room;
  MemoryContext result;   // of all this: the context of begin_authors()
  MemoryContext scratch;  // of decoded changes
  const char* principal;  // the last one that was seen: it is kept once
};

Authors begin_authors();

// What compaction has kept, as `snapshot` sees it. Before any change.
void add_kept_authors(Authors* authors, const char* tenant, std::int64_t document, Snapshot snapshot);

// What the change brings to the field called `only`, or, where that is null, to any.
void add_change_authors(Authors* authors, const LoggedChange& change, const char* only);

// Encodes all of it. Nothing may be added any more.
void finish_authors(Authors* authors);

// The field's encoded Authorship, empty where nothing is known.
std::string_view authorship_of(const Authors& authors, const char* field);

}  // namespace converge
