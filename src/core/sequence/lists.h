// The lists of a sequence that holds more than one: which there are, what the
// units in them hold, and which list a unit is in.
//
// A unit lives in a list, and a list under a parent: a root, which has a name,
// or a unit that holds a shared type. A parent has one list without a key (the
// items of an array, text, child nodes) and one for each key of a map, of which
// only the last unit may be visible. Deleting a unit that holds a type takes its
// lists with it: their units are *gone*, and nothing is kept of them but that
// they were there. So are units whose list cannot be known any more, because
// their parent or an origin is gone.
//
// All lists stand in one RunTree, one behind the other, each beginning with a
// head, a run of the client kHeads whose clock is the list's number. A text has
// no Lists and no heads: it is the one list of the one root.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/sequence/content.h"
#include "core/sequence/run.h"
#include "core/sequence/utf16.h"

namespace converge {

using ListIndex = std::uint32_t;

// Of a run: the list its origins are in, or the only one.
inline constexpr ListIndex kImplied = 0;
// Of a run: it is gone.
inline constexpr ListIndex kGone = 1;
inline constexpr ListIndex kFirstList = 2;

// Which list it is.
struct ListName {
  UnitId parent;     // the unit that holds the type, or kNoId: a root
  std::string root;  // the root's name
  bool keyed = false;
  std::string key;

  friend bool operator==(const ListName&, const ListName&) = default;
  friend bool operator<(const ListName& a, const ListName& b) {
    if (a.parent != b.parent) return a.parent.key() < b.parent.key();
    if (int order = a.root.compare(b.root); order != 0) return order < 0;
    if (a.keyed != b.keyed) return b.keyed;
    return a.key < b.key;
  }
};

class Lists {
 public:
  struct List {
    ListName name;
    bool begun = false;  // it has a head in the tree
    bool dead = false;   // its units are gone
  };
  using Names = std::map<ListName, ListIndex>;

  // The list's number, given if it is new. It need not have begun.
  ListIndex number(const ListName& name);
  // The list's number, or kGone if none with this name was ever spoken of.
  ListIndex find(const ListName& name) const;
  const List& list(ListIndex index) const { return lists_[index - kFirstList]; }
  List& list(ListIndex index) { return lists_[index - kFirstList]; }
  // All lists by name: roots last, those of one parent together.
  const Names& names() const { return names_; }
  // Calls take(index) for each list under the unit.
  template <class F>
  void for_each_under(UnitId parent, F&& take) const {
    for (auto at = names_.lower_bound(ListName{parent, {}, false, {}});
         at != names_.end() && at->first.parent == parent; ++at) {
      take(at->second);
    }
  }

  // Integrated units, each client's in the order of its clocks.
  struct Stretch {
    std::uint32_t from = 0;  // up to the next stretch
    ListIndex list = kGone;
  };
  // The next units of the client, from `from` on, are in the list.
  void place(ClientIndex client, std::uint32_t from, ListIndex list);
  // The list that holds an integrated unit; kGone if it is gone.
  ListIndex list_of(UnitId unit) const;
  // The first clock behind `unit` of another stretch, or `end`.
  std::uint32_t stretch_end(UnitId unit, std::uint32_t end) const;
  // The client's stretches; empty if it has none.
  const std::vector<Stretch>& stretches(ClientIndex client) const;

  // What the unit holds, integrated or waiting; null if it holds text or is deleted.
  const Content* content(UnitId unit) const;
  // Keeps the contents of those units of `text`, which begins with the unit `id`,
  // that are placeholders: content[0] and so on.
  void keep(UnitId id, std::string_view text, const Content* contents);
  // Forgets the contents of these units. Gives the units that held types.
  void forget(UnitId id, std::uint32_t length, std::vector<UnitId>* types = nullptr);
  // Of all contents, and of the lists' names.
  std::size_t content_bytes() const { return content_bytes_; }

 private:
  std::vector<List> lists_;
  Names names_;
  std::vector<std::vector<Stretch>> stretches_;  // by client
  std::map<std::uint64_t, Content> contents_;
  std::size_t content_bytes_ = 0;
};

// Calls take(unit offset) for each placeholder in the text.
template <class F>
void for_each_placeholder(std::string_view text, F&& take) {
  std::uint32_t units = 0;
  std::size_t from = 0;
  for (std::size_t at; (at = text.find(kPlaceholder, from)) != std::string_view::npos; from = at + 1) {
    units += measure(text.substr(from, at - from)).units;
    take(units++);
  }
}

}  // namespace converge
