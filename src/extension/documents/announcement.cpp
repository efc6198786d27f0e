#include "extension/documents/announcement.h"

#include <cstring>

namespace converge {
namespace {

Announcement* innermost = nullptr;
std::uint64_t made = 0;

template <typename Write>
std::uint64_t announce(Announcement announcement, Write write) {
  volatile std::uint64_t rows = 0;
  innermost = &announcement;
  made++;
  PG_TRY();
  { rows = write(); }
  PG_FINALLY();
  { innermost = announcement.outer; }
  PG_END_TRY();
  return rows;
}

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

bool is_announcing() { return innermost != nullptr; }

std::uint64_t announcements() { return made; }

std::uint64_t update_row_announced(Collection* collection, const RowRef& ref, std::uint64_t mask,
                                   struct varlena* const* before, struct varlena* const* values) {
  return announce({collection->tracked, ref, collection, values, before, false, false, innermost, 0},
                  [&]() { return update_row(collection, ref, mask, values); });
}

std::uint64_t insert_row_announced(Collection* collection, const RowRef& ref, std::uint64_t mask,
                                   struct varlena* const* values) {
  return announce({collection->tracked, ref, collection, values, nullptr, false, false, innermost, 0},
                  [&]() { return insert_row(collection, ref, mask, values); });
}

std::uint64_t delete_row_announced(Collection* collection, const RowRef& ref) {
  struct varlena* nothing[kMaxFields] = {};
  return announce({collection->tracked, ref, collection, nothing, nullptr, true, false, innermost, 0},
                  [&]() { return delete_row(collection, ref); });
}

std::uint64_t mark_row_announced(Collection* collection, const RowRef& ref, bool deleted) {
  struct varlena* nothing[kMaxFields] = {};
  return announce({collection->tracked, ref, collection, nothing, nullptr, false, true, innermost, 0},
                  [&]() { return mark_row(collection, ref, deleted); });
}

}  // namespace converge
