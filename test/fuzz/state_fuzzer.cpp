// The decoder of one type (CONVERGE_FUZZ_TYPE), and what is done with what it
// takes. The input holds two states: a byte says where the first one ends.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/field.h"

namespace {

using namespace converge;

constexpr FieldType kType = FieldType::CONVERGE_FUZZ_TYPE;

void must(bool holds) {
  if (!holds) std::abort();
}

// A join may be refused for its size alone.
std::string joined(std::string_view a, std::string_view b) {
  auto result = merge(kType, a, b);
  if (!result.ok()) {
    must(result.error().code == ErrorCode::too_large);
    return {};
  }
  return *result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] == 0xff ? input.size() : data[0] * input.size() / 255;
  const std::string_view a = input.substr(0, cut);
  const std::string_view b = input.substr(cut);

  (void)version(kType, a);
  (void)greatest_hlc(kType, a);
  (void)merge(kType, a, empty_state(kType));
  if (!validate(kType, a).ok()) return 0;
  // What is valid is canonical, and joins with itself to itself.
  must(joined(a, a) == a);
  must(joined(a, empty_state(kType)) == a);
  must(version(kType, a).ok());
  must(*difference(kType, a, a) == empty_state(kType));
  must(joined(empty_state(kType), *delta(kType, a, "")) == a);
  if (!validate(kType, b).ok()) return 0;
  if (kType == FieldType::crdt_text) {
    // Two texts made up apart may use one identifier for two things, and then
    // there is no join to agree on: it must end well, no more.
    (void)joined(a, b);
    return 0;
  }
  const std::string ab = joined(a, b);
  must(ab == joined(b, a));
  if (ab.empty()) return 0;
  must(validate(kType, ab).ok());
  must(joined(ab, a) == ab);
  return 0;
}
