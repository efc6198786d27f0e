#include "core/lww_map/lww_table.h"

#include <algorithm>

#include "core/codec/utf8.h"
#include "core/codec/varint.h"
#include "core/json/json.h"
#include "core/long_work.h"
#include "core/state_header.h"

namespace converge {

namespace {

Error too_many(FieldType type, std::size_t have, std::size_t more) {
  return Error{ErrorCode::too_large,
               std::string(field_type_name(type)) + " has no room for more " +
                   (type == FieldType::lww_set ? "elements" : "keys"),
               std::to_string(have) + " and " + std::to_string(more) + " more, the limit is " +
                   std::to_string(kMaxEntries)};
}

// A value as encode() writes it: checked.
std::string_view read_value(FieldType type, Reader& in) {
  if (type == FieldType::lww_set) {
    const std::uint8_t held = in.byte();
    if (held > 1) in.fail("an element is neither in nor out");
    return held == 1 ? std::string_view("1") : std::string_view();
  }
  const std::string_view value = in.string();
  if (value.size() > kMaxValueBytes) in.fail("a value is too long");
  if (!value.empty() && !in.failed() && !validate_json(value).ok()) in.fail("a value is not JSON");
  return value;
}

}  // namespace

template <class Start, class Take>
Result<void> LwwTable::read(FieldType type, Reader& in, CausalContext& context, Start start,
                            Take take) {
  context = CausalContext::decode(in);
  if (!in.failed() && context.empty()) in.fail("an empty state is one byte");
  const std::vector<ReplicaId> replicas = context.replicas();
  const std::size_t count = in.count(5);
  if (count > kMaxEntries) return too_many(type, 0, count);
  const std::uint64_t least = count > 0 ? in.varint() : 0;
  std::uint64_t nearest = ~std::uint64_t{0};
  start(count);
  EncodedEntry entry;
  std::string_view before;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    long_work(i);
    entry.key = in.string();
    if (i > 0 && !(before < entry.key)) in.fail("keys are not in ascending order");
    if (entry.key.size() > kMaxKeyBytes) in.fail("a key is too long");
    if (!is_valid_text(entry.key)) in.fail("a key is no text");
    before = entry.key;
    const std::uint64_t place = in.varint();
    const std::uint64_t counter = in.varint();
    const std::uint64_t later = in.varint();
    entry.value = read_value(type, in);
    if (place >= replicas.size()) in.fail("a write names no replica of the context");
    if (later > ~least) in.fail("a clock exceeds 64 bits");
    if (in.failed()) break;
    entry.dot = Dot{replicas[place], counter};
    if (!context.contains(entry.dot)) in.fail("a write is not in the context");
    nearest = std::min(nearest, later);
    entry.hlc = Hlc{least + later};
    take(entry);
  }
  if (count > 0 && nearest != 0) in.fail("the least clock is none of the entries'");
  in.expect_end();
  if (in.failed()) return in.error(field_type_name(type));
  return {};
}

Result<LwwTable> LwwTable::decode(FieldType type, std::string_view bytes) {
  LwwTable table;
  Reader in(bytes);
  if (auto header = read_state_header(type, in); !header) return header.error();
  if (in.at_end()) return table;
  auto done = read(
      type, in, table.context_, [&](std::size_t count) { table.entries_.reserve(count); },
      [&](const EncodedEntry& entry) {
        table.entries_.append(entry.key) = Entry{entry.hlc, entry.dot, std::string(entry.value)};
        table.greatest_ = std::max(table.greatest_, entry.hlc);
      });
  if (!done) return done.error();
  return table;
}

std::string LwwTable::encode(FieldType type) const {
  std::string out(1, state_header(type));
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
  std::size_t round = 0;
  for (std::uint32_t at : entries_.sorted()) {
    long_work(round++);
    const auto& [key, entry] = entries_[at];
    append_string(out, key);
    append_varint(out, replica_index(replicas, entry.dot.replica));
    append_varint(out, entry.dot.counter);
    append_varint(out, entry.hlc.bits - least);
    if (type == FieldType::lww_set) {
      out.push_back(entry.is_set() ? '\1' : '\0');
    } else {
      append_string(out, entry.value);
    }
  }
  return out;
}

bool LwwTable::beats(const EncodedEntry& a, const Entry& b) {
  if (a.hlc != b.hlc) return a.hlc > b.hlc;
  if (a.dot.replica != b.dot.replica) return a.dot.replica > b.dot.replica;
  if (int order = a.value.compare(b.value); order != 0) return order > 0;
  return a.dot.counter > b.dot.counter;
}

