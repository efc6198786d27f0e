// Values as Yjs has them, and JSON.
#include "core/ydoc/any_value.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "hex.h"

namespace converge {
namespace {

TEST(AnyValue, json_becomes_one_form_and_json_again) {
  const std::pair<const char*, const char*> cases[] = {
      {"null", "null"},
      {" [ 1 , 2.50 , -0 ] ", "[1,2.5,0]"},
      {R"({"b":1,"a":[true,false],"b":"last"})", R"({"a":[true,false],"b":"last"})"},
      {R"("\u00e9\ud83d\ude00\n\"")", "\"é😀\\n\\\"\""},
      {"1e21", "1e+21"},
      {"123456789012345680000", "123456789012345680000"},
      {"1e-7", "1e-7"},
      {"0.000001", "0.000001"},
      {"1e400", "null"},
      {"5e-324", "5e-324"}};
  for (const auto& [json, expected] : cases) {
    std::string value;
    ASSERT_TRUE(append_any_of_json(value, json).ok()) << json;
    EXPECT_EQ(json_of_any(value), expected);
    Reader in(value);
    check_any(in);
    EXPECT_FALSE(in.failed()) << json;
    EXPECT_TRUE(in.at_end());
  }
}

TEST(AnyValue, numbers_are_written_as_yjs_writes_them) {
  const std::pair<const char*, const char*> cases[] = {
      {"1", "7d01"},           {"-2147483647", "7dffffffff0f"},  {"2147483648", "7c4f000000"},
      {"0.5", "7c3f000000"},   {"0.1", "7b3fb999999999999a"}};
  for (const auto& [json, hex] : cases) {
    std::string value;
    ASSERT_TRUE(append_any_of_json(value, json).ok());
    EXPECT_EQ(value, unhex(hex)) << json;
  }
}

TEST(AnyValue, another_form_of_a_value_is_brought_to_the_one_form) {
  // 1 as float64; an object with its names in another order.
  for (const auto& [given, form] : {std::pair("7b3ff0000000000000", "7d01"),
                                    std::pair("760201627e01617e", "760201617e01627e")}) {
    std::string value;
    const std::string bytes = unhex(given);
    Reader in(bytes);
    read_any(in, value);
    EXPECT_EQ(value, unhex(form));
    Reader again(bytes);
    check_any(again);
    EXPECT_TRUE(again.failed());
  }
}

}  // namespace
}  // namespace converge
