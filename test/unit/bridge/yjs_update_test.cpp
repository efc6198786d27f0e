// What the bridge reads of a provider's updates.
#include "yjs_update.h"

#include <gtest/gtest.h>

#include <string>

#include "core/ydoc/lib0.h"

namespace converge::bridge {
namespace {

// Two clients who each typed so many letters, every one before all others, at once.
std::string written_at_one_place(unsigned letters) {
  std::string update;
  lib0::write_uint(update, 2);
  for (const unsigned client : {1u, 2u}) {
    lib0::write_uint(update, letters);
    lib0::write_uint(update, client);
    lib0::write_uint(update, 0);
    for (unsigned i = 0; i < letters; ++i) update.append("\x04\x01\x01t\x01x", 6);
  }
  lib0::write_uint(update, 0);
  return update;
}

TEST(YjsUpdate, what_would_keep_the_thread_is_refused) {
  const Result<YjsDelta> some = read_yjs_update(written_at_one_place(500));
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(some->structs.size(), 2u);
  const std::string update = written_at_one_place(40'000);
  EXPECT_LT(update.size(), 500'000u);
  const Result<YjsDelta> many = read_yjs_update(update);
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().code, ErrorCode::too_large);
  EXPECT_EQ(many.error().message, "Yjs update takes too long to read");
  // The next one has all of its time.
  EXPECT_EQ(read_yjs_update(written_at_one_place(500))->delta, some->delta);
}

// As a document is that comes from a store in the browser.
TEST(YjsUpdate, many_structs_alone_are_no_reason) {
  std::string update;
  constexpr unsigned kStructs = 70'000;
  lib0::write_uint(update, 1);
  lib0::write_uint(update, kStructs);
  lib0::write_uint(update, 1);
  lib0::write_uint(update, 0);
  for (unsigned i = 0; i < kStructs; ++i) {
    if (i == 0) {
      update.append("\x04\x01\x01t\x01x", 6);
    } else {
      update.append("\x84\x01", 2);
      lib0::write_uint(update, i % 3 == 0 ? i / 2 : i - 1);
      update.append("\x01x", 2);
    }
  }
  lib0::write_uint(update, 0);
  EXPECT_TRUE(read_yjs_update(update).ok());
}

}  // namespace
}  // namespace converge::bridge
