// ydoc: what needs no Yjs at run time. test/yjs compares with the real one.
#include "core/ydoc/ydoc.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/codec/varint.h"
#include "core/field.h"
#include "core/sequence/bits.h"
#include "core/ydoc/any_value.h"
#include "core/ydoc/lib0.h"
#include "core/ydoc/pending_update.h"
#include "core/ydoc/update_reader.h"
#include "core/ydoc/ydoc_codec.h"
#include "hex.h"

namespace converge {
namespace {

// Written by Yjs 13.6: two clients, 5 and 9, all shared types, marks, an embed, a
// subdocument, deleted items and what garbage collection leaves of them; and what
// client 9 did, behind what client 5 had done, as an update v2.
const char kWhole[] =
    "02020900c405010502036d6964a80514017d03170500040101740368c3a9840501016c81050202810504018405"
    "050bf09f98802077c3b6726c6446050004626f6c640474727565c10504050501c60502050304626f6c64046e75"
    "6c6cc5051005030d7b2261223a5b312c2278225d7dc105110503012101016d0161022101016d0162012701016d"
    "016e0128000516016b017e2901016d01640167760001010161018805190378760101787d407702c3bcc7051905"
    "1a020400051d02696e410519010101017801000687052105016801050503030f01120419012008";
const char kRest[] =
    "000003094501020226010403c400a805036d696403000001010102007d0301050503020900020303000607";
const char kWholeJson[] =
    R"({"a":["in",true,{"x":0},"ü"],"m":{"a":3,"d":{"guid":"g"},"n":{"k":null}},)"
    R"("t":"hémidl😀 wörld","x":"[object Object]"})";

YDoc whole() {
  YDoc document;
  EXPECT_TRUE(document.apply_update(unhex(kWhole), UpdateFormat::v1).ok());
  return document;
}

Error error_of(std::string_view hex, UpdateFormat format = UpdateFormat::v1) {
  YDoc document;
  auto applied = document.apply_update(unhex(hex), format);
  EXPECT_FALSE(applied.ok()) << hex;
  EXPECT_TRUE(document.empty());
  return applied.ok() ? Error{} : applied.error();
}

// ---- what Yjs wrote

TEST(YDoc, reads_what_yjs_wrote) {
  const YDoc document = whole();
  EXPECT_EQ(document.json().value(), kWholeJson);
  EXPECT_EQ(document.text("t"), "hémidl😀 wörld");
  EXPECT_EQ(document.xml("t").value(), "<bold>hémidl</bold>[object Object]😀 wörld");
  EXPECT_EQ(document.xml("nothing").value(), "");
  EXPECT_FALSE(document.has_pending());
}

TEST(YDoc, gives_in_either_format_what_it_has) {
  const YDoc document = whole();
  for (UpdateFormat format : {UpdateFormat::v1, UpdateFormat::v2}) {
    YDoc again;
    ASSERT_TRUE(again.apply_update(document.update_since("", format).value(), format).ok());
    EXPECT_EQ(again.encode(), document.encode());
    EXPECT_EQ(again.state_vector(), document.state_vector());
  }
}

TEST(YDoc, is_smaller_than_the_update_that_made_it) {
  EXPECT_LT(whole().encode().size(), unhex(kWhole).size());
}

TEST(YDoc, keeps_what_has_to_wait_and_gives_it_on) {
  YDoc document;
  ASSERT_TRUE(document.apply_update(unhex(kRest), UpdateFormat::v2).ok());
  EXPECT_TRUE(document.has_pending());
  EXPECT_EQ(document.json().value(), "{}");
  EXPECT_TRUE(YDoc::validate(document.encode()).ok());
  // Over Yjs's format, and as a state.
  YDoc passed_on;
  ASSERT_TRUE(passed_on.apply_update(document.update_since("", UpdateFormat::v1).value(), UpdateFormat::v1).ok());
  EXPECT_EQ(passed_on.encode(), document.encode());
  ASSERT_TRUE(document.merge_encoded(whole().encode()).ok());
  EXPECT_EQ(document.encode(), whole().encode());
}

TEST(YDoc, a_state_vector_leaves_out_what_is_known) {
  const YDoc document = whole();
  const std::string nothing = document.update_since(document.state_vector(), UpdateFormat::v1).value();
  EXPECT_EQ(nothing.substr(0, 1), std::string(1, '\0'));  // no structs
  EXPECT_EQ(document.update_since("\x01", UpdateFormat::v1).error().code, ErrorCode::malformed);
}

// ---- what is refused

TEST(YDoc, unknown_content_is_refused_by_number) {
  // One client, one struct, client 1, clock 0; content 11 in the root "t".
  EXPECT_EQ(error_of("010101000b01017400").detail, "unknown content number 11");
  EXPECT_EQ(error_of("0101010007010174" "09" "00").detail, "unknown shared type number 9");
}

TEST(YDoc, bad_updates_say_what_is_wrong) {
  EXPECT_NE(error_of("").detail.find("ends too early"), std::string::npos);
  EXPECT_NE(error_of("000000").detail.find("bytes follow its end"), std::string::npos);
  EXPECT_NE(error_of("01010100040101740000").detail.find("empty"), std::string::npos);
  EXPECT_NE(error_of("0101010004010174016100" "00").detail.find("bytes follow"), std::string::npos);
  EXPECT_NE(error_of("010101000401017401ff00").detail.find("UTF-8"), std::string::npos);
  EXPECT_NE(error_of("01010100040101740100" "00").detail.find("U+0000"), std::string::npos);
  EXPECT_EQ(error_of("0101010000ffffffff7f00").code, ErrorCode::too_large);  // a GC struct
  EXPECT_EQ(error_of("00", UpdateFormat::v2).code, ErrorCode::malformed);
}

TEST(YDoc, a_few_bytes_do_not_make_many_structs) {
  // An update v2 of 2^52 structs, all alike: their columns go on for ever.
  std::string update = unhex("00" "00" "0101" "00" "00" "0101" "020000" "00" "00" "0141");
  lib0::write_uint(update, 1);
  lib0::write_uint(update, std::uint64_t{1} << 52);
  lib0::write_uint(update, 0);
  YDoc document;
  EXPECT_FALSE(document.apply_update(update, UpdateFormat::v2).ok());
}

TEST(YDoc, decode_refuses_what_is_no_state) {
  EXPECT_EQ(YDoc::decode("").error().code, ErrorCode::malformed);
  EXPECT_EQ(YDoc::decode("\x31").error().code, ErrorCode::wrong_type);
  const std::string state = whole().encode();
  for (std::size_t size = 1; size < state.size(); ++size) {
    auto cut = YDoc::validate(state.substr(0, size));
    EXPECT_EQ(cut.ok(), size == 1) << size;
  }
}

// ---- objects

// An array "a" of the values, as Yjs's client 7 writes it.
YDoc array_of(const std::vector<std::string>& values) {
  std::string update = unhex("0101" "0700" "08" "010161");
  lib0::write_uint(update, values.size());
  for (const std::string& value : values) EXPECT_TRUE(append_any_of_json(update, value).ok());
  lib0::write_uint(update, 0);
  YDoc document;
  EXPECT_TRUE(document.apply_update(update, UpdateFormat::v1).ok());
  return document;
}

std::size_t count_of(std::string_view bytes, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = bytes.find(part, at)) != std::string_view::npos; at += part.size()) ++count;
  return count;
}

