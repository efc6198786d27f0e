#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/codec/varint.h"
#include "core/field.h"
#include "core/sequence/run_codec.h"
#include "core/sequence/text_codec.h"
#include "core/sequence/waiting_runs.h"
#include "core/state_header.h"
#include "core/ydoc/document_head.h"
#include "core/ydoc/ydoc_codec.h"
#include "core/ydoc/ydoc_layout.h"

namespace converge {

namespace {

using namespace ydoc_layout;

class Encoder {
 public:
  // `document` may be null: then nothing is integrated.
  Encoder(const Sequence* document, const FlatDocument& pending)
      : document_(document), pending_(pending.flat) {}

  std::string encode() {
    std::string out(1, state_header(FieldType::ydoc));
    number_replicas();
    const bool integrated = document_ != nullptr && any_known_;
    if (!integrated && pending_.waiting.empty() && pending_.deleted.empty()) return out;
    if (integrated) {
      walk();
      choose_forms();
    }
    number_names();

    head_.sections = static_cast<std::uint8_t>((integrated ? kHasRuns : 0) |
                                               (pending_.waiting.empty() ? 0 : kHasWaiting) |
                                               (pending_.deleted.empty() ? 0 : kHasDeleted));
    head_.text = text_;
    for (const auto& [replica, index] : order_) head_.replicas.push_back(replica);
    out.reserve(text_.size() + runs_.size() * 3 + 256);
    append_document_head(out, head_);
    if (integrated) {
      number_shapes();
      append_integrated_head(out, head_, contents_, &forms_);
      append_runs(out, runs_, order_.size());
    }
    if (!pending_.waiting.empty()) append_waiting(out);
    if (!pending_.deleted.empty()) append_deleted(out, pending_.deleted, number_);
    return out;
  }

 private:
  using Shape = std::vector<std::string_view>;  // a map's keys; the first says what else

  // ---- replicas and names

  void number_replicas() {
    std::vector<bool> used(pending_.replicas.size());
    auto use = [&](UnitId id) {
      if (!id.none()) used[id.client] = true;
    };
    for (ClientIndex i = 0; document_ != nullptr && i < used.size(); ++i) {
      used[i] = document_->known(i) > 0;
      any_known_ = any_known_ || used[i];
    }
    for (const LooseRun& run : pending_.waiting) {
      use(run.id);
      use(run.left);
      use(run.right);
      if (run.list >= kFirstList) use(list_of(run).parent);
    }
    for (const UnitRange& range : pending_.deleted) use(range.id);
    for (ClientIndex i = 0; i < used.size(); ++i) {
      if (used[i]) order_.emplace_back(pending_.replicas[i], i);
    }
    std::sort(order_.begin(), order_.end());
    number_.resize(pending_.replicas.size());
    for (std::size_t i = 0; i < order_.size(); ++i) number_[order_[i].second] = static_cast<std::uint32_t>(i);
  }

  const ListName& list_of(const LooseRun& run) const { return pending_.lists[run.list - kFirstList]; }
  UnitId numbered(UnitId id) const { return id.none() ? id : UnitId{number_[id.client], id.clock}; }

  void note_name(std::string_view name) { names_.insert(name); }

  void number_names() {
    for (const LooseRun& run : pending_.waiting) {
      if (run.list >= kFirstList) {
        const ListName& list = list_of(run);
        if (list.parent.none()) note_name(list.root);
        if (list.keyed) note_name(list.key);
      }
      const std::size_t contents = run.contents != nullptr ? count_placeholders(run.text) : 0;
      for (std::size_t i = 0; i < contents; ++i) {
        if (has_name(run.contents[i])) note_name(run.contents[i].name);
      }
    }
    head_.names.assign(names_.begin(), names_.end());
  }

  std::uint32_t name_number(std::string_view name) const {
    return converge::name_number(head_.names, name);
  }

  // ---- what is integrated

