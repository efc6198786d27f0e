#include "core/lww_map/lww_map.h"

#include <algorithm>
#include <tuple>

#include "core/codec/utf8.h"
#include "core/codec/varint.h"
#include "core/field.h"
#include "core/json/json.h"
#include "core/state_header.h"

namespace converge {

namespace {

bool beats(const LwwMap::Entry& a, const LwwMap::Entry& b) {
  if (a.hlc != b.hlc) return a.hlc > b.hlc;
  if (a.dot.replica != b.dot.replica) return a.dot.replica > b.dot.replica;
  if (int order = a.value.compare(b.value); order != 0) return order > 0;
  return a.dot.counter > b.dot.counter;
}

}  // namespace

Result<LwwMap> LwwMap::decode(std::string_view bytes) {
  LwwMap map;
  Reader in(bytes);
  if (auto header = read_state_header(FieldType::lww_map, in); !header) return header.error();
  if (in.at_end()) return map;
  map.context_ = CausalContext::decode(in);
  if (!in.failed() && map.context_.empty()) in.fail("an empty map is one byte");
  const std::vector<ReplicaId> replicas = map.context_.replicas();
  const std::size_t count = in.count(5);
  if (count > kMaxEntries) {
    return Error{ErrorCode::too_large, "lww_map has too many keys",
                 std::to_string(count) + ", the limit is " + std::to_string(kMaxEntries)};
  }
  const std::uint64_t least = count > 0 ? in.varint() : 0;
  std::uint64_t nearest = ~std::uint64_t{0};
  map.entries_.reserve(count);
  std::string_view before;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::string_view key = in.string();
    if (i > 0 && !(before < key)) in.fail("keys are not in ascending order");
    if (key.size() > kMaxKeyBytes) in.fail("a key is too long");
    if (!is_valid_text(key)) in.fail("a key is no text");
    before = key;
    const std::uint64_t place = in.varint();
    const std::uint64_t counter = in.varint();
    const std::uint64_t later = in.varint();
    const std::string_view value = in.string();
    if (place >= replicas.size()) in.fail("a write names no replica of the context");
    if (later > ~least) in.fail("a clock exceeds 64 bits");
    if (value.size() > kMaxValueBytes) in.fail("a value is too long");
    if (in.failed()) break;
    const Dot dot{replicas[place], counter};
    if (!map.context_.contains(dot)) in.fail("a write is not in the context");
    if (!value.empty() && !validate_json(value).ok()) in.fail("a value is not JSON");
    nearest = std::min(nearest, later);
    Entry& entry = map.entries_.append(key);
    entry.hlc = Hlc{least + later};
    entry.dot = dot;
    entry.value = value;
    map.greatest_ = std::max(map.greatest_, entry.hlc);
  }
  if (count > 0 && nearest != 0) in.fail("the least clock is none of the entries'");
  in.expect_end();
  if (in.failed()) return in.error("lww_map");
  return map;
}

std::string LwwMap::encode() const {
  std::string out(1, state_header(FieldType::lww_map));
  if (context_.empty()) return out;
  std::size_t size = 32 + context_.intervals().size() * 16;
  std::uint64_t least = ~std::uint64_t{0};
  for (const auto& slot : entries_) {
    size += slot.key.size() + slot.value.value.size() + 20;
    least = std::min(least, slot.value.hlc.bits);
  }
  out.reserve(size);
  context_.encode(out);
  append_varint(out, entries_.size());
  if (entries_.empty()) return out;
  append_varint(out, least);
  const std::vector<ReplicaId> replicas = context_.replicas();
  for (std::uint32_t at : entries_.sorted()) {
    const auto& [key, entry] = entries_[at];
    append_string(out, key);
    append_varint(out, replica_index(replicas, entry.dot.replica));
    append_varint(out, entry.dot.counter);
    append_varint(out, entry.hlc.bits - least);
    append_string(out, entry.value);
  }
  return out;
}

void LwwMap::take(std::string_view key, const Entry& entry) {
  auto [at, added] = entries_.find_or_add(key);
  Entry& mine = entries_.value_at(at);
  if (added || beats(entry, mine)) {
    mine = entry;
    greatest_ = std::max(greatest_, entry.hlc);
  }
}

