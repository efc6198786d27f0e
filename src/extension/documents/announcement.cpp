#include "extension/documents/announcement.h"

#include <cstring>

namespace converge {
namespace {

Announcement* innermost = nullptr;

}  // namespace

const Announcement* announced(const Collection* collection, const RowRef& ref) {
  for (const Announcement* a = innermost; a != nullptr; a = a->outer) {
    if (a->tracked == collection->tracked && std::strcmp(a->ref.tenant, ref.tenant) == 0 &&
        std::strcmp(a->ref.key, ref.key) == 0) {
      return a;
    }
  }
  return nullptr;
}

std::uint64_t update_row_announced(Collection* collection, const RowRef& ref, std::uint64_t mask,
                                   struct varlena* const* values) {
  Announcement announcement{collection->tracked, ref, collection, values, innermost};
  volatile std::uint64_t updated = 0;
  innermost = &announcement;
  PG_TRY();
  { updated = update_row(collection, ref, mask, values); }
  PG_FINALLY();
  { innermost = announcement.outer; }
  PG_END_TRY();
  return updated;
}

}  // namespace converge