TEST(YDoc, names_that_objects_share_stand_once) {
  std::vector<std::string> items;
  std::string json;
  for (int i = 0; i < 100; ++i) {
    items.push_back(R"({"done":false,"of":{"author":)" + std::to_string(i) + R"(},"title":"Item"})");
    json += (i > 0 ? "," : "") + items.back();
  }
  const std::string bytes = array_of(items).encode();
  EXPECT_EQ(count_of(bytes, "title") + count_of(bytes, "author"), 2u);
  // Each: the placeholder, two forms, and three values.
  EXPECT_LT(bytes.size(), 100 * (1 + 2 + 2 + 1 + 3 + 6) + 60u);
  EXPECT_TRUE(YDoc::validate(bytes).ok());
  EXPECT_EQ(YDoc::decode(bytes).value().json().value(), R"({"a":[)" + json + "]}");
  // Those of one object alone stand within it.
  const std::string one = array_of({items[0]}).encode();
  EXPECT_EQ(count_of(one, "\x05title"), 1u);
  EXPECT_TRUE(YDoc::validate(one).ok());
}

TEST(YDoc, a_form_ends_with_its_second_object) {
  YDoc document = array_of({R"({"name":1})", "[2]", R"([{"name":3}])", "{}"});
  const std::string before = document.encode();
  std::string delta;
  ASSERT_TRUE(document.erase("a", 2, 1, &delta).ok());
  EXPECT_EQ(YDoc::merge_encoded(before, delta).value(), document.encode());
  EXPECT_TRUE(YDoc::validate(document.encode()).ok());
  // What leaves the forms as they are is merged into the bytes.
  YDoc edited = YDoc::decode(before).value();
  ASSERT_TRUE(edited.erase("a", 1, 1, &delta).ok());
  EXPECT_EQ(YDoc::merge_encoded(before, delta).value(), edited.encode());
}

