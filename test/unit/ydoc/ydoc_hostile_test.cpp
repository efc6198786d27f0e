// What no honest Yjs client sends: it costs about what an honest update of its size does,
// and where it would be more, it is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/codec/varint.h"
#include "core/container/seeded_hash.h"
#include "core/ydoc/lib0.h"
#include "core/ydoc/update_reader.h"
#include "core/ydoc/ydoc.h"
#include "hex.h"

namespace converge {
namespace {

std::string numbers(std::initializer_list<std::uint64_t> values) {
  std::string out;
  for (const std::uint64_t value : values) lib0::write_uint(out, value);
  return out;
}

// ---- clients

constexpr std::uint64_t kMany = 84'000;

TEST(HostileYDoc, clients_without_structs_are_nobody) {
  std::string blocks = numbers({kMany});
  std::string deletions = numbers({0, 3 * kMany});
  for (std::uint64_t client = 1; client <= kMany; ++client) {
    blocks += numbers({0, client, 0});
    deletions += numbers({client, 0, client + kMany, 1, 7, 0});  // none, and one of no length
    deletions += numbers({client + 2 * kMany, 0});
  }
  blocks += numbers({0});
  for (const std::string& update : {blocks, deletions}) {
    const auto read = read_update(update, UpdateFormat::v1);
    ASSERT_TRUE(read.ok()) << read.error().detail;
    EXPECT_EQ(read->flat.replicas.size(), 0u);
    EXPECT_EQ(YDoc::encode(*read).value().size(), 1u);
  }
}

TEST(HostileYDoc, clients_count_as_structs) {
  // So many blocks, of which each is an item's; and so many clients who deleted nothing.
  std::string blocks = numbers({kMaxUpdateStructs / 2 + 1});
  for (std::uint64_t client = 0; client <= kMaxUpdateStructs / 2; ++client) blocks += numbers({1, client, 0, 0, 1});
  std::string deletions = numbers({0, kMaxUpdateStructs + 1});
  for (std::uint64_t client = 0; client <= kMaxUpdateStructs; ++client) deletions += numbers({client, 0});
  for (const std::string& update : {blocks + numbers({0}), deletions}) {
    const auto read = read_update(update, UpdateFormat::v1);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::too_large);
    EXPECT_EQ(read.error().detail, "at most 1048576 structs");
  }
}

// With the standard library's own hash all of these numbers are in one bucket.
TEST(HostileYDoc, who_chooses_clients_does_not_choose_buckets) {
  std::unordered_set<std::uint64_t, SeededHash> clients;
  clients.reserve(kMany);
  const std::uint64_t buckets = clients.bucket_count();
  for (std::uint64_t i = 1; i <= kMany; ++i) clients.insert(i * buckets);
  std::size_t fullest = 0;
  for (std::size_t bucket = 0; bucket < clients.bucket_count(); ++bucket) {
    fullest = std::max(fullest, clients.bucket_size(bucket));
  }
  EXPECT_LT(fullest, 20u);
}

// Greatest first, so that each would go before all others.
TEST(HostileYDoc, many_clients_that_each_deleted_something_are_one_document) {
  std::string update = numbers({kMany});
  for (std::uint64_t client = kMany; client > 0; --client) update += numbers({1, client * 85'229, 0, 0, 1});
  YDoc document;
  ASSERT_TRUE(document.apply_update(update + numbers({0}), UpdateFormat::v1).ok());
  EXPECT_EQ(document.merge_weight(), kMany);
  EXPECT_EQ(document.version_of(85'229), 1u);
  EXPECT_EQ(document.version_of(kMany * 85'229), 1u);
  EXPECT_TRUE(YDoc::validate(document.encode()).ok());
  // Some that are known, and some between them.
  ASSERT_TRUE(document.apply_update(numbers({3, 1, 85'230, 0, 0, 1, 1, 85'229, 1, 0, 1, 1, 5, 0, 0, 1, 0}), UpdateFormat::v1).ok());
  EXPECT_EQ(document.merge_weight(), kMany + 2);
  EXPECT_EQ(document.version_of(85'229), 2u);
  EXPECT_EQ(document.version_of(5), 1u);
}

// ---- names

// An update v2 of client 1: marks in the root "x", all of one name, which stands there once.
std::string marks_of_one_name(std::size_t name_bytes, unsigned marks) {
  lib0::IntDiffOptRleWriter keys;
  lib0::IntDiffOptRleWriter left;
  lib0::UintOptRleWriter clients;
  lib0::UintOptRleWriter lengths;
  lib0::RleWriter infos;
  lib0::RleWriter parents;
  clients.write(1);
  std::string rest = numbers({1, marks, 0});
  for (unsigned i = 0; i < marks; ++i) {
    infos.write(i == 0 ? 0x06 : 0x86);
    if (i == 0) {
      parents.write(1);
    } else {
      clients.write(1);
      left.write(i - 1);
    }
    keys.write(0);
    rest.push_back('\x7e');
  }
  rest += numbers({0});
  lengths.write(1);
  lengths.write(name_bytes);
  std::string strings;
  lib0::write_bytes(strings, "x" + std::string(name_bytes, 'n'));
  strings += lengths.take();
  std::string update(1, '\0');
  for (const std::string& column : {keys.take(), clients.take(), left.take(), std::string(), infos.take(), strings,
                                    parents.take(), std::string(), std::string()}) {
    lib0::write_bytes(update, column);
  }
  return update + rest;
}

TEST(HostileYDoc, a_name_that_stands_once_does_not_fill_the_memory) {
  EXPECT_EQ(read_update(marks_of_one_name(1000, 1000), UpdateFormat::v2).value().flat.waiting.size(), 1000u);
  const std::string update = marks_of_one_name(100'000, 100'000);  // 10 GB of names
  EXPECT_LT(update.size(), 300'000u);
  const auto read = read_update(update, UpdateFormat::v2);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::too_large);
  EXPECT_EQ(read.error().detail, "at most 268435456 bytes of other content than text");
}

// The same in states, of what waits: of marks, and of maps' keys under units that are not there.
TEST(HostileYDoc, nor_does_one_in_a_state) {
  constexpr std::size_t kName = 200'000;
  constexpr unsigned kTimes = 100'000;
  std::string head = unhex("a102" "0109" "01");  // client 9 and one name; no more than what waits
  append_string(head, std::string(kName, 'n'));
  // One run of marks, behind a unit that is not there.
  std::string marks = head + unhex("01" "10" "00" "01") + numbers({kTimes}) + std::string(kTimes, '\0');
  // Deleted units, each under the name in a map of its own.
  std::string keys = head + numbers({kTimes});
  for (unsigned i = 0; i < kTimes; ++i) {
    marks += unhex("06" "00" "7e");
    keys += unhex(i == 0 ? "55" "00" "01" : "57" "01") + unhex("03" "00") + numbers({i}) + unhex("00");
  }
  for (const std::string& state : {marks, keys}) {
    EXPECT_LT(state.size(), std::size_t{1} << 20);
    const auto read = YDoc::decode(state);
    ASSERT_FALSE(read.ok());
    EXPECT_NE(read.error().detail.find("its contents are beyond the limit"), std::string::npos) << read.error().detail;
  }
}

// Not hostile, but as large: of states that are gathered, what replaces what is joined in parts.
TEST(HostileYDoc, large_states_at_once_are_the_same_as_one_by_one) {
  YDoc document;
  std::vector<std::string> deltas(5);
  for (std::size_t i = 0; i < deltas.size(); ++i) {
    const std::string value = '"' + std::string(std::size_t{6} << 20, static_cast<char>('a' + i)) + '"';
    ASSERT_TRUE(document.set_key(7, "m", "k", value, &deltas[i]).ok());
  }
  for (const bool backwards : {false, true}) {
    std::vector<std::string_view> states(deltas.begin(), deltas.end());
    if (backwards) std::reverse(states.begin(), states.end());
    YDoc again;
    ASSERT_TRUE(again.merge_all_encoded(states).ok());
    EXPECT_TRUE(again.encode() == document.encode());
  }
}

// ---- views

// Client 1 writes so many marks into the root "x", and embeds behind them.
std::string marked_embeds(unsigned marks, unsigned embeds, const std::string& value) {
  std::string update = numbers({1, marks + embeds, 1, 0});
  for (unsigned i = 0; i < marks + embeds; ++i) {
    const bool mark = i < marks;
    update.push_back(static_cast<char>((mark ? 6 : 5) | (i > 0 ? 0x80 : 0)));
    if (i > 0) {
      update += numbers({1, i - 1});
    } else {
      update += unhex("010178");
    }
    if (mark) lib0::write_bytes(update, "mark" + std::to_string(i));
    lib0::write_bytes(update, mark ? value : "{}");
  }
  return update + numbers({0});
}

TEST(HostileYDoc, xml_that_is_far_larger_than_the_document_is_refused) {
  YDoc some;
  ASSERT_TRUE(some.apply_update(marked_embeds(400, 400, "true"), UpdateFormat::v1).ok());
  EXPECT_GT(some.xml("x").value().size(), 2'000'000u);  // as Yjs has it
  YDoc many;
  const std::string update = marked_embeds(20'000, 20'000, "true");
  EXPECT_LT(update.size(), std::size_t{1} << 20);
  ASSERT_TRUE(many.apply_update(update, UpdateFormat::v1).ok());
  const auto xml = many.xml("x");
  ASSERT_FALSE(xml.ok());
  EXPECT_EQ(xml.error().code, ErrorCode::too_large);
  EXPECT_EQ(xml.error().message, "ydoc is too large to be shown");
  EXPECT_EQ(xml.error().detail, "at most 67108864 bytes of JSON or XML");
  // As JSON the root is a text, and has no marks.
  EXPECT_EQ(many.json().value(), R"({"x":""})");
}

// A mark's value is read once, not once for each piece that it is around.
TEST(HostileYDoc, what_a_mark_does_not_show_costs_nothing_again) {
  std::string value = R"({"a":{"b":[)";
  for (int i = 0; i < 100'000; ++i) value += "1,";
  value += "1]}}";
  YDoc document;
  ASSERT_TRUE(document.apply_update(marked_embeds(1, 20'000, value), UpdateFormat::v1).ok());
  const std::string one = R"(<mark0 a="[object Object]">[object Object]</mark0>)";
  EXPECT_EQ(document.xml("x").value().size(), 20'000 * one.size());
}

// XML types within each other: an element in an element, each in its own list.
std::string nested(unsigned depth) {
  std::string update = numbers({1, depth, 1, 0});
  for (unsigned i = 0; i < depth; ++i) {
    update.push_back('\x07');
    update += i == 0 ? unhex("010178") : numbers({0, 1, i - 1});
    update += unhex("03" "0170");
  }
  return update + numbers({0});
}

TEST(HostileYDoc, what_is_nested_too_deeply_is_refused_in_each_view) {
  YDoc deep;
  ASSERT_TRUE(deep.apply_update(nested(500), UpdateFormat::v1).ok());
  EXPECT_EQ(deep.xml("x").value().size(), 500 * std::string("<p></p>").size());
  YDoc deeper;
  ASSERT_TRUE(deeper.apply_update(nested(100'000), UpdateFormat::v1).ok());
  for (const auto& view : {deeper.xml("x"), deeper.json()}) {
    ASSERT_FALSE(view.ok());
    EXPECT_EQ(view.error().code, ErrorCode::too_large);
    EXPECT_EQ(view.error().message, "ydoc is nested too deeply");
  }
  EXPECT_EQ(deeper.text("x"), "");
}

}  // namespace
}  // namespace converge
