// What a document says: JSON, text, XML, as Yjs's toJSON and toString give it.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/json/json.h"
#include "core/long_work.h"
#include "core/sequence/sequence.h"
#include "core/ydoc/any_value.h"
#include "core/ydoc/struct_info.h"
#include "core/ydoc/ydoc.h"
#include "core/ydoc/ydoc_codec.h"

namespace converge {

namespace {

constexpr auto number_of(SharedType type) { return static_cast<std::uint8_t>(type); }

// The lists under one parent.
struct Node {
  ListIndex items = kGone;  // none
  std::vector<std::pair<std::string_view, ListIndex>> keys;  // ascending
};

class View {
 public:
  explicit View(const Sequence& document) : document_(document), lists_(document.lists()) {}

  // What was appended to `out`, if that is all.
  Result<std::string> finish(std::string out) {
    if (goes_on(out)) return out;
    if (too_deep_) {
      return Error{ErrorCode::too_large, "ydoc is nested too deeply",
                   "at most " + std::to_string(kMaxJsonDepth) + " levels"};
    }
    return Error{ErrorCode::too_large, "ydoc is too large to be shown",
                 "at most " + std::to_string(kMaxViewBytes) + " bytes of JSON or XML"};
  }

  // The roots' names and lists, ascending.
  std::vector<std::pair<std::string_view, Node>> roots() const {
    std::vector<std::pair<std::string_view, Node>> roots;
    for (auto at = lists_.names().lower_bound(ListName{}); at != lists_.names().end(); ++at) {
      if (!lists_.list(at->second).begun) continue;
      if (roots.empty() || roots.back().first != at->first.root) roots.emplace_back(at->first.root, Node{});
      add_list(roots.back().second, at->second);
    }
    return roots;
  }

  Node root(std::string_view name) const {
    Node node;
    ListName first;
    first.root = name;
    for (auto at = lists_.names().lower_bound(first);
         at != lists_.names().end() && at->first.parent.none() && at->first.root == name; ++at) {
      if (lists_.list(at->second).begun) add_list(node, at->second);
    }
    return node;
  }

  // A root's kind is not written anywhere.
  SharedType kind_of_root(const Node& node) const {
    if (node.items == kGone) return SharedType::map;
    bool xml = false;
    bool text = false;
    bool values = false;
    bool visible = false;
    for_each_run(document_, node.items, [&](RunTree::Place place) {
      if (!place.run().visible()) return;
      visible = true;
      const std::string_view run = RunTree::text_of(place);
      if (count_placeholders(run) < run.size()) text = true;
      for_each_content(place, [&](UnitId, const Content& content) {
        switch (content.kind) {
          case ContentKind::type:
            (content.type >= number_of(SharedType::xml_element) ? xml : values) = true;
            break;
          case ContentKind::embed:
          case ContentKind::format:
            text = true;
            break;
          default:
            values = true;
        }
      });
    });
    if (text) return SharedType::text;
    if (values) return SharedType::array;
    if (xml) return SharedType::xml_fragment;
    return visible || node.keys.empty() ? SharedType::array : SharedType::map;
  }

  void json(std::string& out, const Node& node, SharedType type, unsigned depth) {
    if (!descend(depth)) return;
    switch (type) {
      case SharedType::map:
      case SharedType::xml_hook:
        return json_map(out, node, depth);
      case SharedType::array:
        return json_array(out, node, depth);
      case SharedType::text: {
        std::string text;
        plain_text(text, node.items);
        return append_string_view(out, text);
      }
      default: {
        std::string text;
        xml(text, node, type, {}, depth);
        return append_string_view(out, text);
      }
    }
  }