TEST(YDoc, few_bytes_do_not_make_large_objects) {
  // Two objects of one form, whose name has so many bytes.
  constexpr std::uint32_t objects = 2;
  auto state = [](std::size_t name) {
    std::string bytes = unhex("a101");
    append_string(bytes, std::string(objects, '\0'));
    bytes += unhex("0107");
    append_varint(bytes, 2);
    append_string(bytes, "a");
    append_string(bytes, std::string(name, 'n'));
    bytes += unhex("0101" "0101");        // a shape, of items; a form, of one name
    bytes += unhex("40");                 // that is the second
    bytes += unhex("010000");             // the root
    for (std::uint32_t i = 0; i < objects; ++i) bytes += unhex("73007e");
    BitWriter lengths(bytes);
    lengths.golomb(objects - 1, 0);
    lengths.finish();
    bytes += unhex("0101");               // one run, in one chain
    BitWriter runs(bytes);
    runs.put(0, 2);
    runs.golomb(0, 3);
    runs.golomb(objects - 1, 1);
    runs.finish();
    return bytes;
  };
  EXPECT_TRUE(YDoc::validate(state(32)).ok());
  const auto large = YDoc::decode(state(33));
  ASSERT_FALSE(large.ok());
  EXPECT_NE(large.error().detail.find("a form has a long name"), std::string::npos) << large.error().detail;
  // Objects with such names are in none.
  const std::string object = "{\"" + std::string(33, 'n') + "\":null}";
  const std::string bytes = array_of({object, object}).encode();
  EXPECT_EQ(count_of(bytes, std::string(33, 'n')), 2u);
  EXPECT_TRUE(YDoc::validate(bytes).ok());
}

// ---- what waits

TEST(YDoc, an_origin_among_its_own_units_is_told_by_distance) {
  // Client 9's clock 2, an "x" behind its clock 0: one further back than the unit before it.
  const std::string state = unhex("a10201090001" "58" "00" "02" "01" "78");
  ASSERT_TRUE(YDoc::validate(state).ok());
  EXPECT_EQ(YDoc::decode(state).value().update_since("", UpdateFormat::v1).value(),
            unhex("01010902" "840900" "0178" "00"));
  // There is no unit before the first.
  EXPECT_FALSE(YDoc::decode(unhex("a10201090001" "58" "00" "02" "02" "78")).ok());
}

// ---- edits

