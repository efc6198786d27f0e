// The decoders and parsers of version_vector and log_version.
#include <cstdint>
#include <cstdlib>

#include "allocation.h"
#include "core/clock/log_version.h"
#include "core/clock/version_vector.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

template <class Clock>
void check(std::string_view bytes) {
  if (auto read = converge::fuzz::decode_within_bounds(bytes.size(), [&] { return Clock::decode(bytes); });
      read.ok()) {
    must(bytes.empty() || read->encode() == bytes);
    must(*Clock::parse(read->to_text()) == *read);
    Clock twice = *read;
    twice.merge(*read);
    must(twice == *read);
    must(read->compare(twice) == converge::Order::equal);
  }
  if (auto read = converge::fuzz::decode_within_bounds(bytes.size(), [&] { return Clock::parse(bytes); });
      read.ok()) {
    must(*Clock::decode(read->encode()) == *read);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check<converge::VersionVector>(bytes);
  check<converge::LogVersion>(bytes);
  return 0;
}
