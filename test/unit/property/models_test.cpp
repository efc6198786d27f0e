// Each type against what it promises, said as a rule over the whole history:
// which edits there were and which of them each edit had seen.
#include <map>
#include <optional>
#include <set>

#include "property/kinds.h"

namespace converge::property {
namespace {

struct Made {
  std::uint32_t replica;
  std::uint32_t number;
  std::vector<bool> seen;  // by index, of the edits before it
};

template <class Kind>
std::vector<Made> made_by(History<Kind>& history, const Numbers& numbers) {
  std::vector<Made> edits;
  history.run(numbers, [&](std::size_t, std::uint32_t r, std::uint32_t number) {
    edits.push_back(Made{r, number, history.has[r]});
  });
  return edits;
}

bool saw(const Made& later, std::size_t earlier) {
  return earlier < later.seen.size() && later.seen[earlier];
}

TEST(Models, or_set_an_add_is_undone_only_by_an_edit_that_saw_it) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    History<OrSetKind> history;
    const auto edits = made_by(history, numbers);
    std::set<std::string> expected;
    for (std::size_t a = 0; a < edits.size(); ++a) {
      if (OrSetKind::removes(edits[a].number)) continue;
      bool alive = true;
      for (const Made& other : edits) {
        alive = alive && !(saw(other, a) && OrSetKind::element(other.number) ==
                                                OrSetKind::element(edits[a].number));
      }
      if (alive) expected.insert(OrSetKind::element(edits[a].number));
    }
    const OrSet all = history.all();
    std::set<std::string> found;
    for (auto element : all.elements()) found.emplace(element);
    RC_ASSERT(found == expected);
    for (const std::string& element : expected) RC_ASSERT(all.contains(element));
  });
}

// The clock that an edit gets, from what it had seen.
struct Write {
  std::uint64_t hlc;
  ReplicaId replica;
  auto operator<=>(const Write&) const = default;
};

TEST(Models, lww_map_keeps_the_greatest_write_of_each_key) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    History<MapKind> history;
    // What each replica's state says before each edit decides whether an unset
    // is a write at all.
    std::vector<Made> edits;
    std::vector<bool> writes;
    history.run(numbers, [&](std::size_t, std::uint32_t r, std::uint32_t number) {
      edits.push_back(Made{r, number, history.has[r]});
      writes.push_back(!MapKind::unsets(number) || history.states[r].contains(key_of(number)));
    });
    std::vector<Write> clocks(edits.size());
    std::map<std::string, std::size_t> winner;
    for (std::size_t i = 0; i < edits.size(); ++i) {
      if (!writes[i]) continue;
      std::uint64_t greatest = 0;
      for (std::size_t j = 0; j < i; ++j) {
        // Beaten writes may be gone from what it saw, but they have smaller
        // clocks than those that beat them.
        if (saw(edits[i], j)) greatest = std::max(greatest, clocks[j].hlc);
      }
      const std::uint64_t now = MapKind::now(edits[i].number);
      clocks[i] = Write{now > greatest >> 16 ? now << 16 : greatest + 1,
                        kReplicas[edits[i].replica]};
      auto [at, added] = winner.try_emplace(key_of(edits[i].number), i);
      if (!added && clocks[i] > clocks[at->second]) at->second = i;
    }
    const LwwMap all = history.all();
    std::size_t set = 0;
    for (const auto& [key, i] : winner) {
      if (MapKind::unsets(edits[i].number)) {
        RC_ASSERT(!all.contains(key));
      } else {
        RC_ASSERT(all.get(key) == MapKind::value(edits[i].number));
        ++set;
      }
    }
    RC_ASSERT(all.keys().size() == set);
  });
}

TEST(Models, lww_set_has_what_was_added_last) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    History<LwwSetKind> history;
    history.run(numbers);
    // The same edits on a map, where a key is set as long as an element is in.
    struct AsMap {
      using State = LwwMap;
      static void edit(LwwMap& map, ReplicaId replica, std::uint32_t number, std::string* delta) {
        if (LwwSetKind::removes(number)) {
          RC_ASSERT(map.unset(replica, MapKind::now(number), key_of(number), delta).ok());
        } else {
          RC_ASSERT(map.set(replica, MapKind::now(number), key_of(number), "1", delta).ok());
        }
      }
    };
    History<AsMap> as_map;
    as_map.run(numbers);
    RC_ASSERT(history.all().elements() == as_map.all().keys());
  });
}

TEST(Models, mv_register_holds_the_assignments_that_nobody_saw) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    History<RegisterKind> history;
    const auto edits = made_by(history, numbers);
    std::set<std::string> expected;
    for (std::size_t a = 0; a < edits.size(); ++a) {
      bool stands = true;
      for (const Made& other : edits) stands = stands && !saw(other, a);
      if (stands) expected.insert(value_of(edits[a].number));
    }
    const MvRegister all = history.all();
    std::set<std::string> found;
    for (auto value : all.values()) found.emplace(value);
    RC_ASSERT(found == expected);
  });
}

TEST(Models, counters_add_up_what_was_made) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    History<PnCounterKind> pn;
    History<GCounterKind> g;
    std::int64_t pn_sum = 0;
    std::int64_t g_sum = 0;
    for (const Made& edit : made_by(pn, numbers)) pn_sum += PnCounterKind::amount(edit.number);
    for (const Made& edit : made_by(g, numbers)) g_sum += edit.number % 1000;
    RC_ASSERT(pn.all().value().value() == pn_sum);
    RC_ASSERT(g.all().value().value() == g_sum);
  });
}

TEST(Models, a_version_covers_exactly_what_is_there_without_a_hole) {
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t pick) {
    History<MapKind> history;
    history.run(numbers);
    const LwwMap some = history.some(pick);
    // Each replica's edits in the order they were made; empty ones have no dot.
    std::uint64_t made[3] = {0, 0, 0};
    bool whole[3] = {true, true, true};
    VersionVector expected;
    for (std::uint32_t i = 0; i < history.deltas.size(); ++i) {
      if (is_empty_state(history.deltas[i])) continue;
      const std::uint32_t r = history.makers[i];
      ++made[r];
      whole[r] = whole[r] && history.is_among(i, pick);
      if (whole[r]) expected.set(kReplicas[r], made[r]);
    }
    RC_ASSERT(some.version() == expected);
  });
}

}  // namespace
}  // namespace converge::property