TEST(YDoc, edits_show_and_come_as_deltas) {
  YDoc document = whole();
  YDoc other = whole();
  std::string delta;
  ASSERT_TRUE(document.insert_text(7, "t", 1, "__", &delta).ok());
  ASSERT_TRUE(other.merge_encoded(delta).ok());
  ASSERT_TRUE(document.erase("t", 0, 1, &delta).ok());
  ASSERT_TRUE(other.merge_encoded(delta).ok());
  ASSERT_TRUE(document.set_key(7, "m", "a", R"({"z":[1]})", &delta).ok());
  ASSERT_TRUE(other.merge_encoded(delta).ok());
  ASSERT_TRUE(document.erase_key("m", "n", &delta).ok());
  ASSERT_TRUE(other.merge_encoded(delta).ok());
  ASSERT_TRUE(document.erase("a", 0, 2, &delta).ok());
  ASSERT_TRUE(other.merge_encoded(delta).ok());
  EXPECT_EQ(document.json().value(),
            R"({"a":[{"x":0},"ü"],"m":{"a":{"z":[1]},"d":{"guid":"g"}},"t":"__émidl😀 wörld","x":"[object Object]"})");
  EXPECT_EQ(other.encode(), document.encode());
  EXPECT_TRUE(YDoc::validate(document.encode()).ok());
}

TEST(YDoc, an_edit_that_cannot_be_changes_nothing) {
  YDoc document = whole();
  const std::string before = document.encode();
  EXPECT_EQ(document.insert_text(7, "t", 100, "x").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(document.insert_text(kReplicaLimit, "t", 0, "x").error().code, ErrorCode::invalid);
  EXPECT_EQ(document.insert_text(7, "t", 0, "\xff").error().code, ErrorCode::malformed);
  EXPECT_EQ(document.erase("t", 0, 100).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(document.erase("t", ~std::uint64_t{0}, 2).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(document.set_key(7, "m", "k", "{").error().code, ErrorCode::malformed);
  EXPECT_EQ(document.encode(), before);
  YDoc pending;
  ASSERT_TRUE(pending.apply_update(unhex(kRest), UpdateFormat::v2).ok());
  EXPECT_EQ(pending.insert_text(9, "t", 0, "x").error().code, ErrorCode::invalid);
}

// ---- laws

// A history of edits by some replicas that have seen part of each other's, on top
// of what Yjs wrote, as deltas.
std::vector<std::string> history() {
  const int replicas = *rc::gen::inRange(2, 5);
  std::vector<YDoc> documents(static_cast<std::size_t>(replicas));
  std::vector<std::string> deltas{whole().encode()};
  const int edits = *rc::gen::inRange(1, 30);
  for (int i = 0; i < edits; ++i) {
    const auto at = static_cast<std::size_t>(*rc::gen::inRange(0, replicas));
    YDoc& document = documents[at];
    const ReplicaId replica = 100 + at;
    std::string delta;
    Result<void> done;
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
        done = document.merge_encoded(deltas[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(deltas.size())))]);
        continue;
      case 1:
        done = document.merge(documents[(at + 1) % documents.size()]);
        continue;
      case 2:
        done = document.set_key(replica, "m", *rc::gen::element<std::string>("a", "n", "x"), "[1]", &delta);
        break;
      case 3:
        done = document.erase_key("m", *rc::gen::element<std::string>("a", "n", "x"), &delta);
        break;
      case 4:
        done = document.erase(*rc::gen::element<std::string>("t", "x", "a"), 0, 1, &delta);
        break;
      default:
        done = document.insert_text(replica, "t", static_cast<std::uint64_t>(*rc::gen::inRange(0, 4)),
                                    *rc::gen::element<std::string>("a", "é😀", "xyz"), &delta);
    }
    if (done.ok()) deltas.push_back(delta);
  }
  return deltas;
}

std::string merged(const std::vector<std::string>& deltas) {
  std::string state = empty_state(FieldType::ydoc);
  for (const std::string& delta : deltas) state = merge(FieldType::ydoc, state, delta).value();
  return state;
}

