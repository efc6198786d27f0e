// What loops that may run for seconds call now and then, so that whoever runs the
// core can stop them.
#pragma once

#include <cstddef>

namespace converge {

// Unset, as in the browser, it does nothing. It may throw, as an allocation may:
// what was being changed is then good for nothing but to be destroyed.
inline void (*long_work_hook)() = nullptr;

inline void long_work() {
  if (long_work_hook != nullptr) long_work_hook();
}

// For a loop whose rounds are short: one in 1,024 does it.
inline void long_work(std::size_t round) {
  if (round % 1024 == 1023) long_work();
}

}  // namespace converge
