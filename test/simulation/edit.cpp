#include "edit.h"

#include <algorithm>
#include <set>


namespace converge::simulation {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
  }
  out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
}

// So many that the sum of all still fits a bigint, doubled too.
constexpr std::size_t kPowers = 38;

}  // namespace

std::string Marks::character() {
  // Of two, three and four bytes, the last of two UTF-16 code units.
  static constexpr std::uint32_t kFirst[] = {0x100, 0x4e00, 0x20000};
  const std::uint32_t number = characters_++;
  std::string utf8;
  append_utf8(utf8, kFirst[number % 3] + number / 3 % 0x500);
  return utf8;
}

std::int64_t Marks::increment(Random& random, const std::string& field, bool down) {
  std::vector<std::int64_t>& signs = increments_[field];
  if (signs.size() == kPowers) return 0;
  std::int64_t n = down && random.percent(40) ? -1 : 1;
  signs.push_back(n);
  for (std::size_t i = 1; i < signs.size(); ++i) n *= 3;
  return n;
}

bool Marks::counts_each_once(const std::string& field, std::int64_t value) const {
  auto at = increments_.find(field);
  for (std::size_t i = 0; value != 0; ++i) {
    std::int64_t digit = value % 3;  // -2 to 2
    if (digit == 2) digit = -1;
    if (digit == -2) digit = 1;
    if (at == increments_.end() || i >= at->second.size()) return false;
    if (digit != 0 && digit != at->second[i]) return false;
    value = (value - digit) / 3;
  }
  return true;
}

std::string Edit::describe() const {
  switch (type) {
    case FieldType::crdt_text:
      return field + ": at " + std::to_string(at) + " delete " + std::to_string(count) +
             ", insert \"" + value + "\"";
    case FieldType::pn_counter:
    case FieldType::g_counter:
      return field + ": add " + std::to_string(n);
    case FieldType::mv_register:
      return field + ": assign " + value;
    default:
      return field + (removes ? ": take out " : ": put ") + key + (value.empty() ? "" : " = " + value);
  }
}

Edit draw_edit(Random& random, const session::FieldInfo& field, std::uint64_t text_length,
               Marks& marks) {
  Edit edit;
  edit.field = field.field;
  edit.type = field.type;
  switch (field.type) {
    case FieldType::crdt_text: {
      // Mostly near the end, as typing does; now and then anywhere.
      edit.at = random.percent(40) ? text_length : random.below(text_length + 1);
      const std::uint64_t behind = text_length - edit.at;
      if (behind > 0 && random.percent(40)) edit.count = 1 + random.below(std::min<std::uint64_t>(behind, 4));
      edit.removes = edit.count > 0 && random.percent(50);
      if (edit.removes) break;
      for (std::uint64_t left = 1 + random.below(4); left > 0; --left) edit.value += marks.character();
      break;
    }
    case FieldType::lww_map:
      edit.key = "k" + std::to_string(random.below(5));
      edit.removes = random.percent(25);
      if (!edit.removes) edit.value = marks.number();
      break;
    case FieldType::or_set:
    case FieldType::lww_set:
      edit.key = "e" + std::to_string(random.below(6));
      edit.removes = random.percent(40);
      break;
    case FieldType::pn_counter:
      edit.n = marks.increment(random, field.field, true);
      break;
    case FieldType::g_counter:
      edit.n = marks.increment(random, field.field, false);
      break;
    case FieldType::mv_register:
      edit.value = marks.number();
      break;
    case FieldType::ydoc:  // edited by Yjs, not by the session
      break;
  }
  return edit;
}

Result<void> make(const Edit& edit, session::DocumentSession& session) {
  switch (edit.type) {
    case FieldType::crdt_text:
      return session.text_splice(edit.field, edit.at, edit.count, edit.value);
    case FieldType::lww_map:
      return edit.removes ? session.map_unset(edit.field, edit.key)
                          : session.map_set(edit.field, edit.key, edit.value);
    case FieldType::or_set:
    case FieldType::lww_set:
      return edit.removes ? session.set_remove(edit.field, edit.key)
                          : session.set_add(edit.field, edit.key);
    case FieldType::pn_counter:
    case FieldType::g_counter:
      return session.counter_increment(edit.field, edit.n);
    case FieldType::mv_register:
      return session.register_assign(edit.field, edit.value);
    case FieldType::ydoc:
      break;
  }
  return {};
}

Result<void> make(const Edit& edit, session::LiveField& field, ReplicaId replica,
                  std::uint64_t now_ms, std::string* delta) {
  switch (edit.type) {
    case FieldType::crdt_text:
      return field.get<Text>()->splice(replica, edit.at, edit.count, edit.value, delta);
    case FieldType::lww_map: {
      auto* map = field.get<LwwMap>();
      return edit.removes ? map->unset(replica, now_ms, edit.key, delta)
                          : map->set(replica, now_ms, edit.key, edit.value, delta);
    }
    case FieldType::or_set: {
      auto* set = field.get<OrSet>();
      return edit.removes ? set->remove(replica, edit.key, delta)
                          : set->add(replica, edit.key, delta);
    }
    case FieldType::lww_set: {
      auto* set = field.get<LwwSet>();
      return edit.removes ? set->remove(replica, now_ms, edit.key, delta)
                          : set->add(replica, now_ms, edit.key, delta);
    }
    case FieldType::pn_counter:
      return field.get<PnCounter>()->increment(replica, edit.n, delta);
    case FieldType::g_counter:
      return field.get<GCounter>()->increment(replica, static_cast<std::uint64_t>(edit.n), delta);
    case FieldType::mv_register:
      return field.get<MvRegister>()->assign(replica, edit.value, delta);
    case FieldType::ydoc:
      break;
  }
  return {};
}

std::string repeated_characters(std::string_view utf8) {
  std::set<std::string_view> seen;
  std::string repeated;
  for (std::size_t at = 0; at < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[at]);
    const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const std::string_view character = utf8.substr(at, bytes);
    if (!seen.insert(character).second) repeated += character;
    at += bytes;
  }
  return repeated;
}

}  // namespace converge::simulation