Result<void> LwwMap::merge(const LwwMap& other) {
  if (entries_.size() + other.entries_.size() > kMaxEntries) {
    std::size_t added = 0;
    for (const auto& slot : other.entries_) added += entries_.find(slot.key) == nullptr;
    if (entries_.size() + added > kMaxEntries) {
      return Error{ErrorCode::too_large, "lww_map has no room for more keys",
                   std::to_string(entries_.size()) + " and " + std::to_string(added) +
                       " more, the limit is " + std::to_string(kMaxEntries)};
    }
  }
  for (const auto& slot : other.entries_) take(slot.key, slot.value);
  context_.merge(other.context_);
  return {};
}

Result<LwwMap> LwwMap::delta(const VersionVector& since) const {
  LwwMap delta;
  delta.context_ = context_.minus(since);
  for (const auto& [key, entry] : entries_) {
    if (!since.covers(entry.dot)) delta.take(key, entry);
  }
  return delta;
}

LwwMap LwwMap::difference(const LwwMap& older) const {
  LwwMap difference;
  difference.context_ = context_.minus(older.context_);
  for (const auto& [key, entry] : entries_) {
    const Entry* theirs = older.entries_.find(key);
    if (theirs == nullptr || beats(entry, *theirs)) {
      difference.take(key, entry);
      // The same write with another value, by a replica that contradicts
      // itself: its dot is known, but an entry needs it in its context.
      difference.context_.add(entry.dot);
    }
  }
  return difference;
}

std::optional<std::string_view> LwwMap::get(std::string_view key) const {
  const Entry* entry = entries_.find(key);
  if (entry == nullptr || !entry->is_set()) return std::nullopt;
  return entry->value;
}

std::vector<std::string_view> LwwMap::keys() const {
  std::vector<std::string_view> keys;
  for (std::uint32_t at : entries_.sorted()) {
    if (entries_[at].value.is_set()) keys.push_back(entries_[at].key);
  }
  return keys;
}

std::string LwwMap::to_json() const {
  std::string out = "{";
  for (std::uint32_t at : entries_.sorted()) {
    const auto& [key, entry] = entries_[at];
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
  if (key.size() > kMaxKeyBytes) {
    return Error{ErrorCode::too_large, "key is too long",
                 std::to_string(key.size()) + " bytes, the limit is " +
                     std::to_string(kMaxKeyBytes)};
  }
  if (std::size_t at = find_invalid_text(key); at != kTextOk) {
    return Error{ErrorCode::malformed, "key is not valid text",
                 "invalid UTF-8 or U+0000 at byte " + std::to_string(at)};
  }
  if (json.size() > kMaxValueBytes) {
    return Error{ErrorCode::too_large, "value is too long",
                 std::to_string(json.size()) + " bytes, the limit is " +
                     std::to_string(kMaxValueBytes)};
  }
  if (auto valid = validate_json(json); !valid) return valid.error();
  if (entries_.size() >= kMaxEntries && entries_.find(key) == nullptr) {
    return Error{ErrorCode::too_large, "lww_map has no room for more keys",
                 "the limit is " + std::to_string(kMaxEntries)};
  }
  return write(replica, now_ms, key, json, delta);
}

Result<void> LwwMap::unset(ReplicaId replica, std::uint64_t now_ms, std::string_view key,
                           std::string* delta) {
  if (!contains(key)) {
    if (delta != nullptr) *delta = LwwMap().encode();
    return {};
  }
  return write(replica, now_ms, key, {}, delta);
}

Result<void> LwwMap::write(ReplicaId replica, std::uint64_t now_ms, std::string_view key,
                           std::string_view value, std::string* delta) {
  auto hlc = greatest_.tick(now_ms);
  if (!hlc) return hlc.error();
  auto dot = context_.mint(replica);
  if (!dot) return dot.error();
  const Entry entry{*hlc, *dot, std::string(value)};
  take(key, entry);
  if (delta != nullptr) {
    LwwMap edit;
    edit.take(key, entry);
    edit.context_.add(*dot);
    *delta = edit.encode();
  }
  return {};
}

}  // namespace converge
