#include "core/ydoc/document_merge.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "core/sequence/edited_runs.h"
#include "core/sequence/encoded_merge.h"
#include "core/sequence/run_rewriter.h"
#include "core/sequence/run_table.h"
#include "core/sequence/text_codec.h"
#include "core/sequence/text_shares.h"
#include "core/state_header.h"
#include "core/ydoc/document_head.h"

namespace converge {

namespace {

// Where the lists begin in the table, and behind them what is gone. Fails `in` if the
// lists are not there, a character stands in two of them or what is gone has text.
std::vector<EditedRuns::List> find_lists(Reader& in, const RunTable& table, const DocumentHead& head,
                                         const std::vector<ListPlace>& places,
                                         const std::vector<Content>& contents) {
  std::vector<EditedRuns::List> lists;
  lists.reserve(places.size() + 1);
  TextShares shares(in, table, head.text);
  std::uint64_t units = 0;  // before the run
  std::uint64_t begins = 0; // the next list
  std::size_t content = 0;
  std::uint32_t types = 0;  // seen so far
  for (std::uint32_t run = 0; run < table.size() && !in.failed(); ++run) {
    const std::uint32_t length = table[run].length;
    const std::string_view text = table.deleted(run) ? std::string_view() : shares.take(length);
    std::size_t from = 0;
    for (; begins < units + length && lists.size() <= places.size(); begins += lists.back().units) {
      const auto offset = static_cast<std::uint32_t>(begins - units);
      if (!text.empty()) {
        const TextSize size = measure_units(text.data(), offset);
        if (size.units != offset) in.fail("a list ends inside a character");
        for (std::size_t left = count_placeholders(text.substr(from, size.bytes - from)); left > 0; --left) {
          types += contents[content++].kind == ContentKind::type;
        }
        from = size.bytes;
      }
      if (lists.size() == places.size()) {
        lists.push_back({run, offset, false, 0});
        if (!text.empty()) in.fail("what is gone has text");
        break;
      }
      const ListPlace& place = places[lists.size()];
      if (place.type < ListPlace::kRoot && place.type >= types) in.fail("a list comes before its type");
      lists.push_back({run, offset, place.keyed, head.lengths[lists.size()]});
    }
    if (lists.size() > places.size() && !text.empty()) in.fail("what is gone has text");
    if (contents.empty()) {
      units += length;
      continue;
    }
    for (std::size_t left = count_placeholders(text.substr(from)); left > 0; --left) {
      types += contents[content++].kind == ContentKind::type;
    }
    units += length;
  }
  if (lists.size() < places.size() || begins > units) in.fail("a list is longer than what there is");
  if (lists.size() == places.size()) lists.push_back({table.size(), 0, false, 0});
  return lists;
}

// The names, and their new numbers in shapes, forms and roots.
void number_names(DocumentHead& head, const std::vector<const Content*>& contents) {
  std::set<std::string_view> used;
  for (const DocumentHead::Shape& shape : head.shapes) {
    for (const std::uint32_t key : shape.keys) used.insert(head.names[key]);
  }
  for (const FormNames& form : head.forms) {
    for (const std::uint32_t name : form) used.insert(head.names[name]);
  }
  for (const DocumentHead::Root& root : head.roots) used.insert(head.names[root.name]);
  for (const Content* content : contents) {
    if (has_name(*content)) used.insert(content->name);
  }
  std::vector<std::string_view> names(used.begin(), used.end());
  for (DocumentHead::Shape& shape : head.shapes) {
    for (std::uint32_t& key : shape.keys) key = name_number(names, head.names[key]);
  }
  for (FormNames& form : head.forms) {
    for (std::uint32_t& name : form) name = name_number(names, head.names[name]);
  }
  for (DocumentHead::Root& root : head.roots) root.name = name_number(names, head.names[root.name]);
  head.names = std::move(names);
}

// Whether the forms are those of `held` as well: nothing of a form is gone, and no object
// has come that could have one. Then the values stay as they are written.
bool same_forms(const WrittenContents& written, const std::vector<const Content*>& held) {
  const Content* const first = written.contents.data();
  const Content* const end = first + written.contents.size();
  std::size_t formed = static_cast<std::size_t>(std::count(written.formed.begin(), written.formed.end(), true));
  for (const Content* content : held) {
    if (!std::less<>()(content, first) && std::less<>()(content, end)) {
      formed -= written.formed[static_cast<std::size_t>(content - first)];
    } else if (has_value(*content) && holds_members(content->value)) {
      return false;
    }
  }
  return formed == 0;
}

}  // namespace

std::optional<std::string> merge_into_document(std::string_view state, const FlatSequence& flat) {
  if (flat.runs.size() + flat.waiting.size() + flat.deleted.size() > kMaxEncodedEdits) return {};
  Reader in(state);
  if (!read_state_header(FieldType::ydoc, in) || in.at_end()) return {};
  DocumentHead head;
  read_document_head(in, head);
  if (in.failed() || head.sections != kHasRuns) return {};
  WrittenContents written;
  const std::vector<ListPlace> places = read_integrated_head(in, head, written);
  if (in.failed()) return {};
  RunTable table;
  table.read(in, head.replicas.size(), true);
  in.expect_end();
  if (in.failed()) return {};
  for (ClientIndex i = 0; i < table.replicas(); ++i) {
    if (table.known(i) == 0) return {};
  }
  std::vector<EditedRuns::List> lists = find_lists(in, table, head, places, written.contents);
  if (in.failed()) return {};

  EditedRuns runs(table, head.text, head.replicas, has_surrogate_pairs(head.text), std::move(lists),
                  written.contents);
  if (!runs.add(flat)) return {};
  if (runs.unchanged()) return std::string(state);
  const std::string text = runs.text();
  const std::vector<const Content*> held = runs.contents();
  if (!same_forms(written, held)) return {};
  // As much as they were, and what has come.
  std::uint64_t bytes = written.bytes;
  for (const Content* content : held) bytes += content->bytes();
  for (const Content& content : written.contents) bytes -= content.bytes();
  if (text.size() > kMaxTextBytes || bytes > kMaxContentBytes || !runs.join()) return {};

  NumberedReplicas replicas(runs);
  if (replicas.ascending.empty()) return {};
  RunRewriter rewriter(table, runs, replicas.number);
  if (!rewriter.plan()) return {};

  head.text = text;
  head.replicas = std::move(replicas.ascending);
  number_names(head, held);
  for (std::size_t i = 0; i < head.lengths.size(); ++i) head.lengths[i] = runs.lists()[i].units;
  std::string out(1, state_header(FieldType::ydoc));
  out.reserve(state.size() + text.size() / 64 + 256);
  append_document_head(out, head);
  append_integrated_head(out, head, held, nullptr);
  rewriter.append(out);
  return out;
}

}  // namespace converge