  void plain_text(std::string& out, ListIndex list) const {
    if (list == kGone) return;
    for_each_run(document_, list, [&](RunTree::Place place) {
      if (!place.run().visible()) return;
      std::string_view text = RunTree::text_of(place);
      while (!text.empty()) {
        const std::size_t end = std::min(text.find(kPlaceholder), text.size());
        out.append(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
      }
    });
  }

  void xml(std::string& out, const Node& node, SharedType type, std::string_view name, unsigned depth) {
    if (!descend(depth)) return;
    if (type == SharedType::xml_text || type == SharedType::text) return xml_text(out, node, type, depth);
    if (type == SharedType::xml_hook || type == SharedType::map) {
      out.append("[object Object]");
      return;
    }
    if (type != SharedType::xml_element) return xml_children(out, node, depth);
    std::string lower(name);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    out.append("<").append(lower);
    for (const auto& [key, list] : utf16_order(node.keys)) {
      if (!goes_on(out)) return;
      const Value value = last_of(list);
      if (value.id.none()) continue;
      out.append(" ").append(key).append("=\"");
      append_string(out, value, depth);
      out.append("\"");
    }
    out.append(">");
    xml_children(out, node, depth);
    out.append("</").append(lower).append(">");
  }

 private:
  // A visible unit, and the text that it is if it is no placeholder.
  struct Value {
    UnitId id = kNoId;
    std::string text;
  };

  bool descend(unsigned depth) {
    if (depth > kMaxJsonDepth) too_deep_ = true;
    return !too_deep_ && !too_large_;
  }

  // Asked before each item: what is shown may be far more than what is stored, since each
  // piece of an XML text has all marks around it.
  bool goes_on(const std::string& out) {
    long_work(++items_);
    if (out.size() > kMaxViewBytes) too_large_ = true;
    return !too_deep_ && !too_large_;
  }

  // As JSON's string.
  void append_string_view(std::string& out, std::string_view text) {
    if (text.size() > kMaxViewBytes) too_large_ = true;
    if (!too_deep_ && !too_large_) append_json_string(out, text);
  }

  void add_list(Node& node, ListIndex index) const {
    const ListName& name = lists_.list(index).name;
    if (name.keyed) {
      node.keys.emplace_back(name.key, index);
    } else {
      node.items = index;
    }
  }

  Node under(UnitId type) const {
    Node node;
    lists_.for_each_under(type, [&](ListIndex index) {
      if (lists_.list(index).begun) add_list(node, index);
    });
    return node;
  }

  template <class F>
  void for_each_content(RunTree::Place place, F&& take) const {
    for_each_placeholder(RunTree::text_of(place), [&](std::uint32_t offset) {
      const UnitId id = place.run().id.plus(offset);
      take(id, *lists_.content(id));
    });
  }

  // JavaScript's order of strings: by UTF-16 units.
  static std::vector<std::pair<std::string_view, ListIndex>> utf16_order(
      std::vector<std::pair<std::string_view, ListIndex>> keys) {
    std::sort(keys.begin(), keys.end(),
              [](const auto& a, const auto& b) { return utf16_less(a.first, b.first); });
    return keys;
  }

  static bool utf16_less(std::string_view a, std::string_view b) {
    const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (left == a.end() || right == b.end()) return right != b.end();
    // What takes four bytes is a surrogate pair, below U+E000.
    auto rank = [](char c) {
      const auto byte = static_cast<std::uint8_t>(c);
      return byte >= 0xf0 ? 0xed80u + byte : byte >= 0xee ? 0xf000u + byte : byte * 0x100u;
    };
    return rank(*left) < rank(*right);
  }

  // The value of a map's entry: its last unit if that is visible.
  Value last_of(ListIndex list) const {
    RunTree::Place last;
    for_each_run(document_, list, [&](RunTree::Place place) { last = place; });
    if (!last.valid() || !last.run().visible()) return {};
    const std::string_view text = RunTree::text_of(last);
    std::size_t from = text.size() - 1;
    while ((static_cast<std::uint8_t>(text[from]) & 0xc0) == 0x80) --from;
    Value value{last.run().last(), {}};
    if (text[from] != kPlaceholder) value.text = text.substr(from);
    return value;
  }

  // One value as JSON.
  void append_value(std::string& out, const Value& value, unsigned depth) {
    const Content* content = value.text.empty() ? lists_.content(value.id) : nullptr;
    if (content == nullptr) return append_json_string(out, value.text);
    switch (content->kind) {
      case ContentKind::any:
      case ContentKind::json:
      case ContentKind::embed:
        out.append(json_of_any(content->value));
        return;
      case ContentKind::binary: {
        std::string bytes(1, static_cast<char>(AnyTag::bytes));
        converge::append_string(bytes, content->value);
        out.append(json_of_any(bytes));
        return;
      }
      case ContentKind::document:
        out.append("{\"guid\":");
        append_json_string(out, content->name);
        out.push_back('}');
        return;
      case ContentKind::type: {
        const auto type = static_cast<SharedType>(content->type);
        if (type == SharedType::xml_element) {
          std::string text;
          xml(text, under(value.id), type, content->name, depth + 1);
          return append_string_view(out, text);
        }
        return json(out, under(value.id), type, depth + 1);
      }
      case ContentKind::format:
        out.append("null");
        return;
    }
  }

  // One value as JavaScript makes a string of it.
  void append_string(std::string& out, const Value& value, unsigned depth) {
    const Content* content = value.text.empty() ? lists_.content(value.id) : nullptr;
    if (content == nullptr) {
      out.append(value.text);
    } else if (content->kind == ContentKind::type) {
      const auto type = static_cast<SharedType>(content->type);
      if (type == SharedType::text) {
        plain_text(out, under(value.id).items);
      } else if (type == SharedType::array) {
        out.append("[object Object]");
      } else {
        xml(out, under(value.id), type, content->name, depth + 1);
      }
    } else if (content->kind == ContentKind::binary) {
      std::string bytes(1, static_cast<char>(AnyTag::bytes));
      converge::append_string(bytes, content->value);
      append_string_of_any(out, bytes);
    } else if (content->kind == ContentKind::document) {
      out.append("[object Object]");
    } else {
      append_string_of_any(out, content->value);
    }
  }

  void json_map(std::string& out, const Node& node, unsigned depth) {
    out.push_back('{');
    bool first = true;
    for (const auto& [key, list] : node.keys) {
      if (!goes_on(out)) return;
      const Value value = last_of(list);
      if (value.id.none()) continue;
      const Content* content = lists_.content(value.id);
      if (value.text.empty() && content->kind == ContentKind::any &&
          static_cast<AnyTag>(content->value.front()) == AnyTag::undefined) {
        continue;  // JSON.stringify leaves it out
      }
      if (!first) out.push_back(',');
      first = false;
      append_json_string(out, key);
      out.push_back(':');
      append_value(out, value, depth);
    }
    out.push_back('}');
  }

  void json_array(std::string& out, const Node& node, unsigned depth) {
    out.push_back('[');
    bool first = true;
    for_each_item(node.items, [&](const Value& value) {
      if (!goes_on(out)) return;
      if (!first) out.push_back(',');
      first = false;
      append_value(out, value, depth);
    });
    out.push_back(']');
  }

  // Calls take(value) for each visible unit that has a position.
  template <class F>
  void for_each_item(ListIndex list, F&& take) const {
    if (list == kGone) return;
    for_each_run(document_, list, [&](RunTree::Place place) {
      if (!place.run().visible()) return;
      std::string_view text = RunTree::text_of(place);
      for (UnitId id = place.run().id; !text.empty();) {
        const std::uint32_t bytes = utf8_bytes_of(text.front());
        if (text.front() != kPlaceholder) {
          take(Value{id, std::string(text.substr(0, bytes))});
        } else if (lists_.content(id)->countable()) {
          take(Value{id, {}});
        }
        text.remove_prefix(bytes);
        id = id.plus(units_of_bytes(bytes));
      }
    });
  }

  void xml_children(std::string& out, const Node& node, unsigned depth) {
    for_each_item(node.items, [&](const Value& value) {
      if (goes_on(out)) append_string(out, value, depth);
    });
  }

  // Text with its marks as elements around it.
  void xml_text(std::string& out, const Node& node, SharedType type, unsigned depth) {
    if (node.items == kGone) return;
    if (type == SharedType::text) return plain_text(out, node.items);
    std::map<std::string, std::string, decltype(&utf16_less)> marks(&utf16_less);  // → how it opens
    std::string text;
    auto wrap = [&](auto&& append_inside) {
      for (auto at = marks.begin(); at != marks.end() && goes_on(out); ++at) out.append(at->second);
      append_inside();
      for (auto at = marks.rbegin(); at != marks.rend() && goes_on(out); ++at) {
        out.append("</").append(at->first).append(">");
      }
    };
    auto flush = [&] {
      if (!text.empty()) wrap([&] { out.append(text); });
      text.clear();
    };
    for_each_run(document_, node.items, [&](RunTree::Place place) {
      if (!goes_on(out) || !place.run().visible()) return;
      std::string_view rest = RunTree::text_of(place);
      for (UnitId id = place.run().id; !rest.empty() && goes_on(out);) {
        const std::size_t end = std::min(rest.find(kPlaceholder), rest.size());
        text.append(rest.substr(0, end));
        id = id.plus(measure(rest.substr(0, end)).units);
        rest.remove_prefix(end);
        if (rest.empty()) break;
        const Content& content = *lists_.content(id);
        if (content.kind == ContentKind::format) {
          flush();
          if (static_cast<AnyTag>(content.value.front()) == AnyTag::null) {
            marks.erase(content.name);
          } else {
            marks.insert_or_assign(content.name, opening(content.name, content.value));
          }
        } else if (content.kind == ContentKind::embed || content.kind == ContentKind::type) {
          flush();
          wrap([&] { append_string(out, Value{id, {}}, depth); });
        }
        id = id.plus(1);
        rest.remove_prefix(1);
      }
    });
    flush();
  }

  // <name key="value" …>, from the members of the mark's value.
  static std::string opening(std::string_view name, std::string_view value) {
    std::string out = "<";
    out.append(name);
    std::vector<std::pair<std::string_view, std::string_view>> members = members_of_any(value);
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return utf16_less(a.first, b.first); });
    for (const auto& [key, member] : members) {
      out.append(" ").append(key).append("=\"");
      append_string_of_any(out, member);
      out.append("\"");
    }
    out.append(">");
    return out;
  }

  const Sequence& document_;
  const Lists& lists_;
  std::size_t items_ = 0;
  bool too_deep_ = false;
  bool too_large_ = false;
};

}  // namespace

Result<std::string> YDoc::json() const {
  View view(*sequence_);
  std::string out = "{";
  for (const auto& [name, node] : view.roots()) {
    if (out.size() > 1) out.push_back(',');
    append_json_string(out, name);
    out.push_back(':');
    view.json(out, node, view.kind_of_root(node), 1);
  }
  out.push_back('}');
  return view.finish(std::move(out));
}

std::string YDoc::text(std::string_view root) const {
  View view(*sequence_);
  std::string out;
  view.plain_text(out, view.root(root).items);
  return out;
}

Result<std::string> YDoc::xml(std::string_view root) const {
  View view(*sequence_);
  const Node node = view.root(root);
  std::string out;
  const SharedType kind = view.kind_of_root(node);
  view.xml(out, node, kind == SharedType::text ? SharedType::xml_text : SharedType::xml_fragment, {}, 1);
  return view.finish(std::move(out));
}

}  // namespace converge
