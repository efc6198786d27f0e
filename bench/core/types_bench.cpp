// Map, set, counters and version vectors: how many one-entry deltas a second a
// state of 10,000 entries takes in, and what a set leaves behind.
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/clock/version_vector.h"
#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "figure.h"

namespace {

using namespace converge;

constexpr std::uint32_t kEntries = 10000;
constexpr std::uint32_t kDeltas = 200000;
constexpr int kRuns = 5;

// Where each delta goes: spread, the same in every run.
std::uint32_t entry_of(std::uint32_t i) { return i * 2654435761u % kEntries; }
std::string key_of(std::uint32_t entry) { return "key " + std::to_string(entry); }
ReplicaId replica_of(std::uint32_t i) { return 7 + ReplicaId{i % 16} * 0x1234567891u; }

// The milliseconds of processor time that `work` takes: on an idle machine what
// the clock shows, and on a busy one still a figure.
template <class Work>
double cpu_milliseconds(Work&& work) {
  auto now = [] {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  };
  const double begin = now();
  work();
  return now() - begin;
}

void must(bool done) {
  if (!done) std::abort();
}

// Deltas are decoded beforehand; `apply(base, delta)` is what is timed.
template <class State, class Delta, class Apply>
double per_second(const State& start, const std::vector<Delta>& deltas, Apply apply) {
  const double ms = bench::median(kRuns, [&] {
    State state = start;
    apply(state, deltas.front());  // an index is built once
    return cpu_milliseconds([&] {
      for (const Delta& delta : deltas) apply(state, delta);
    });
  });
  return static_cast<double>(deltas.size()) / ms * 1000;
}

template <class State, class Edit>
void merges(const char* name, const char* encoded_name, Edit edit) {
  State base;
  for (std::uint32_t i = 0; i < kEntries; ++i) edit(base, i, i, nullptr);
  State writer = base;
  std::vector<State> deltas;
  std::vector<std::string> encoded;
  for (std::uint32_t i = 0; i < kDeltas; ++i) {
    std::string delta;
    edit(writer, entry_of(i), i, &delta);
    auto state = State::decode(delta);
    must(state.ok());
    deltas.push_back(std::move(*state));
    encoded.push_back(std::move(delta));
  }
  bench::figure(name,
                per_second(base, deltas,
                           [](State& state, const State& delta) {
                             must(state.merge(delta).ok());
                           }),
                "/s");
  bench::figure(encoded_name,
                per_second(base, encoded,
                           [](State& state, const std::string& bytes) {
                             auto delta = State::decode(bytes);
                             must(delta.ok() && state.merge(*delta).ok());
                           }),
                "/s");
}

void version_merge() {
  VersionVector a, b;
  for (std::uint32_t i = 0; i < 100; ++i) {
    a.set(7 + ReplicaId{i} * 0x1234567891u, 1 + i * 7 % 50);
    b.set(7 + ReplicaId{i} * 0x1234567891u, 1 + i * 11 % 50);
  }
  constexpr int times = 100000;
  std::uint64_t sum = 0;
  const double ms = bench::median(kRuns, [&] {
    return cpu_milliseconds([&] {
      for (int i = 0; i < times; ++i) {
        VersionVector merged = i % 2 == 0 ? a : b;
        merged.merge(i % 2 == 0 ? b : a);
        sum += merged.entries()[static_cast<std::size_t>(i) % 100].counter;
      }
    });
  });
  must(sum > 0);
  bench::figure("version_merge_us", ms * 1000 / times, "us");
}

void add_remove_pairs() {
  constexpr std::uint32_t pairs = 10'000'000;
  OrSet set;
  const std::vector<std::string> elements = {"a", "b", "c", "d", "e", "f", "g"};
  const double ms = cpu_milliseconds([&] {
    for (std::uint32_t i = 0; i < pairs; ++i) {
      const std::string& element = elements[i % elements.size()];
      must(set.add(replica_of(i), element).ok());
      must(set.remove(replica_of(i), element).ok());
    }
  });
  must(set.size() == 0);
  bench::figure("set_pairs_per_s", pairs / ms * 1000, "/s");
  bench::figure("set_pairs_left_bytes", static_cast<double>(set.encode().size()), "B");
}

}  // namespace

int main() {
  merges<LwwMap>("map_merge_per_s", "map_merge_encoded_per_s",
                 [](LwwMap& map, std::uint32_t entry, std::uint32_t i, std::string* delta) {
                   must(map.set(replica_of(i), 1000 + i, key_of(entry), "12345", delta).ok());
                 });
  merges<LwwSet>("lww_set_merge_per_s", "lww_set_merge_encoded_per_s",
                 [](LwwSet& set, std::uint32_t entry, std::uint32_t i, std::string* delta) {
                   must(set.add(replica_of(i), 1000 + i, key_of(entry), delta).ok());
                 });
  merges<OrSet>("set_merge_per_s", "set_merge_encoded_per_s",
                [](OrSet& set, std::uint32_t entry, std::uint32_t i, std::string* delta) {
                  must(set.add(replica_of(i), key_of(entry), delta).ok());
                });
  // An entry of a counter is a replica.
  merges<PnCounter>("counter_merge_per_s", "counter_merge_encoded_per_s",
                    [](PnCounter& counter, std::uint32_t entry, std::uint32_t i,
                       std::string* delta) {
                      must(counter.increment(7 + ReplicaId{entry} * 0x1234567u, i % 3 + 1, delta)
                               .ok());
                    });
  merges<GCounter>("g_counter_merge_per_s", "g_counter_merge_encoded_per_s",
                   [](GCounter& counter, std::uint32_t entry, std::uint32_t i,
                      std::string* delta) {
                     must(counter.increment(7 + ReplicaId{entry} * 0x1234567u, i % 3 + 1, delta)
                              .ok());
                   });
  version_merge();
  add_remove_pairs();
}