// Each names its replicas in order, which all of them together do not.
TEST(YDoc, deltas_at_once_may_name_replicas_in_any_order) {
  YDoc document;
  std::string first, waiting_9, waiting_3, deleted_9, deleted_both;
  ASSERT_TRUE(document.insert_text(20, "t", 0, "..", &first).ok());
  ASSERT_TRUE(document.insert_text(9, "t", 1, "ab", &waiting_9).ok());
  ASSERT_TRUE(document.insert_text(3, "t", 3, "cd", &waiting_3).ok());
  ASSERT_TRUE(document.erase("t", 1, 1, &deleted_9).ok());
  ASSERT_TRUE(document.erase("t", 1, 2, &deleted_both).ok());
  const std::string waiting_both = merged({waiting_9, waiting_3});
  const std::vector<std::string_view> at_once = {waiting_9, waiting_both, deleted_9, deleted_both};
  EXPECT_EQ(merge_all(FieldType::ydoc, at_once).value(), merged({waiting_9, waiting_both, deleted_9, deleted_both}));
  const std::vector<std::string_view> all = {deleted_9, deleted_both, waiting_9, waiting_both, first};
  EXPECT_EQ(merge_all(FieldType::ydoc, all).value(), document.encode());
}

TEST(YDoc, equal_sets_of_deltas_give_equal_bytes) {
  rc::check([] {
    std::vector<std::string> deltas = history();
    const std::string state = merged(deltas);
    RC_ASSERT(YDoc::validate(state).ok());
    const auto order = *rc::gen::container<std::vector<std::uint32_t>>(
        deltas.size() * 2, rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(deltas.size())));
    std::vector<std::string> other;
    for (std::uint32_t at : order) other.push_back(deltas[at]);
    std::reverse(deltas.begin(), deltas.end());
    const std::string some = merged(other);
    RC_ASSERT(YDoc::validate(some).ok());
    const std::vector<std::string_view> at_once(other.begin(), other.end());
    RC_ASSERT(merge_all(FieldType::ydoc, at_once).value() == some);
    RC_ASSERT(merge(FieldType::ydoc, some, merged(deltas)).value() == state);
    // And over Yjs's formats.
    for (UpdateFormat format : {UpdateFormat::v1, UpdateFormat::v2}) {
      YDoc again;
      RC_ASSERT(again.apply_update(YDoc::decode(some)->update_since("", format).value(), format).ok());
      RC_ASSERT(again.encode() == some);
    }
  });
}

TEST(YDoc, an_update_alone_makes_the_same_state_without_a_document) {
  auto check = [](const std::string& update) {
    const FlatDocument read = read_update(update, UpdateFormat::v1).value();
    YDoc document;
    RC_ASSERT(document.apply(read).ok());
    RC_ASSERT(YDoc::encode(read).value() == document.encode());
    RC_ASSERT(YDoc::validate(document.encode()).ok());
  };
  rc::check([&] {
    const std::vector<std::string> deltas = history();
    for (std::size_t i = 0; i < deltas.size(); ++i) {
      const std::string next = deltas[(i + 1) % deltas.size()];
      check(YDoc::decode(deltas[i])->update_since("", UpdateFormat::v1).value());
      check(YDoc::decode(merged({deltas[i], next}))->update_since("", UpdateFormat::v1).value());
    }
  });
}

std::string document_of(const std::vector<std::string_view>& deltas) {
  YDoc document;
  for (const std::string_view delta : deltas) RC_ASSERT(document.merge_encoded(delta).ok());
  return document.encode();
}

TEST(YDoc, what_was_typed_is_an_update_without_a_document) {
  int written = 0;
  rc::check([&] {
    const std::vector<std::string> deltas = history();
    const auto chosen = *rc::gen::container<std::vector<std::uint32_t>>(
        rc::gen::inRange<std::uint32_t>(1, static_cast<std::uint32_t>(deltas.size() + 1)));
    std::vector<std::string_view> some;
    for (const std::uint32_t at : chosen) {
      if (at < deltas.size() && some.size() < 6) some.push_back(deltas[at]);
    }
    const auto update = write_pending_update(some);
    if (!update) return;
    ++written;
    YDoc document;
    RC_ASSERT(document.apply_update(*update, UpdateFormat::v1).ok());
    RC_ASSERT(document.encode() == document_of(some));
  });
  EXPECT_GT(written, 0);
}

