// Random histories of one field: three replicas that edit and hear of each
// other, by whole states, by deltas since a version, and by single deltas that
// arrive in any order. All is drawn from numbers, so that RapidCheck shrinks it.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <stdlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/field.h"

namespace converge::property {

using Numbers = std::vector<std::uint32_t>;

// How many cases a property gets: CONVERGE_PROPERTY_CASES (10,000 if unset),
// unless RC_PARAMS says all there is to say.
inline const bool cases_set = [] {
  const char* cases = getenv("CONVERGE_PROPERTY_CASES");
  const std::string params = "max_success=" + std::string(cases != nullptr ? cases : "10000");
  setenv("RC_PARAMS", params.c_str(), 0);
  return true;
}();

// RapidCheck's `check`, as a gtest assertion.
#define CONVERGE_PROPERTY(...) EXPECT_TRUE(rc::check(__VA_ARGS__))

inline std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
  std::uint32_t hash = (a ^ (b * 0x9e3779b9u)) * 0x85ebca6bu;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35u;
  return hash ^ (hash >> 16);
}

template <class State>
State decoded(const std::string& bytes) {
  auto state = State::decode(bytes);
  RC_ASSERT(state.ok());
  return std::move(*state);
}

template <class State>
void join(State& a, const State& b) {
  RC_ASSERT(a.merge(b).ok());
}

inline constexpr ReplicaId kReplicas[3] = {3, 1000, (ReplicaId{1} << 53) - 2};

// Kind has: `State`; `type`; and edit(state, replica, number, delta), which makes
// some edit that the number stands for.
template <class Kind>
struct History {
  using State = typename Kind::State;

  State states[3];
  std::vector<std::string> deltas;
  std::vector<std::uint32_t> makers;  // of each delta: the index of its replica
  // Who has which deltas: for models.
  std::vector<bool> has[3];

  // `observe(edit, replica, number)` hears of every edit before it is made, by
  // the index its delta gets.
  template <class Observe>
  void run(const Numbers& numbers, Observe observe) {
    for (std::uint32_t number : numbers) {
      const std::uint32_t r = number % 3;
      const std::uint32_t action = number / 3 % 8;
      const std::uint32_t rest = number / 24;
      if (action < 5) {
        observe(deltas.size(), r, rest);
        std::string delta;
        Kind::edit(states[r], kReplicas[r], rest, &delta);
        deltas.push_back(delta);
        makers.push_back(r);
        for (auto& some : has) some.push_back(false);
        has[r].back() = true;
      } else if (action < 7) {
        const std::uint32_t other = (r + 1 + rest % 2) % 3;
        if (action == 5) {
          join(states[r], states[other]);
        } else {
          auto delta = states[other].delta(states[r].version());
          RC_ASSERT(delta.ok());
          join(states[r], *delta);
        }
        for (std::size_t i = 0; i < deltas.size(); ++i) {
          has[r][i] = has[r][i] || has[other][i];
        }
      } else if (!deltas.empty()) {
        const std::size_t i = rest % deltas.size();
        join(states[r], decoded<State>(deltas[i]));
        has[r][i] = true;
      }
    }
  }

  void run(const Numbers& numbers) {
    run(numbers, [](std::size_t, std::uint32_t, std::uint32_t) {});
  }

  // Some of the deltas, joined: which ones, `pick` says.
  static bool is_among(std::uint32_t delta, std::uint32_t pick) {
    return mix(delta, pick) % 3 != 0;
  }
  State some(std::uint32_t pick) const {
    State state;
    for (std::uint32_t i = 0; i < deltas.size(); ++i) {
      if (is_among(i, pick)) join(state, decoded<State>(deltas[i]));
    }
    return state;
  }

  // All deltas in the order they were made.
  State all() const {
    State state;
    for (const std::string& delta : deltas) join(state, decoded<State>(delta));
    return state;
  }

  // All deltas, some of them more than once, and a state among them, at once.
  std::string all_at_once(std::uint32_t pick) const {
    std::vector<std::string> pieces = deltas;
    for (std::uint32_t i = 0; i < deltas.size(); ++i) {
      std::swap(pieces[i], pieces[mix(i, pick) % pieces.size()]);
      if (mix(i, pick) % 4 == 0) pieces.push_back(deltas[i]);
    }
    pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(pick % (pieces.size() + 1)), some(pick).encode());
    const std::vector<std::string_view> views(pieces.begin(), pieces.end());
    return merge_all(Kind::type, views).value();
  }

  // All deltas in another order, in groups, some of them more than once.
  State all_otherwise(std::uint32_t pick) const {
    std::vector<State> pieces;
    for (std::uint32_t i = 0; i < deltas.size(); ++i) {
      pieces.push_back(decoded<State>(deltas[i]));
      if (mix(i, pick) % 4 == 0) pieces.push_back(pieces.back());
    }
    while (pieces.size() > 1) {
      pick = mix(pick, static_cast<std::uint32_t>(pieces.size()));
      const std::size_t a = pick % pieces.size();
      std::swap(pieces[a], pieces.back());
      State last = std::move(pieces.back());
      pieces.pop_back();
      join(pieces[mix(pick, 1) % pieces.size()], last);
    }
    return pieces.empty() ? State() : std::move(pieces.front());
  }
};

}  // namespace converge::property
