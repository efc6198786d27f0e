// What Yjs's formats are made of.
#include "core/ydoc/lib0.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hex.h"

namespace converge {
namespace {

using lib0::SignedInt;

TEST(Lib0, numbers_have_the_bytes_of_lib0) {
  const std::pair<std::uint64_t, const char*> unsigned_numbers[] = {
      {0, "00"}, {127, "7f"}, {128, "8001"}, {(1ull << 53) - 1, "ffffffffffffff0f"}};
  for (const auto& [number, hex] : unsigned_numbers) {
    std::string bytes;
    lib0::write_uint(bytes, number);
    EXPECT_EQ(bytes, unhex(hex));
    Reader in(bytes);
    EXPECT_EQ(lib0::read_uint(in), number);
    EXPECT_FALSE(in.failed());
  }
  const std::pair<SignedInt, const char*> signed_numbers[] = {
      {{0, false}, "00"}, {{0, true}, "40"}, {{63, false}, "3f"}, {{64, true}, "c001"}};
  for (const auto& [number, hex] : signed_numbers) {
    std::string bytes;
    lib0::write_int(bytes, number);
    EXPECT_EQ(bytes, unhex(hex));
    Reader in(bytes);
    const SignedInt read = lib0::read_int(in);
    EXPECT_EQ(read.magnitude, number.magnitude);
    EXPECT_EQ(read.negative, number.negative);
  }
}

TEST(Lib0, a_number_beyond_53_bits_is_refused) {
  for (const char* hex : {"80808080808080" "10", "ffffffffffffffffff01", "80"}) {
    const std::string bytes = unhex(hex);
    Reader in(bytes);
    (void)lib0::read_uint(in);
    EXPECT_TRUE(in.failed()) << hex;
  }
  for (const char* hex : {"80808080808080" "20", "ffffffffffffffffff01", "80"}) {
    const std::string bytes = unhex(hex);
    Reader in(bytes);
    (void)lib0::read_int(in);
    EXPECT_TRUE(in.failed()) << hex;
  }
}

TEST(Lib0, columns_give_back_what_was_written) {
  rc::check([] {
    const auto numbers = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0, 4));
    lib0::RleWriter bytes;
    lib0::UintOptRleWriter uints;
    lib0::IntDiffOptRleWriter differences;
    for (std::uint32_t number : numbers) {
      bytes.write(static_cast<std::uint8_t>(number));
      uints.write(number * 1000);
      differences.write(number * number);
    }
    const std::string a = bytes.take();
    const std::string b = uints.take();
    const std::string c = differences.take();
    lib0::RleReader read_bytes(a);
    lib0::UintOptRleReader read_uints(b);
    lib0::IntDiffOptRleReader read_differences(c);
    for (std::uint32_t number : numbers) {
      RC_ASSERT(read_bytes.read() == number);
      RC_ASSERT(read_uints.read() == number * 1000);
      RC_ASSERT(read_differences.read() == number * number);
    }
    RC_ASSERT(!read_bytes.failed() && !read_uints.failed() && !read_differences.failed());
  });
}

}  // namespace
}  // namespace converge
