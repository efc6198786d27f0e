// The simulator's only source of chance: the same seed, the same numbers, on
// every machine.
#pragma once

#include <cstdint>

namespace converge::simulation {

// SplitMix64 (Steele, Lea and Flood, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // From 0 to limit - 1; limit is at least 1.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }

  bool percent(std::uint64_t chance) { return below(100) < chance; }

 private:
  std::uint64_t state_;
};

// A seed for the `index`-th part of what `seed` began.
inline std::uint64_t derive(std::uint64_t seed, std::uint64_t index) {
  Random random(seed ^ (index * 0xd1342543de82ef95u));
  random.next();
  return random.next();
}

}  // namespace converge::simulation