void LwwTable::take(const EncodedEntry& entry) {
  auto [at, added] = entries_.find_or_add(entry.key);
  Entry& mine = entries_.value_at(at);
  if (added || beats(entry, mine)) {
    mine.hlc = entry.hlc;
    mine.dot = entry.dot;
    mine.value = entry.value;
    greatest_ = std::max(greatest_, entry.hlc);
  }
}

void LwwTable::take(std::string_view key, const Entry& entry) {
  take(EncodedEntry{key, entry.hlc, entry.dot, entry.value});
}

template <class Entries>
Result<void> LwwTable::check_room(FieldType type, const Entries& theirs) const {
  if (entries_.size() + theirs.size() <= kMaxEntries) return {};
  std::size_t added = 0;
  for (const auto& entry : theirs) added += entries_.find(entry.key) == nullptr;
  if (entries_.size() + added > kMaxEntries) return too_many(type, entries_.size(), added);
  return {};
}

Result<void> LwwTable::merge(FieldType type, const LwwTable& other) {
  if (auto room = check_room(type, other.entries_); !room) return room.error();
  std::size_t round = 0;
  for (const auto& slot : other.entries_) {
    long_work(round++);
    take(slot.key, slot.value);
  }
  context_.merge(other.context_);
  return {};
}

Result<void> LwwTable::merge_encoded(FieldType type, std::string_view bytes) {
  Reader in(bytes);
  if (auto header = read_state_header(type, in); !header) return header.error();
  if (in.at_end()) return {};
  CausalContext context;
  std::vector<EncodedEntry> theirs;
  auto done = read(
      type, in, context, [&](std::size_t count) { theirs.reserve(count); },
      [&](const EncodedEntry& entry) { theirs.push_back(entry); });
  if (!done) return done.error();
  if (auto room = check_room(type, theirs); !room) return room.error();
  for (const EncodedEntry& entry : theirs) take(entry);
  context_.merge(context);
  return {};
}

LwwTable LwwTable::delta(const VersionVector& since) const {
  LwwTable delta;
  delta.context_ = context_.minus(since);
  for (const auto& [key, entry] : entries_) {
    if (!since.covers(entry.dot)) delta.take(key, entry);
  }
  return delta;
}

LwwTable LwwTable::difference(const LwwTable& older) const {
  LwwTable difference;
  difference.context_ = context_.minus(older.context_);
  for (const auto& [key, entry] : entries_) {
    const Entry* theirs = older.entries_.find(key);
    if (theirs == nullptr || beats(EncodedEntry{key, entry.hlc, entry.dot, entry.value}, *theirs)) {
      difference.take(key, entry);
      // The same write with another value, by a replica that contradicts
      // itself: its dot is known, but an entry needs it in its context.
      difference.context_.add(entry.dot);
    }
  }
  return difference;
}

const LwwTable::Entry* LwwTable::find_set(std::string_view key) const {
  const Entry* entry = entries_.find(key);
  return entry != nullptr && entry->is_set() ? entry : nullptr;
}

std::vector<std::string_view> LwwTable::keys() const {
  std::vector<std::string_view> keys;
  for (std::uint32_t at : entries_.sorted()) {
    if (entries_[at].value.is_set()) keys.push_back(entries_[at].key);
  }
  return keys;
}

Result<void> LwwTable::check_key(FieldType type, std::string_view key) const {
  const std::string what(type == FieldType::lww_set ? "element" : "key");
  if (key.size() > kMaxKeyBytes) {
    return Error{ErrorCode::too_large, what + " is too long",
                 std::to_string(key.size()) + " bytes, the limit is " +
                     std::to_string(kMaxKeyBytes)};
  }
  if (std::size_t at = find_invalid_text(key); at != kTextOk) {
    return Error{ErrorCode::malformed, what + " is not valid text",
                 "invalid UTF-8 or U+0000 at byte " + std::to_string(at)};
  }
  if (entries_.size() >= kMaxEntries && entries_.find(key) == nullptr) {
    return too_many(type, entries_.size(), 1);
  }
  return {};
}

Result<void> LwwTable::write(FieldType type, ReplicaId replica, std::uint64_t now_ms,
                             std::string_view key, std::string_view value, std::string* delta) {
  auto hlc = greatest_.tick(now_ms);
  if (!hlc) return hlc.error();
  auto dot = context_.mint(replica);
  if (!dot) return dot.error();
  const Entry entry{*hlc, *dot, std::string(value)};
  take(key, entry);
  if (delta != nullptr) {
    LwwTable edit;
    edit.take(key, entry);
    edit.context_.add(*dot);
    *delta = edit.encode(type);
  }
  return {};
}

}  // namespace converge
