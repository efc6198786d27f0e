// blame() and items_of(): a field's items and their identifiers.
#include <algorithm>

#include "core/history/authorship.h"
#include "core/lww_map/lww_table.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/sequence/text.h"
#include "core/sequence/text_codec.h"
#include "core/sequence/utf16.h"

namespace converge {
namespace {

Result<std::vector<ItemRange>> text_items(std::string_view delta) {
  const Result<FlatSequence> flat = decode_sequence(delta);
  if (!flat) return flat.error();
  std::vector<ItemRange> items;
  items.reserve(flat->runs.size() + flat->waiting.size());
  for (const std::vector<LooseRun>* runs : {&flat->runs, &flat->waiting}) {
    for (const LooseRun& run : *runs) {
      items.push_back({flat->replicas[run.id.client], run.id.clock, run.id.clock + std::uint64_t{run.length} - 1});
    }
  }
  return items;
}

ItemRange one(Dot dot) { return {dot.replica, dot.counter, dot.counter}; }

// Neighbours joined: of a whole state there is a dot for each entry.
std::vector<ItemRange> joined(std::vector<ItemRange> items) {
  std::sort(items.begin(), items.end(), [](const ItemRange& a, const ItemRange& b) {
    return a.replica != b.replica ? a.replica < b.replica : a.first < b.first;
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (kept > 0 && items[kept - 1].replica == items[i].replica && items[kept - 1].last + 1 >= items[i].first) {
      items[kept - 1].last = std::max(items[kept - 1].last, items[i].last);
    } else {
      items[kept++] = items[i];
    }
  }
  items.resize(kept);
  return items;
}

Result<std::vector<ItemRange>> lww_items(FieldType type, std::string_view delta) {
  const Result<LwwTable> table = LwwTable::decode(type, delta);
  if (!table) return table.error();
  std::vector<ItemRange> items;
  for (const auto& [key, entry] : table->entries()) items.push_back(one(entry.dot));
  return joined(std::move(items));
}

Result<std::vector<ItemRange>> or_set_items(std::string_view delta) {
  const Result<OrSet> set = OrSet::decode(delta);
  if (!set) return set.error();
  std::vector<ItemRange> items;
  for (const auto& [element, dots] : set->entries()) {
    for (const Dot& dot : dots) items.push_back(one(dot));
  }
  return joined(std::move(items));
}

Result<std::vector<ItemRange>> register_items(std::string_view delta) {
  const Result<MvRegister> assigned = MvRegister::decode(delta);
  if (!assigned) return assigned.error();
  std::vector<ItemRange> items;
  for (const MvRegister::Assignment& assignment : assigned->assignments()) items.push_back(one(assignment.dot));
  return joined(std::move(items));
}

// -------------------------------------------------------------------- blame

void attribute(const Authorship& authorship, const Authorship::Stretch* stretch, BlamedItem* item) {
  if (stretch == nullptr) return;
  item->author = &authorship.author_of(*stretch);
  item->since = stretch->since;
  item->until = stretch->until;
}

Result<std::vector<BlamedItem>> blame_text(std::string_view state, const Authorship& authorship) {
  const Result<Text> text = Text::decode(state);
  if (!text) return text.error();
  const Result<std::string_view> characters = Text::text_of_encoded(state);
  if (!characters) return characters.error();
  std::vector<BlamedItem> items;
  const Authorship::Stretch* of_last = nullptr;
  std::string_view rest = *characters;
  for (const TextBlame& run : text->blame()) {
    std::uint64_t clock = run.clock;
    for (std::uint64_t done = 0; done < run.count;) {
      const Authorship::Stretch* stretch = authorship.find(run.replica, clock);
      // As many characters as begin within the stretch; one by one where nobody is known.
      std::size_t bytes = 0;
      std::uint64_t taken = 0;
      do {
        const std::uint32_t size = utf8_bytes_of(rest[bytes]);
        clock += units_of_bytes(size);
        bytes += size;
        ++taken;
      } while (done + taken < run.count && stretch != nullptr && clock <= stretch->last);
      if (items.empty() || stretch != of_last) {
        items.push_back({run.at + done, {}, {}});
        attribute(authorship, stretch, &items.back());
        of_last = stretch;
      }
      items.back().item += rest.substr(0, bytes);
      rest.remove_prefix(bytes);
      done += taken;
    }
  }
  return items;
}

Result<std::vector<BlamedItem>> blame_lww(FieldType type, std::string_view state, const Authorship& authorship) {
  const Result<LwwTable> table = LwwTable::decode(type, state);
  if (!table) return table.error();
  std::vector<BlamedItem> items;
  for (const std::uint32_t at : table->entries().sorted()) {
    const auto& [key, entry] = table->entries()[at];
    if (type == FieldType::lww_set && !entry.is_set()) continue;
    items.push_back({0, key, type == FieldType::lww_map ? entry.value : std::string()});
    attribute(authorship, authorship.find(entry.dot.replica, entry.dot.counter), &items.back());
  }
  return items;
}

Result<std::vector<BlamedItem>> blame_or_set(std::string_view state, const Authorship& authorship) {
  const Result<OrSet> set = OrSet::decode(state);
  if (!set) return set.error();
  std::vector<BlamedItem> items;
  for (const std::uint32_t at : set->entries().sorted()) {
    const auto& [element, dots] = set->entries()[at];
    // Of several adds that stand the first one that is known.
    const Authorship::Stretch* first = nullptr;
    for (const Dot& dot : dots) {
      const Authorship::Stretch* stretch = authorship.find(dot.replica, dot.counter);
      if (stretch != nullptr && (first == nullptr || stretch->since < first->since)) first = stretch;
    }
    items.push_back({0, element, {}});
    attribute(authorship, first, &items.back());
  }
  return items;
}

Result<std::vector<BlamedItem>> blame_register(std::string_view state, const Authorship& authorship) {
  const Result<MvRegister> assigned = MvRegister::decode(state);
  if (!assigned) return assigned.error();
  std::vector<BlamedItem> items;
  for (const MvRegister::Assignment& assignment : assigned->assignments()) {
    items.push_back({0, {}, assignment.value});
    attribute(authorship, authorship.find(assignment.dot.replica, assignment.dot.counter), &items.back());
  }
  return items;
}

}  // namespace

Result<std::vector<ItemRange>> items_of(FieldType type, std::string_view delta) {
  switch (type) {
    case FieldType::crdt_text: return text_items(delta);
    case FieldType::lww_map:
    case FieldType::lww_set: return lww_items(type, delta);
    case FieldType::or_set: return or_set_items(delta);
    case FieldType::mv_register: return register_items(delta);
    case FieldType::pn_counter:
    case FieldType::g_counter:
    case FieldType::ydoc: break;
  }
  return std::vector<ItemRange>();
}

Result<std::vector<BlamedItem>> blame(FieldType type, std::string_view state, const Authorship& authorship) {
  switch (type) {
    case FieldType::crdt_text: return blame_text(state, authorship);
    case FieldType::lww_map:
    case FieldType::lww_set: return blame_lww(type, state, authorship);
    case FieldType::or_set: return blame_or_set(state, authorship);
    case FieldType::mv_register: return blame_register(state, authorship);
    case FieldType::pn_counter:
    case FieldType::g_counter:
    case FieldType::ydoc: break;
  }
  return Error{ErrorCode::invalid, "a " + std::string(field_type_name(type)) + " has no parts to blame anybody for", {}};
}

}  // namespace converge