TEST(YDoc, what_was_typed_is_written_as_a_document_would_write_it) {
  YDoc document = whole();
  std::string typed, more, other, marked, set, erased;
  ASSERT_TRUE(document.insert_text(300, "t", 1, "a", &typed).ok());
  ASSERT_TRUE(document.insert_text(300, "t", 2, "bc", &more).ok());
  ASSERT_TRUE(document.insert_text(7, "t", 4, "😀", &other).ok());
  ASSERT_TRUE(document.erase("t", 0, 2, &erased).ok());
  ASSERT_TRUE(document.set_key(300, "m", "a", "[1]", &set).ok());
  using Deltas = std::vector<std::string_view>;
  for (const Deltas& deltas : {Deltas{typed}, Deltas{more, typed}, Deltas{other, more}, Deltas{erased},
                               Deltas{typed, other, erased}}) {
    YDoc alone;
    for (const std::string_view delta : deltas) ASSERT_TRUE(alone.merge_encoded(delta).ok());
    const auto update = write_pending_update(deltas);
    ASSERT_TRUE(update);
    YDoc read;
    ASSERT_TRUE(read.apply_update(*update, UpdateFormat::v1).ok());
    EXPECT_EQ(read.encode(), alone.encode());
    const std::string expected = alone.update_since("", UpdateFormat::v1).value();
    if (deltas.size() == 1) {
      EXPECT_EQ(*update, expected);
    } else if (deltas.size() == 2) {
      EXPECT_LE(update->size(), expected.size()) << "what goes on from each other is one struct";
    }
  }
  // What it takes a document for: a value, units that are said twice, what is integrated.
  const std::string state = document.encode();
  const std::string both = merged({typed, more});
  for (const Deltas& deltas : {Deltas{set}, Deltas{typed, typed}, Deltas{both, more}, Deltas{typed, state}, Deltas{"?"},
                               Deltas{typed, typed.substr(0, typed.size() - 1)}}) {
    EXPECT_FALSE(write_pending_update(deltas));
  }
}

// What is not what it says once it is taken: what begins a document, what is deleted
// besides, and what is said twice.
TEST(YDoc, an_update_that_is_not_its_own_state_is_taken_apart) {
  const std::string begins = unhex("01010100040101740161" "00");
  const std::string waits_and_is_deleted = unhex("01" "0105038405020161" "0105010301");
  const std::string waits_twice = unhex("02" "0105038405020161" "0105038405020161" "00");
  for (const std::string& update : {begins, waits_and_is_deleted, waits_twice}) {
    const auto read = read_update(update, UpdateFormat::v1);
    ASSERT_TRUE(read.ok());
    YDoc document;
    ASSERT_TRUE(document.apply(*read).ok());
    const std::string state = document.encode();
    EXPECT_EQ(YDoc::encode(*read).value(), state);
    EXPECT_NE(encode_pending(*read), state);
    EXPECT_TRUE(YDoc::validate(state).ok());
  }
}

TEST(YDoc, a_delta_brings_what_is_lacking_and_a_difference_no_more) {
  rc::check([] {
    const std::vector<std::string> deltas = history();
    const auto cut = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(deltas.size()) + 1));
    const std::string older = merged({deltas.begin(), deltas.begin() + static_cast<std::ptrdiff_t>(cut)});
    const std::string newer = merged(deltas);
    const std::string since = version(FieldType::ydoc, older).value();
    const std::string delta = converge::delta(FieldType::ydoc, newer, since).value();
    RC_ASSERT(YDoc::validate(delta).ok());
    RC_ASSERT(merge(FieldType::ydoc, older, delta).value() == newer);
    const std::string lacking = difference(FieldType::ydoc, older, newer).value();
    RC_ASSERT(YDoc::validate(lacking).ok());
    RC_ASSERT(merge(FieldType::ydoc, older, lacking).value() == newer);
    RC_ASSERT(difference(FieldType::ydoc, newer, older).value() == empty_state(FieldType::ydoc));
  });
}

}  // namespace
}  // namespace converge
