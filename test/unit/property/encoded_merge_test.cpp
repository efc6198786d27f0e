// Merging into an encoded text gives the bytes that decoding, merging and encoding
// give, or no answer.
#include <optional>
#include <random>

#include "core/sequence/encoded_merge.h"
#include "core/sequence/text.h"
#include "property/history.h"

namespace converge::property {
namespace {

std::string merged_decoded(const std::string& state, const std::string& delta) {
  Text text = decoded<Text>(state);
  RC_ASSERT(text.merge_encoded(delta).ok());
  return text.encode();
}

struct Tally {
  std::size_t merges = 0;
  std::size_t answers = 0;
};

// Checks one merge, and gives its result.
std::string merge_checked(const std::string& state, const std::string& delta, Tally& tally) {
  const std::string wanted = merged_decoded(state, delta);
  const std::optional<std::string> merged = merge_into_encoded(state, delta);
  ++tally.merges;
  tally.answers += merged.has_value();
  if (merged) RC_ASSERT(*merged == wanted);
  return wanted;
}

// Writers who each hold a state as bytes, edit it and hear of each other's edits, one
// by one and in any order, or of whole states. Few places, so that edits meet.
class Writers {
 public:
  // Of `stray` deltas that one hears, one comes out of order.
  Writers(std::uint32_t count, bool ascii, std::uint32_t stray)
      : states_(count, std::string(1, '\x31')), heard_(count), ascii_(ascii), stray_(stray) {}

  void step(std::uint32_t number) {
    const auto count = static_cast<std::uint32_t>(states_.size());
    const std::uint32_t who = number % count;
    number /= count;
    std::string& state = states_[who];
    switch (number % 8) {
      case 0:
      case 1:
      case 2:
      case 3: {  // as the server does it: an edit is a delta merged into a stored state
        const std::string delta = edit(who, number / 8);
        state = merge_checked(state, delta, tally);
        deltas_.push_back(delta);
        return;
      }
      case 4:
      case 5:
      case 6:
        if (deltas_.empty()) return;
        // Mostly the next one: what another depends on was made before it.
        if (number / 8 % stray_ > 0 && heard_[who] < deltas_.size()) {
          state = merge_checked(state, deltas_[heard_[who]++], tally);
        } else {
          state = merge_checked(state, deltas_[number / 64 % deltas_.size()], tally);
        }
        return;
      default: {
        const std::string& other = states_[number / 8 % count];
        if (number / 64 % 2 == 0) {
          state = merge_checked(state, other, tally);
        } else {
          const Text mine = decoded<Text>(state);
          const Text theirs = decoded<Text>(other);
          state = merge_checked(state, theirs.difference(mine).encode(), tally);
          RC_ASSERT(state == merged_decoded(other, mine.encode()));
        }
      }
    }
  }

  const std::string& state(std::uint32_t who) const { return states_[who]; }

  // The delta of an edit, which is not made.
  std::string edit(std::uint32_t who, std::uint32_t number) {
    static const char* const kPieces[] = {"a", "bc", "wörd", "😀", "語x😀y", "a longer piece of text"};
    static const char* const kAscii[] = {"a", "bc", "d", "ef ", "\n", "a longer piece of text"};
    who %= static_cast<std::uint32_t>(states_.size());
    Text text = decoded<Text>(states_[who]);
    const ReplicaId replica = 5 + mix(who, 77) * std::uint64_t{2097152};
    const std::uint64_t length = text.char_length();
    // Mostly near where others write.
    const std::uint64_t at = number % 3 == 0 ? length : mix(number / 3 % 16, 3) % (length + 1);
    const std::uint32_t kind = number / 64 % 16;
    const std::uint64_t gone = kind < 6 && at < length ? 1 + kind % (length - at) : 0;
    const std::string_view added =
        kind < 5 ? std::string_view() : (ascii_ ? kAscii : kPieces)[number / 1024 % 6];
    std::string delta;
    const auto done = text.splice(replica, at, gone, added, &delta);
    // A replica of which something is pending must not write.
    if (!done.ok()) RC_ASSERT(text.has_pending());
    return done.ok() ? delta : std::string(1, '\x31');
  }

  Tally tally;

 private:
  std::vector<std::string> states_;
  std::vector<std::string> deltas_;
  std::vector<std::size_t> heard_;  // of each writer, how many deltas in order
  bool ascii_;
  std::uint32_t stray_;
};

std::uint32_t any_number() {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>());
}

Numbers any_numbers(std::size_t least, std::size_t most) {
  return *rc::gen::container<Numbers>(
      *rc::gen::inRange(least, most),
      rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>()));
}

// Most merges must be answered, or nothing is shown: states with something pending
// and empty ones are left to the long way.
void expect_answers(const Tally& tally) {
  ::testing::Test::RecordProperty("merges", static_cast<int>(tally.merges));
  ::testing::Test::RecordProperty("answered", static_cast<int>(tally.answers));
  EXPECT_GT(tally.answers * 2, tally.merges);
}

TEST(EncodedMerge, gives_the_bytes_of_the_long_way) {
  Tally all;
  CONVERGE_PROPERTY("edits, single deltas in any order, whole states", [&] {
    Writers writers(*rc::gen::element(1u, 2u, 3u, 9u), *rc::gen::arbitrary<bool>(), 4);
    for (const std::uint32_t number : any_numbers(1, 100)) writers.step(number);
    all.merges += writers.tally.merges;
    all.answers += writers.tally.answers;
  });
  expect_answers(all);
}

TEST(EncodedMerge, holds_for_long_histories) {
  Tally all;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    Writers writers(1 + seed % 20, seed % 3 != 0, 1000);
    for (int i = 0; i < 2000; ++i) writers.step(static_cast<std::uint32_t>(random()));
    all.merges += writers.tally.merges;
    all.answers += writers.tally.answers;
  }
  expect_answers(all);
}

// Bytes that nobody vouches for.
TEST(EncodedMerge, of_damaged_bytes_is_an_error_where_it_is_one_the_long_way) {
  CONVERGE_PROPERTY("a byte of either changed", [] {
    Writers writers(*rc::gen::element(1u, 3u, 9u), *rc::gen::arbitrary<bool>(), 4);
    for (const std::uint32_t number : any_numbers(1, 50)) writers.step(number);
    std::string state = writers.state(0);
    std::string delta = writers.edit(1, any_number());
    for (std::string* bytes : {&state, &delta}) {
      const std::uint32_t change = any_number();
      if (change % 4 != 0) (*bytes)[change / 4 % bytes->size()] ^= static_cast<char>(1 << change % 8);
    }
    auto text = Text::decode(state);
    Result<void> long_way = text.ok() ? text->merge_encoded(delta) : Result<void>(text.error());
    const Result<std::string> merged = Text::merge_encoded(state, delta);
    RC_ASSERT(merged.ok() == long_way.ok());
    if (merged.ok()) {
      // A state that decodes but is not as encode() writes it may stay otherwise.
      if (Text::validate(state).ok()) RC_ASSERT(*merged == text->encode());
    } else {
      RC_ASSERT(merged.error().message == long_way.error().message);
      RC_ASSERT(merged.error().detail == long_way.error().detail);
    }
  });
}

}  // namespace
}  // namespace converge::property