  // Goes through the lists: those of the roots, then those of each type, in the
  // order in which the types stand in the text.
  void walk() {
    const Lists& lists = document_->lists();
    const Lists::Names& names = lists.names();
    for (auto at = names.lower_bound(ListName{}); at != names.end();) {
      const std::string& root = at->first.root;
      Shape shape;
      for (; at != names.end() && at->first.root == root; ++at) walk_list(at->second, shape);
      if (shape.empty()) continue;
      note_name(root);
      roots_.push_back(root);
      head_.roots.push_back({0, shape_number(shape)});
    }
    for (std::size_t i = 0; i < types_.size(); ++i) {
      Shape shape;
      lists.for_each_under(types_[i], [&](ListIndex index) { walk_list(index, shape); });
      head_.type_shapes.push_back(shape_number(shape));
    }
    gather_gone();
  }

  std::uint32_t shape_number(const Shape& shape) {
    auto [at, added] = shapes_.emplace(shape, static_cast<std::uint32_t>(shapes_.size()));
    if (added) {
      shapes_by_number_.push_back(&at->first);
      for (std::size_t i = 1; i < shape.size(); ++i) note_name(shape[i]);
    }
    return at->second;
  }

  // The list's part of everything, if it is there and alive.
  void walk_list(ListIndex index, Shape& shape) {
    const Lists& lists = document_->lists();
    const Lists::List& list = lists.list(index);
    if (!list.begun || list.dead) return;
    if (shape.empty()) shape.push_back({});
    if (list.name.keyed) {
      shape.push_back(list.name.key);
    } else {
      shape[0] = "items";
    }
    const UnitId edge = last_;  // stands for the edge on the left
    std::uint32_t units = 0;
    for_each_run(*document_, index, [&](RunTree::Place place) {
      const Run& run = place.run();
      units += run.length;
      add_run({run.id, run.length, run.left.none() ? edge : run.left, run.right, !run.visible()});
      if (!run.visible()) return;
      const std::string_view text = RunTree::text_of(place);
      text_.append(text);
      for_each_placeholder(text, [&](std::uint32_t offset) {
        const UnitId id = run.id.plus(offset);
        const Content* content = lists.content(id);
        contents_.push_back(content);
        if (content->kind == ContentKind::type) types_.push_back(id);
        if (has_name(*content)) note_name(content->name);
        if (has_value(*content)) forms_.note(content->value);
      });
    });
    head_.lengths.push_back(units);
  }

  void choose_forms() {
    form_names_ = forms_.choose();
    for (const auto& names : form_names_) {
      for (const std::string_view name : names) note_name(name);
    }
  }

  // Units that are gone, by identifier, as a last list.
  void gather_gone() {
    const Lists& lists = document_->lists();
    for (const auto& [replica, client] : order_) {
      const std::uint32_t known = document_->known(client);
      for (std::uint32_t clock = 0; clock < known;) {
        const UnitId id{client, clock};
        const std::uint32_t end = lists.stretch_end(id, known);
        if (lists.list_of(id) == kGone) add_run({id, end - clock, last_, kNoId, true});
        clock = end;
      }
    }
  }

  // A run that stands behind all others; one with the last of them if it can be.
  void add_run(PlainRun run) {
    last_ = run.id.plus(run.length - 1);
    run.id = numbered(run.id);
    run.left = numbered(run.left);
    run.right = numbered(run.right);
    if (!runs_.empty()) {
      PlainRun& before = runs_.back();
      if (run.id == before.id.plus(before.length) && run.left == before.id.plus(before.length - 1) &&
          run.right == before.right && run.deleted == before.deleted) {
        before.length += run.length;
        return;
      }
    }
    runs_.push_back(run);
  }

  // Once names have their numbers.
  void number_shapes() {
    for (const Shape* shape : shapes_by_number_) {
      DocumentHead::Shape& numbered = head_.shapes.emplace_back();
      numbered.items = !shape->empty() && !shape->front().empty();
      for (std::size_t i = 1; i < shape->size(); ++i) numbered.keys.push_back(name_number((*shape)[i]));
    }
    for (const auto& names : form_names_) {
      FormNames& numbered = head_.forms.emplace_back();
      for (const std::string_view name : names) numbered.push_back(name_number(name));
    }
    for (std::size_t i = 0; i < roots_.size(); ++i) head_.roots[i].name = name_number(roots_[i]);
  }

  // ---- what is pending

