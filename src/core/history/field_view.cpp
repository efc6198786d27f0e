#include "core/history/field_view.h"

#include <cstdint>
#include <vector>

#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/json/json.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/sequence/text_codec.h"
#include "core/sequence/utf16.h"
#include "core/ydoc/ydoc.h"

namespace converge {
namespace {

constexpr std::size_t kSummaryParts = 4;
constexpr std::uint32_t kSummaryCharacters = 40;  // of one text, key or value

// ------------------------------------------------------------------- values

std::string json_strings(const std::vector<std::string_view>& strings) {
  std::string json = "[";
  for (const std::string_view string : strings) {
    if (json.size() > 1) json += ',';
    append_json_string(json, string);
  }
  return json + ']';
}

std::string json_values(const std::vector<std::string_view>& values) {
  std::string json = "[";
  for (const std::string_view value : values) {
    if (json.size() > 1) json += ',';
    json += value;
  }
  return json + ']';
}

template <class Counter>
Result<std::string> counter_json(std::string_view state) {
  const Result<Counter> counter = Counter::decode(state);
  if (!counter) return counter.error();
  const Result<std::int64_t> value = counter->value();
  if (!value) return value.error();
  return std::to_string(*value);
}

template <class Set>
Result<std::string> set_json(std::string_view state) {
  const Result<Set> set = Set::decode(state);
  if (!set) return set.error();
  return json_strings(set->elements());
}

// ----------------------------------------------------------------- summaries

// The parts of a summary: the first few, and how many more there were.
class Summary {
 public:
  void add(const char* what, std::string_view of = {}, std::string_view is = {}) {
    if (++parts_ > kSummaryParts) return;
    if (!text_.empty()) text_ += "; ";
    text_ += what;
    append(' ', of);
    append(is.empty() ? '\0' : '=', is);
  }
  std::string take() {
    if (parts_ > kSummaryParts) text_ += "; " + std::to_string(parts_ - kSummaryParts) + " more";
    return std::move(text_);
  }

 private:
  void append(char before, std::string_view text) {
    if (text.empty()) return;
    if (before == '=') text_ += ' ';
    text_ += before;
    if (before == '=') text_ += ' ';
    std::size_t at = 0;
    for (std::uint32_t taken = 0; at < text.size() && taken < kSummaryCharacters; ++taken) {
      at += utf8_bytes_of(text[at]);
    }
    text_ += text.substr(0, at);
    if (at < text.size()) text_ += "…";
  }

  std::string text_;
  std::size_t parts_ = 0;
};

std::string quoted(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

Result<std::string> text_summary(std::string_view delta) {
  const Result<FlatSequence> flat = decode_sequence(delta);
  if (!flat) return flat.error();
  Summary summary;
  std::uint64_t deleted = 0;
  for (const std::vector<LooseRun>* runs : {&flat->runs, &flat->waiting}) {
    for (const LooseRun& run : *runs) {
      if (run.text.empty()) continue;
      summary.add("insert", quoted(run.text));
    }
  }
  for (const UnitRange& range : flat->deleted) deleted += range.length;
  if (deleted > 0) summary.add("delete", std::to_string(deleted));
  return summary.take();
}

Result<std::string> lww_summary(FieldType type, std::string_view delta) {
  const Result<LwwTable> table = LwwTable::decode(type, delta);
  if (!table) return table.error();
  const bool is_map = type == FieldType::lww_map;
  Summary summary;
  for (const auto& [key, entry] : table->entries()) {
    if (!entry.is_set()) {
      summary.add(is_map ? "unset" : "remove", quoted(key));
    } else if (is_map) {
      summary.add("set", quoted(key), entry.value);
    } else {
      summary.add("add", quoted(key));
    }
  }
  return summary.take();
}

Result<std::string> or_set_summary(std::string_view delta) {
  const Result<OrSet> set = OrSet::decode(delta);
  if (!set) return set.error();
  Summary summary;
  for (const std::string_view element : set->elements()) summary.add("add", quoted(element));
  if (set->size() == 0 && !set->is_empty()) summary.add("remove");
  return summary.take();
}

Result<std::string> register_summary(std::string_view delta) {
  const Result<MvRegister> assigned = MvRegister::decode(delta);
  if (!assigned) return assigned.error();
  Summary summary;
  for (const std::string_view value : assigned->values()) summary.add("assign", value);
  return summary.take();
}

Result<std::string> counter_summary(FieldType type, std::string_view delta) {
  const Result<std::string> value =
      type == FieldType::pn_counter ? counter_json<PnCounter>(delta) : counter_json<GCounter>(delta);
  if (!value) return value.error();
  Summary summary;
  summary.add("count", *value);
  return summary.take();
}

}  // namespace

Result<std::string> value_json(FieldType type, std::string_view state) {
  switch (type) {
    case FieldType::lww_map: {
      const Result<LwwMap> map = LwwMap::decode(state);
      if (!map) return map.error();
      return map->to_json();
    }
    case FieldType::or_set: return set_json<OrSet>(state);
    case FieldType::lww_set: return set_json<LwwSet>(state);
    case FieldType::crdt_text: {
      const Result<std::string_view> text = Text::text_of_encoded(state);
      if (!text) return text.error();
      return quoted(*text);
    }
    case FieldType::pn_counter: return counter_json<PnCounter>(state);
    case FieldType::g_counter: return counter_json<GCounter>(state);
    case FieldType::mv_register: {
      const Result<MvRegister> assigned = MvRegister::decode(state);
      if (!assigned) return assigned.error();
      return json_values(assigned->values());
    }
    case FieldType::ydoc: {
      const Result<YDoc> document = YDoc::decode(state);
      if (!document) return document.error();
      return document->json();
    }
  }
  return Error{ErrorCode::wrong_type, "unknown field type", {}};
}

Result<std::string> delta_summary(FieldType type, std::string_view delta) {
  switch (type) {
    case FieldType::crdt_text: return text_summary(delta);
    case FieldType::lww_map:
    case FieldType::lww_set: return lww_summary(type, delta);
    case FieldType::or_set: return or_set_summary(delta);
    case FieldType::mv_register: return register_summary(delta);
    case FieldType::pn_counter:
    case FieldType::g_counter: return counter_summary(type, delta);
    case FieldType::ydoc: return std::string();
  }
  return Error{ErrorCode::wrong_type, "unknown field type", {}};
}

}  // namespace converge
