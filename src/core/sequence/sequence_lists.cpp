// A sequence of many lists: which list a run belongs to, the entries of a map,
// and what is gone with the unit that held it.
#include <algorithm>

#include "core/sequence/sequence.h"

namespace converge {

// The list that the run, for which nothing is missing, belongs to: that of its
// origins, as in Yjs, or the one it names.
ListIndex Sequence::list_for(const LooseRun& run) const {
  if (run.list == kGone) return kGone;
  if (run.left.none() && run.right.none()) {
    if (run.list == kImplied) return kGone;
    const Lists::List& list = lists_->list(run.list);
    const UnitId parent = list.name.parent;
    if (list.dead) return kGone;
    if (list.begun || parent.none()) return run.list;
    if (lists_->list_of(parent) == kGone) return kGone;
    const Content* content = lists_->content(parent);
    return content != nullptr && content->kind == ContentKind::type ? run.list : kGone;
  }
  const ListIndex list = lists_->list_of(run.left.none() ? run.right : run.left);
  if (!run.left.none() && !run.right.none() && lists_->list_of(run.right) != list) return kGone;
  return list;
}

void Sequence::integrate_in_list(const LooseRun& run) {
  const ListIndex index = list_for(run);
  lists_->place(run.id.client, run.id.clock, index);
  if (index == kGone) {
    known_[run.id.client] += run.length;
    lists_->forget(run.id, run.length);  // it may have waited
    return;
  }
  Lists::List& list = lists_->list(index);
  if (!list.begun) {
    tree_.append(Run{{kHeads, index}, 1, kNoId, kNoId}, nullptr);
    list.begun = true;
  }
  if (tree_.bytes() != tree_.units()) {
    if (!run.left.none() && integrated(run.left.plus(1)) &&
        lists_->list_of(run.left.plus(1)) == index) {
      keep_pair_apart(run.left.plus(1));
    }
    if (!run.right.none()) keep_pair_apart(run.right);
  }
  if (run.text.empty()) {
    lists_->forget(run.id, run.length);
  } else if (run.contents != nullptr) {
    lists_->keep(run.id, run.text, run.contents);
  }
  place(run, gap_after(run.left.none() ? UnitId{kHeads, index} : run.left));
  if (list.name.keyed) keep_last(run);
}

// Of a map's entry only the last unit is its value: deletes what the run, just
// put there, replaces, or of it what stands before another.
void Sequence::keep_last(const LooseRun& run) {
  const UnitId last = run.id.plus(run.length - 1);
  const RunTree::Place place = tree_.find(last);
  const RunTree::Place next = RunTree::next(place);
  const bool ends_run = place.run().last() == last;
  if (!ends_run || (next.valid() && !next.run().head())) {
    return erase_in_lists(run.id, run.length);
  }
  const RunTree::Place first = tree_.find(run.id);
  UnitId replaced = kNoId;
  if (run.id != first.run().id) {
    replaced = run.id.before();
  } else if (RunTree::Place before = RunTree::previous(first); !before.run().head()) {
    replaced = before.run().last();
  }
  if (run.length > 1) erase_in_lists(run.id, run.length - 1);
  if (!replaced.none()) erase_in_lists(replaced, 1);
}

// Deletes those of the integrated units that are visible, and what they hold.
void Sequence::erase_in_lists(UnitId id, std::uint32_t length) {
  std::vector<UnitId> types;
  while (length > 0) {
    const std::uint32_t part = lists_->stretch_end(id, id.clock + length) - id.clock;
    if (lists_->list_of(id) != kGone) {
      erase_visible(id, part);
      lists_->forget(id, part, &types);
    }
    id = id.plus(part);
    length -= part;
  }
  if (!types.empty()) erase_under(std::move(types));
}

// What lives under units that held these types is gone, and what lives under that.
void Sequence::erase_under(std::vector<UnitId> types) {
  while (!types.empty()) {
    const UnitId type = types.back();
    types.pop_back();
    lists_->for_each_under(type, [&](ListIndex index) {
      Lists::List& list = lists_->list(index);
      if (list.dead) return;
      list.dead = true;
      if (!list.begun) return;
      std::vector<UnitRange> visible;
      for (RunTree::Place at = RunTree::next(head(index)); at.valid() && !at.run().head();
           at = RunTree::next(at)) {
        if (at.run().visible()) visible.push_back({at.run().id, at.run().length});
      }
      for (const UnitRange& range : visible) {
        erase_visible(range.id, range.length);
        lists_->forget(range.id, range.length, &types);
      }
    });
  }
}

// The number here of a list that a flat state names.
ListIndex Sequence::translate_list(const FlatSequence& flat, ListIndex list,
                                   const std::vector<ClientIndex>& clients) {
  ListName name = flat.lists[list - kFirstList];
  if (!name.parent.none()) name.parent.client = clients[name.parent.client];
  return lists_->number(name);
}

}  // namespace converge
