// Timing for the benchmarks, and the lines they print.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace bench {

inline void figure(const char* name, double value, const char* unit) {
  std::printf(value >= 1000 ? "figure %s %.0f %s\n" : "figure %s %.4g %s\n", name, value, unit);
  std::fflush(stdout);
}

// The milliseconds of processor time that `work` takes: it has one thread and
// waits for nothing, and a busy machine does not change it.
template <class Work>
double milliseconds(Work&& work) {
  auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  };
  const double begin = now();
  work();
  return now() - begin;
}

// The median of `runs` times, each as `once` measures it.
template <class Once>
double median(int runs, Once&& once) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) times.push_back(once());
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[static_cast<std::size_t>(runs / 2)];
}

}  // namespace bench
