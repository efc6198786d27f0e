#include "core/lww_map/lww_map.h"

#include "core/json/json.h"

namespace converge {

Result<LwwMap> LwwMap::decode(std::string_view bytes) {
  auto table = LwwTable::decode(kType, bytes);
  if (!table) return table.error();
  return LwwMap(std::move(*table));
}

Result<LwwMap> LwwMap::delta(const VersionVector& since) const {
  return LwwMap(table_.delta(since));
}

LwwMap LwwMap::difference(const LwwMap& older) const {
  return LwwMap(table_.difference(older.table_));
}

std::optional<std::string_view> LwwMap::get(std::string_view key) const {
  const LwwTable::Entry* entry = table_.find_set(key);
  if (entry == nullptr) return std::nullopt;
  return entry->value;
}

std::string LwwMap::to_json() const {
  std::string out = "{";
  for (std::uint32_t at : table_.entries().sorted()) {
    const auto& [key, entry] = table_.entries()[at];
    if (!entry.is_set()) continue;
    if (out.size() > 1) out.push_back(',');
    append_json_string(out, key);
    out.push_back(':');
    out += entry.value;
  }
  return out + "}";
}

Result<void> LwwMap::set(ReplicaId replica, std::uint64_t now_ms, std::string_view key,
                         std::string_view json, std::string* delta) {
  if (auto valid = table_.check_key(kType, key); !valid) return valid.error();
  if (json.size() > kMaxValueBytes) {
    return Error{ErrorCode::too_large, "value is too long",
                 std::to_string(json.size()) + " bytes, the limit is " +
                     std::to_string(kMaxValueBytes)};
  }
  if (auto valid = validate_json(json); !valid) return valid.error();
  return table_.write(kType, replica, now_ms, key, json, delta);
}

Result<void> LwwMap::unset(ReplicaId replica, std::uint64_t now_ms, std::string_view key,
                           std::string* delta) {
  if (!contains(key)) {
    if (delta != nullptr) *delta = empty_state(kType);
    return {};
  }
  return table_.write(kType, replica, now_ms, key, {}, delta);
}

}  // namespace converge
