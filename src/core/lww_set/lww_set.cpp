#include "core/lww_set/lww_set.h"

namespace converge {

Result<LwwSet> LwwSet::decode(std::string_view bytes) {
  auto table = LwwTable::decode(kType, bytes);
  if (!table) return table.error();
  return LwwSet(std::move(*table));
}

Result<LwwSet> LwwSet::delta(const VersionVector& since) const {
  return LwwSet(table_.delta(since));
}

LwwSet LwwSet::difference(const LwwSet& older) const {
  return LwwSet(table_.difference(older.table_));
}

Result<void> LwwSet::add(ReplicaId replica, std::uint64_t now_ms, std::string_view element,
                         std::string* delta) {
  if (auto valid = table_.check_key(kType, element); !valid) return valid.error();
  return table_.write(kType, replica, now_ms, element, "1", delta);
}

Result<void> LwwSet::remove(ReplicaId replica, std::uint64_t now_ms, std::string_view element,
                            std::string* delta) {
  if (!contains(element)) {
    if (delta != nullptr) *delta = empty_state(kType);
    return {};
  }
  return table_.write(kType, replica, now_ms, element, {}, delta);
}

}  // namespace converge
