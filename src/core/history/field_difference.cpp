#include "core/history/field_difference.h"

#include <utility>

#include "core/history/field_view.h"
#include "core/json/json.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/sequence/diff.h"
#include "core/sequence/text.h"
#include "core/sequence/utf16.h"

namespace converge {
namespace {

using Differences = std::vector<FieldDifference>;

std::string json_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

// The bytes of the first `characters` of a text that has so many.
std::size_t bytes_of(std::string_view text, std::uint64_t characters) {
  std::size_t at = 0;
  for (; characters > 0; --characters) at += utf8_bytes_of(text[at]);
  return at;
}

Result<Differences> text_differences(std::string_view older, std::string_view newer) {
  const Result<std::string_view> before = Text::text_of_encoded(older);
  if (!before) return before.error();
  const Result<std::string_view> after = Text::text_of_encoded(newer);
  if (!after) return after.error();
  Differences differences;
  std::string_view rest = *before;  // of the older text, behind what was done
  std::uint64_t at = 0;             // where it begins, in the text as it is by then
  for (const TextChange& change : diff_text(*before, *after)) {
    rest.remove_prefix(bytes_of(rest, change.at - at));
    const std::size_t erased = bytes_of(rest, change.erased);
    FieldDifference difference;
    difference.action = change.erased == 0 ? "insert" : change.text.empty() ? "delete" : "replace";
    difference.at = change.at;
    if (erased > 0) difference.older = json_string(rest.substr(0, erased));
    if (!change.text.empty()) difference.newer = json_string(change.text);
    rest.remove_prefix(erased);
    at = change.at + measure(change.text).chars;
    differences.push_back(std::move(difference));
  }
  return differences;
}

// Walks two ascending lists: gone(x), come(x), both(x).
template <class Gone, class Come, class Both>
void compare(const std::vector<std::string_view>& older, const std::vector<std::string_view>& newer, Gone gone,
             Come come, Both both) {
  auto old = older.begin();
  for (const std::string_view item : newer) {
    for (; old != older.end() && *old < item; ++old) gone(*old);
    if (old != older.end() && *old == item) {
      both(item);
      ++old;
    } else {
      come(item);
    }
  }
  for (; old != older.end(); ++old) gone(*old);
}

Result<Differences> map_differences(std::string_view older, std::string_view newer) {
  const Result<LwwMap> before = LwwMap::decode(older);
  if (!before) return before.error();
  const Result<LwwMap> after = LwwMap::decode(newer);
  if (!after) return after.error();
  Differences differences;
  const auto add = [&](const char* action, std::string_view key, std::string_view was, std::string_view is) {
    differences.push_back({action, 0, std::string(key), std::string(was), std::string(is)});
  };
  compare(
      before->keys(), after->keys(), [&](std::string_view key) { add("unset", key, *before->get(key), {}); },
      [&](std::string_view key) { add("set", key, {}, *after->get(key)); },
      [&](std::string_view key) {
        if (*before->get(key) != *after->get(key)) add("set", key, *before->get(key), *after->get(key));
      });
  return differences;
}

template <class Set>
Result<Differences> set_differences(std::string_view older, std::string_view newer) {
  const Result<Set> before = Set::decode(older);
  if (!before) return before.error();
  const Result<Set> after = Set::decode(newer);
  if (!after) return after.error();
  Differences differences;
  const auto add = [&](const char* action, std::string_view element) {
    differences.push_back({action, 0, std::string(element), {}, {}});
  };
  compare(
      before->elements(), after->elements(), [&](std::string_view element) { add("remove", element); },
      [&](std::string_view element) { add("add", element); }, [](std::string_view) {});
  return differences;
}

Result<Differences> value_differences(FieldType type, const char* action, std::string_view older,
                                      std::string_view newer) {
  Result<std::string> before = value_json(type, older);
  if (!before) return before.error();
  Result<std::string> after = value_json(type, newer);
  if (!after) return after.error();
  Differences differences;
  if (*before != *after) differences.push_back({action, 0, {}, std::move(*before), std::move(*after)});
  return differences;
}

}  // namespace

Result<Differences> field_differences(FieldType type, std::string_view older, std::string_view newer) {
  switch (type) {
    case FieldType::crdt_text: return text_differences(older, newer);
    case FieldType::lww_map: return map_differences(older, newer);
    case FieldType::or_set: return set_differences<OrSet>(older, newer);
    case FieldType::lww_set: return set_differences<LwwSet>(older, newer);
    case FieldType::pn_counter:
    case FieldType::g_counter: return value_differences(type, "increment", older, newer);
    case FieldType::mv_register:
    case FieldType::ydoc: return value_differences(type, "assign", older, newer);
  }
  return Error{ErrorCode::wrong_type, "unknown field type", {}};
}

}  // namespace converge
