// What the bridge keeps of Yjs documents for who comes to them.
#include "yjs_copy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/ydoc/ydoc.h"
#include "messages.h"
#include "yjs_update.h"

namespace converge::bridge {
namespace {

constexpr std::size_t kRoom = 1 << 20;

// A document, and what its subscribers were sent of it: one change for each edit.
struct Edited {
  YDoc document;
  google::protobuf::RepeatedPtrField<wire::Change> changes;

  std::string encoded() const {
    std::string bytes;
    for (const wire::Change& change : changes) append_change(bytes, change);
    return bytes;
  }

  void insert(std::string_view text, ReplicaId client = 7) {
    std::string delta;
    ASSERT_TRUE(document.insert_text(client, "body", document.text("body").size(), text, &delta));
    log(std::move(delta));
  }
  void erase(std::uint64_t at, std::uint64_t count) {
    std::string delta;
    ASSERT_TRUE(document.erase("body", at, count, &delta));
    log(std::move(delta));
  }
  void log(std::string delta, const std::string& field = "page") {
    wire::Payload payload;
    payload.add_fields()->set_field(field);
    payload.mutable_fields(0)->set_delta(std::move(delta));
    payload.SerializeToString(changes.Add()->mutable_payload());
  }
};

std::string text_of(const wire::YjsState& lacking) {
  YDoc document;
  EXPECT_TRUE(document.apply_update(lacking.update(), UpdateFormat::v1));
  return document.text("body");
}

// As the database says it.
void expect_answer(YjsCopy& copy, const YDoc& document, std::string_view state_vector) {
  wire::YjsState lacking;
  ASSERT_TRUE(copy.answer(state_vector, &lacking));
  const auto expected = yjs_state_since(document.encode(), state_vector);
  ASSERT_TRUE(expected);
  EXPECT_EQ(lacking.SerializeAsString(), expected->SerializeAsString());
}

TEST(YjsCopy, AnswersAsTheDatabaseWould) {
  YjsCopies copies(kRoom);
  auto copy = copies.begin("page");
  Edited edited;
  edited.insert("Hello");
  const std::string before = edited.document.encode();
  const std::string had = edited.document.state_vector();
  edited.changes.Clear();
  edited.insert(" world", 9);
  edited.erase(0, 1);
  copy->add(edited.encoded());
  wire::YjsState lacking;
  EXPECT_FALSE(copy->answer("", &lacking)) << "it lacks what came before it";
  copy->complete(before);
  expect_answer(*copy, edited.document, had);
  expect_answer(*copy, edited.document, "");
  expect_answer(*copy, edited.document, edited.document.state_vector());
  // Clients that the document does not know.
  expect_answer(*copy, edited.document, Edited{}.document.state_vector());
  YDoc stranger;
  ASSERT_TRUE(stranger.insert_text(12345, "body", 0, "mine"));
  expect_answer(*copy, edited.document, stranger.state_vector());
}

TEST(YjsCopy, TakesWhatComesBetweenItsBeginningAndTheState) {
  YjsCopies copies(kRoom);
  auto copy = copies.begin("page");
  Edited edited;
  edited.insert("a");
  copy->add(edited.encoded());
  // The state has that already, and what the stream has yet to bring.
  edited.changes.Clear();
  edited.insert("b", 8);
  copy->complete(edited.document.encode());
  copy->add(edited.encoded());
  expect_answer(*copy, edited.document, "");
}

TEST(YjsCopy, JoinsManyChanges) {
  YjsCopies copies(kRoom);
  auto copy = copies.begin("page");
  copy->complete(YDoc().encode());
  Edited edited;
  for (int i = 0; i < 2000; ++i) {
    edited.insert(std::string(1, static_cast<char>('a' + i % 26)), static_cast<ReplicaId>(7 + i % 3));
    if (i % 5 == 0) edited.erase(0, 1);
  }
  copy->add(edited.encoded());
  expect_answer(*copy, edited.document, "");
  EXPECT_LT(copies.bytes(), edited.document.encode().size() + 40000) << "what is pending is joined";
}

TEST(YjsCopy, IsOfOneField) {
  YjsCopies copies(kRoom);
  auto copy = copies.begin("page");
  copy->complete(YDoc().encode());
  Edited edited;
  edited.insert("Hello");
  edited.log("not even a document", "other");
  copy->add(edited.encoded());
  expect_answer(*copy, edited.document, "");
}

TEST(YjsCopy, DoesNotAnswerWhatIsMalformed) {
  YjsCopies copies(kRoom);
  auto copy = copies.begin("page");
  copy->complete(YDoc().encode());
  wire::YjsState lacking;
  EXPECT_FALSE(copy->answer("\x05\x01", &lacking));
  EXPECT_TRUE(copy->can_answer());
  Edited broken;
  broken.log("not a document");
  copy->add(broken.encoded());
  EXPECT_FALSE(copy->answer("", &lacking));
  EXPECT_TRUE(copy->forgotten());
}

TEST(YjsCopy, IsNotLargerThanItsBound) {
  YjsCopies copies(kRoom);
  Edited edited;
  edited.insert(std::string(kLargestYjsCopy, 'x'));
  auto whole = copies.begin("page");
  whole->complete(edited.document.encode());
  EXPECT_TRUE(whole->forgotten());
  auto at_once = copies.begin("page");
  at_once->add(edited.encoded());
  EXPECT_TRUE(at_once->forgotten());
  auto grows = copies.begin("page");
  grows->complete(YDoc().encode());
  Edited slowly;
  for (int i = 0; i < 20; ++i) slowly.insert(std::string(kLargestYjsCopy / 16, 'x'));
  grows->add(slowly.encoded());
  EXPECT_TRUE(grows->forgotten());
  EXPECT_EQ(copies.bytes(), 0u);
}

TEST(YjsCopies, ForgetTheOneNotAskedForTheLongestTime) {
  Edited edited;
  edited.insert(std::string(10000, 'x'));
  YjsCopies copies(35000);
  std::vector<std::shared_ptr<YjsCopy>> made;
  for (int i = 0; i < 3; ++i) {
    made.push_back(copies.begin("page"));
    made.back()->complete(edited.document.encode());
    EXPECT_TRUE(made.back()->can_answer());
  }
  wire::YjsState lacking;
  EXPECT_TRUE(made[0]->answer("", &lacking));
  EXPECT_EQ(text_of(lacking).size(), 10000u);
  made.push_back(copies.begin("page"));
  made.back()->complete(edited.document.encode());
  EXPECT_TRUE(made[0]->can_answer());
  EXPECT_TRUE(made[1]->forgotten());
  EXPECT_TRUE(made[2]->can_answer());
  EXPECT_TRUE(made[3]->can_answer());
  EXPECT_LE(copies.bytes(), 35000u);
  made.clear();
  EXPECT_EQ(copies.bytes(), 0u);
}

TEST(YjsCopies, NoneWithoutRoom) {
  YjsCopies copies(0);
  EXPECT_EQ(copies.begin("page"), nullptr);
}

TEST(YjsCopies, MayEndBeforeACopyDoes) {
  std::shared_ptr<YjsCopy> copy;
  {
    YjsCopies copies(kRoom);
    copy = copies.begin("page");
  }
  EXPECT_TRUE(copy->forgotten());
}

}  // namespace
}  // namespace converge::bridge
