// A document that the caller may read: the one check before anything of it is
// given out.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

extern "C" {
#include "utils/snapshot.h"
}

namespace converge {

struct ReadableDocument {
  Collection* collection;
  RowRef ref;
  std::int64_t document;
  struct varlena* values[kMaxFields];  // as read_row()
  PlainValues plain;
};

// The document of the caller's tenant with that name, read in the active
// snapshot under the caller's privileges and policies. Raises 28000 where the
// caller is nobody, 42P01 for an unknown collection, 42704 for a document that
// does not exist or that the caller may not see, which is not told apart; 42501, with
// what it was in the server's log alone, where the table's policies raise.
ReadableDocument read_document(const char* collection, const char* key);

// The same for who is to write: the row is locked as UPDATE would, and read as it
// is then. Raises 42501 where the caller may see but not change it.
ReadableDocument write_document(const char* collection, const char* key);

// The number of the document of that name if the present identity may read it, in the
// active snapshot; otherwise 0, also where the collection is not known. Raises what
// the table's policies raise.
std::int64_t readable_document(const char* collection, const char* key);

enum class MayWrite { no, yes, unknown };

// Whether push() would let the present identity change that field of the document, as
// everything committed stands, and as far as that is decided before a change is looked at:
// by its claims, its privileges, the policies that let it lock the row, and those that look at
// what the row becomes (WITH CHECK), as far as that stays what it is. `no` also where there is no such
// document or field, where a policy raises, and in a read-only transaction; `unknown` where
// push() would say that it cannot be changed now. Waits for no lock, and takes none on the row.
MayWrite may_write(const char* collection, const char* key, const char* field);

// Whether the role has the privilege to write the field's column.
bool may_update(const Collection& collection, const Field& field);

// Raises what read_document() raises for a document that does not exist where this
// one is softly deleted.
void require_live(const ReadableDocument& found);

// "COLLECTION/KEY".
const char* document_name(const char* collection, const char* key);

// Raises 42704.
[[noreturn]] void no_such_document(const char* collection, const char* key);

// Raises 42P01.
[[noreturn]] void no_such_collection(const char* collection);

}  // namespace converge