  void append_unit(std::string& out, UnitId id) const {
    append_varint(out, number_[id.client]);
    append_varint(out, id.clock);
  }

  void append_waiting(std::string& out) const {
    waiting_runs::append(
        out, waiting_runs::in_order(pending_.waiting, number_), number_,
        [&](const LooseRun& run) { append_list(out, run); },
        [&](const LooseRun& run) {
          const std::size_t contents = count_placeholders(run.text);
          for (std::size_t n = 0; n < contents; ++n) append_content(out, run.contents[n], head_.names);
        });
  }

  void append_list(std::string& out, const LooseRun& run) const {
    const ListName& list = list_of(run);
    out.push_back(static_cast<char>((list.parent.none() ? 0 : kUnderUnit) | (list.keyed ? kKeyed : 0)));
    if (list.parent.none()) {
      append_varint(out, name_number(list.root));
    } else {
      append_unit(out, list.parent);
    }
    if (list.keyed) append_varint(out, name_number(list.key));
  }

  const Sequence* document_;
  const FlatSequence& pending_;
  bool any_known_ = false;
  std::vector<std::pair<ReplicaId, ClientIndex>> order_;
  std::vector<std::uint32_t> number_;  // by the document's index
  std::set<std::string_view> names_;
  DocumentHead head_;

  std::string text_;
  std::vector<PlainRun> runs_;
  UnitId last_ = kNoId;
  std::vector<const Content*> contents_;
  ObjectForms forms_;
  std::vector<std::vector<std::string_view>> form_names_;
  std::vector<UnitId> types_;
  std::map<Shape, std::uint32_t> shapes_;
  std::vector<const Shape*> shapes_by_number_;
  std::vector<std::string_view> roots_;
};

// What is pending, its contents copied.
void flatten_pending(const Sequence& document, FlatDocument& out) {
  for (ReplicaId replica : document.replicas()) out.client(replica);
  auto id_of = [](std::uint64_t key) {
    return UnitId{static_cast<ClientIndex>(key >> 32), static_cast<std::uint32_t>(key)};
  };
  for (const auto& [key, waiting] : document.waiting()) {
    LooseRun run{id_of(key), waiting.length, waiting.left, waiting.right, waiting.text, waiting.list};
    if (run.list >= kFirstList) run.list = out.list(document.lists().list(run.list).name);
    run.contents = out.contents_of(document.lists(), run.id, run.text);
    out.flat.waiting.push_back(run);
  }
  for (const auto& [key, length] : document.early()) out.flat.deleted.push_back({id_of(key), length});
}

}  // namespace

std::string encode_document(const Sequence& document) {
  FlatDocument pending;
  flatten_pending(document, pending);
  return Encoder(&document, pending).encode();
}

std::string encode_pending(const FlatDocument& flat) { return Encoder(nullptr, flat).encode(); }

FlatDocument flatten_document(const Sequence& document) {
  FlatDocument out;
  flatten_pending(document, out);
  const Lists& lists = document.lists();
  std::vector<LooseRun>& runs = out.flat.runs;
  for (const auto& [name, index] : lists.names()) {
    const Lists::List& list = lists.list(index);
    if (!list.begun || list.dead) continue;
    const ListIndex number = out.list(name);
    for_each_run(document, index, [&](RunTree::Place place) {
      const Run& run = place.run();
      LooseRun loose{run.id, run.length, run.left, run.right, {}, kImplied};
      if (run.visible()) loose.text = RunTree::text_of(place);
      if (run.left.none() && run.right.none()) loose.list = number;
      loose.contents = out.contents_of(lists, run.id, loose.text);
      runs.push_back(loose);
    });
  }
  for (ClientIndex client = 0; client < document.replicas().size(); ++client) {
    for (std::uint32_t clock = 0; clock < document.known(client);) {
      const UnitId id{client, clock};
      const std::uint32_t end = lists.stretch_end(id, document.known(client));
      if (lists.list_of(id) == kGone) {
        runs.push_back(LooseRun{id, end - clock, kNoId, kNoId, {}, kGone});
      }
      clock = end;
    }
  }
  return out;
}

}  // namespace converge
