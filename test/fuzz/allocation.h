// What a decoder allocates, beside the size of what it was given: a few bytes
// from a client must not make the server take megabytes.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONVERGE_FUZZ_METERS_ALLOCATION 1
#include <sanitizer/allocator_interface.h>
#endif
#endif

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace converge::fuzz {

#ifdef CONVERGE_FUZZ_METERS_ALLOCATION

// The greatest number of bytes that were allocated and not freed again during
// its life. One at a time, on one thread.
class AllocationMeter {
 public:
  AllocationMeter() {
    [[maybe_unused]] static const int hooked =
        __sanitizer_install_malloc_and_free_hooks(on_allocate, on_free);
    live_ = peak_ = 0;
    on_ = true;
  }
  ~AllocationMeter() { on_ = false; }
  AllocationMeter(const AllocationMeter&) = delete;
  AllocationMeter& operator=(const AllocationMeter&) = delete;

  std::size_t peak() const { return peak_ > 0 ? static_cast<std::size_t>(peak_) : 0; }

 private:
  static void on_allocate(const volatile void*, std::size_t size) {
    if (!on_) return;
    live_ += static_cast<std::ptrdiff_t>(size);
    if (live_ > peak_) peak_ = live_;
  }
  static void on_free(const volatile void* block) {
    if (on_ && block != nullptr) {
      live_ -= static_cast<std::ptrdiff_t>(
          __sanitizer_get_allocated_size(const_cast<const void*>(block)));
    }
  }

  static inline bool on_ = false;
  static inline std::ptrdiff_t live_ = 0;
  static inline std::ptrdiff_t peak_ = 0;
};

// What a decoder may take at most for `input` bytes: an entry in memory is some
// dozen times its smallest encoding, and a state's tables begin at a few kilobytes.
inline constexpr std::size_t kAllocatedPerByte = 256;
inline constexpr std::size_t kAllocatedAnyway = 16 << 10;

template <class Decode>
auto decode_within_bounds(std::size_t input, Decode&& decode) {
  const AllocationMeter meter;
  auto result = decode();
  if (meter.peak() > kAllocatedAnyway + kAllocatedPerByte * input) {
    std::fprintf(stderr, "decoding %zu bytes took %zu bytes of memory\n", input, meter.peak());
    std::abort();
  }
  return result;
}

#else  // the corpus is replayed without a sanitizer (test/mutation)

template <class Decode>
auto decode_within_bounds(std::size_t, Decode&& decode) {
  return decode();
}

#endif

}  // namespace converge::fuzz
