// Data that was encoded once stays readable: golden/TYPE.v1 hold states and what
// they mean. A file never changes once it was released; a new version of an
// encoding gets files of its own beside it. To write files that are missing:
// CONVERGE_WRITE_GOLDEN=1 test-golden.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "core/clock/log_version.h"
#include "core/clock/version_vector.h"
#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/sequence/text.h"
#include "core/ydoc/ydoc.h"
#include "hex.h"

namespace converge {
namespace {

constexpr ReplicaId kFirst = 5;
constexpr ReplicaId kSecond = 1000;
constexpr ReplicaId kThird = (ReplicaId{1} << 53) - 1;
constexpr std::uint64_t kTime = 1'700'000'000'000;

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

std::string lines(const std::vector<std::string_view>& items) {
  std::string out;
  for (auto item : items) out += std::string(item) + "\n";
  return out;
}

// The states of one type, made anew, and what a state means in text.
struct Sample {
  std::string name;
  std::vector<std::string> states;
  std::function<std::string(std::string_view)> meaning;
};

Sample map_sample() {
  LwwMap map;
  std::string delta;
  EXPECT_TRUE(map.set(kFirst, kTime, "title", "\"first\"").ok());
  EXPECT_TRUE(map.set(kSecond, kTime, "title", "\"second\"").ok());
  EXPECT_TRUE(map.set(kThird, kTime + 5, "", "{\"a\": [1.0, null]}").ok());
  EXPECT_TRUE(map.set(kFirst, kTime + 9, "gone", "true").ok());
  EXPECT_TRUE(map.unset(kSecond, kTime + 10, "gone").ok());
  LwwMap late = map;
  EXPECT_TRUE(late.set(kFirst, kTime, "é", "0").ok());
  EXPECT_TRUE(late.set(kFirst, kTime, "é", "1", &delta).ok());
  LwwMap hole = map;  // with an edit missing between
  EXPECT_TRUE(hole.merge(LwwMap::decode(delta).value()).ok());
  return {"lww_map", {LwwMap().encode(), map.encode(), delta, hole.encode()},
          [](std::string_view bytes) {
            const LwwMap read = LwwMap::decode(bytes).value();
            return read.to_json() + "\n" + read.version().to_text() + "\n" +
                   std::to_string(read.greatest_hlc().bits) + "\n";
          }};
}

Sample lww_set_sample() {
  LwwSet set;
  EXPECT_TRUE(set.add(kFirst, kTime, "a").ok());
  EXPECT_TRUE(set.add(kSecond, kTime, "b").ok());
  EXPECT_TRUE(set.remove(kThird, kTime, "a").ok());
  return {"lww_set", {LwwSet().encode(), set.encode()}, [](std::string_view bytes) {
            const LwwSet read = LwwSet::decode(bytes).value();
            return lines(read.elements()) + read.version().to_text() + "\n";
          }};
}

Sample or_set_sample() {
  OrSet set, other;
  std::string delta;
  EXPECT_TRUE(set.add(kFirst, "a").ok());
  EXPECT_TRUE(set.add(kFirst, "é").ok());
  EXPECT_TRUE(other.add(kThird, "a").ok());
  EXPECT_TRUE(set.merge(other).ok());
  EXPECT_TRUE(set.add(kSecond, "gone").ok());
  EXPECT_TRUE(set.remove(kSecond, "gone", &delta).ok());
  return {"or_set", {OrSet().encode(), set.encode(), delta}, [](std::string_view bytes) {
            const OrSet read = OrSet::decode(bytes).value();
            return lines(read.elements()) + read.version().to_text() + "\n";
          }};
}

Sample register_sample() {
  MvRegister one, other;
  EXPECT_TRUE(one.assign(kFirst, "0").ok());
  EXPECT_TRUE(other.merge(one).ok());
  EXPECT_TRUE(one.assign(kFirst, "[1]").ok());
  EXPECT_TRUE(other.assign(kThird, "\"x\"").ok());
  EXPECT_TRUE(one.merge(other).ok());
  return {"mv_register", {MvRegister().encode(), one.encode()}, [](std::string_view bytes) {
            const MvRegister read = MvRegister::decode(bytes).value();
            return lines(read.values()) + read.version().to_text() + "\n";
          }};
}

Sample text_sample() {
  Text text, other;
  std::string delta, early, ahead;
  EXPECT_TRUE(text.insert(kFirst, 0, "é, 漢字 and 😀😁 in it").ok());
  EXPECT_TRUE(other.merge(text).ok());
  EXPECT_TRUE(text.splice(kFirst, 3, 2, "kanji").ok());
  EXPECT_TRUE(text.insert(kFirst, 1, "x").ok());
  EXPECT_TRUE(text.erase(0, 1).ok());
  EXPECT_TRUE(other.insert(kThird, 1, "b").ok());
  EXPECT_TRUE(other.insert(kSecond, 1, "a").ok());
  EXPECT_TRUE(other.insert(kThird, 5, "!").ok());
  EXPECT_TRUE(text.merge(other).ok());
  EXPECT_TRUE(text.insert(kSecond, 4, "y", &delta).ok());
  EXPECT_TRUE(text.insert(kSecond, 0, "zw", &ahead).ok());
  EXPECT_TRUE(text.erase(2, 6, &early).ok());
  Text pending;
  EXPECT_TRUE(pending.insert(kThird - 1, 0, "here").ok());
  EXPECT_TRUE(pending.merge_encoded(ahead).ok());
  EXPECT_TRUE(pending.merge_encoded(early).ok());
  return {"crdt_text",
          {Text().encode(), text.encode(), delta, early, pending.encode()},
          [](std::string_view bytes) {
            const Text read = Text::decode(bytes).value();
            return "text: " + read.text() + "\n" + read.version().to_text() +
                   (read.has_pending() ? " and more that waits\n" : "\n");
          }};
}

template <class Counter>
Sample counter_sample(const std::string& name, std::int64_t third) {
  Counter counter;
  EXPECT_TRUE(counter.increment(kFirst, 1).ok());
  EXPECT_TRUE(counter.increment(kFirst, 299).ok());
  EXPECT_TRUE(counter.increment(kThird, third).ok());
  return {name, {Counter().encode(), counter.encode()}, [](std::string_view bytes) {
            const Counter read = Counter::decode(bytes).value();
            return std::to_string(read.value().value()) + "\n" + read.version().to_text() + "\n";
          }};
}

template <class Clock>
Sample clock_sample(const std::string& name) {
  Clock clock;
  clock.set(kFirst, 1);
  clock.set(kSecond, 300);
  clock.set(kThird, kCounterLimit - 1);
  return {name, {Clock().encode(), clock.encode()}, [](std::string_view bytes) {
            return Clock::decode(bytes).value().to_text() + "\n";
          }};
}

std::string encoded_again(const std::string& name, std::string_view bytes) {
  if (name == "lww_map") return LwwMap::decode(bytes).value().encode();
  if (name == "lww_set") return LwwSet::decode(bytes).value().encode();
  if (name == "or_set") return OrSet::decode(bytes).value().encode();
  if (name == "crdt_text") return Text::decode(bytes).value().encode();
  if (name == "ydoc") return YDoc::decode(bytes).value().encode();
  if (name == "mv_register") return MvRegister::decode(bytes).value().encode();
  if (name == "pn_counter") return PnCounter::decode(bytes).value().encode();
  if (name == "g_counter") return GCounter::decode(bytes).value().encode();
  if (name == "version_vector") return VersionVector::decode(bytes).value().encode();
  return LogVersion::decode(bytes).value().encode();
}

// From Yjs 13.6: every shared type, marks, an embed, a subdocument, deleted items
// and what garbage collection leaves.
constexpr std::string_view kYjsUpdate =
    "02020900c405010502036d6964a80514017d03170500040101740368c3a9840501016c81050202810504018405"
    "050bf09f98802077c3b6726c6446050004626f6c640474727565c10504050501c60502050304626f6c64046e75"
    "6c6cc5051005030d7b2261223a5b312c2278225d7dc105110503012101016d0161022101016d0162012701016d"
    "016e0128000516016b017e2901016d01640167760001010161018805190378760101787d407702c3bcc7051905"
    "1a020400051d02696e410519010101017801000687052105016801050503030f01120419012008";

Sample ydoc_sample() {
  YDoc document;
  EXPECT_TRUE(document.insert_text(5, "text", 0, "Größe 😀").ok());
  EXPECT_TRUE(document.set_key(5, "meta", "title", R"({"b":[1,2.5],"a":null})").ok());
  EXPECT_TRUE(document.set_key(9, "meta", "title", "true").ok());
  EXPECT_TRUE(document.erase("text", 2, 3).ok());
  YDoc edited = document;
  std::string change;  // what it depends on is not in it
  EXPECT_TRUE(edited.insert_text(9, "text", 1, "!", &change).ok());
  YDoc yjs;
  EXPECT_TRUE(yjs.apply_update(unhex(kYjsUpdate), UpdateFormat::v1).ok());
  YDoc objects;
  for (const char* key : {"one", "two"}) {
    EXPECT_TRUE(objects.set_key(5, "list", key, R"({"done":false,"of":[{"n":1}],"title":"é"})").ok());
  }
  return {"ydoc", {YDoc().encode(), document.encode(), change, yjs.encode(), objects.encode()}, [](std::string_view bytes) {
            const YDoc read = YDoc::decode(bytes).value();
            return read.json().value() + "\n" + read.version().to_text() +
                   (read.has_pending() ? " and more that waits\n" : "\n");
          }};
}

TEST(Golden, data_of_every_version_stays_readable) {
  const Sample samples[] = {map_sample(),
                            lww_set_sample(),
                            or_set_sample(),
                            text_sample(),
                            ydoc_sample(),
                            register_sample(),
                            counter_sample<PnCounter>("pn_counter", -42),
                            counter_sample<GCounter>("g_counter", 42),
                            clock_sample<VersionVector>("version_vector"),
                            clock_sample<LogVersion>("log_version")};
  for (const Sample& sample : samples) {
    const std::string path =
        std::string(CONVERGE_SOURCE_DIR) + "/test/unit/golden/" + sample.name + ".v1";
    std::ifstream file(path);
    if (!file && getenv("CONVERGE_WRITE_GOLDEN") != nullptr) {
      std::ofstream out(path);
      for (const std::string& state : sample.states) {
        out << hex(state) << "\n" << sample.meaning(state) << "\n";
      }
      continue;
    }
    ASSERT_TRUE(file) << path << " is missing";
    // A line of hexadecimal, the meaning, an empty line.
    std::size_t states = 0;
    std::string line;
    while (std::getline(file, line)) {
      const std::string bytes = unhex(line);
      std::string meaning;
      while (std::getline(file, line) && !line.empty()) meaning += line + "\n";
      EXPECT_EQ(sample.meaning(bytes), meaning) << sample.name;
      EXPECT_EQ(hex(encoded_again(sample.name, bytes)), hex(bytes)) << sample.name;
      ASSERT_LT(states, sample.states.size());
      // The same edits are still encoded in the same way.
      EXPECT_EQ(hex(sample.states[states]), hex(bytes)) << sample.name;
      ++states;
    }
    EXPECT_EQ(states, sample.states.size()) << sample.name;
  }
}

}  // namespace
}  // namespace converge
