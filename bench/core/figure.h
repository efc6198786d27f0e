// Timing for the benchmarks, and the lines they print.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace bench {

inline void figure(const char* name, double value, const char* unit) {
  std::printf(value >= 1000 ? "figure %s %.0f %s\n" : "figure %s %.4g %s\n", name, value, unit);
  std::fflush(stdout);
}

// The milliseconds that `work` takes.
template <class Work>
double milliseconds(Work&& work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
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
