// The bytes of a PushRequest that the bridge writes by hand, read again by protobuf.
#include "push_request.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace converge::bridge {
namespace {

wire::Change change(std::uint64_t replica, std::uint64_t seq, std::string payload) {
  wire::Change change;
  change.set_replica(replica);
  change.set_seq(seq);
  change.set_hlc(replica * 1000 + seq);
  change.set_payload(std::move(payload));
  return change;
}

// As the queue does: one for each document.
PushedDocument& pushed_document(const std::string& key) {
  static std::map<std::string, PushedDocument> documents;
  return documents[key];
}

PendingPush push(const std::string& token, const std::string& key, std::vector<wire::Change> changes) {
  PendingPush push;
  push.token = std::make_shared<const std::string>(token);
  wire::DocumentRef document;
  document.set_collection("notes");
  document.set_key(key);
  push.document = std::make_shared<const wire::DocumentRef>(document);
  push.pushed_document = &pushed_document(key);
  push.changes = std::move(changes);
  return push;
}

// Reads the request, and looks for each push's changes at its place.
wire::PushRequest request_of(const std::vector<PendingPush>& batch, bool whole = false) {
  std::vector<PushPlace> places;
  wire::PushRequest request;
  EXPECT_TRUE(request.ParseFromString(encode_push_request(batch, whole, places)));
  EXPECT_EQ(request.whole(), whole);
  EXPECT_EQ(places.size(), batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const wire::PushGroup& group = request.groups(places[i].group);
    const wire::DocumentPush& document = group.documents(places[i].document);
    EXPECT_EQ(group.token(), *batch[i].token);
    EXPECT_EQ(document.document().SerializeAsString(), batch[i].document->SerializeAsString());
    EXPECT_EQ(document.temporary_key(), batch[i].temporary_key);
    for (std::size_t j = 0; j < batch[i].changes.size(); ++j)
      EXPECT_EQ(document.changes(places[i].first + static_cast<int>(j)).SerializeAsString(),
                batch[i].changes[j].SerializeAsString());
  }
  return request;
}

TEST(PushRequest, of_one_push) {
  const wire::PushRequest request = request_of({push("a token", "k", {change(7, 1, "payload")})});
  ASSERT_EQ(request.groups_size(), 1);
  ASSERT_EQ(request.groups(0).documents_size(), 1);
  EXPECT_EQ(request.groups(0).documents(0).changes_size(), 1);
  EXPECT_FALSE(request.groups(0).atomic());
  (void)request_of({push("a token", "k", {change(7, 1, "payload")})}, true);
}

TEST(PushRequest, has_a_group_for_each_token_and_in_it_an_entry_for_each_document) {
  std::vector<PendingPush> batch;
  for (std::uint64_t i = 0; i < 60; ++i)
    batch.push_back(push("token " + std::to_string(i % 4), "key " + std::to_string(i % 6),
                         {change(i, 1, std::string(i * 40, 'x')), change(i, 2, "")}));
  const wire::PushRequest request = request_of(batch);
  ASSERT_EQ(request.groups_size(), 4);
  int changes = 0;
  for (const wire::PushGroup& group : request.groups()) {
    EXPECT_EQ(group.documents_size(), 3);
    for (const wire::DocumentPush& document : group.documents()) {
      // In the order in which they came.
      for (int i = 2; i < document.changes_size(); i += 2)
        EXPECT_LT(document.changes(i - 2).replica(), document.changes(i).replica());
      changes += document.changes_size();
    }
  }
  EXPECT_EQ(changes, 120);
}

TEST(PushRequest, has_a_group_of_its_own_for_a_push_with_a_condition_and_one_for_what_follows) {
  std::vector<PendingPush> batch;
  for (std::uint64_t i = 1; i <= 4; ++i) batch.push_back(push("token", "key", {change(i, 1, "p")}));
  batch[1].atomic = true;
  batch[2].expect = "version";
  const wire::PushRequest request = request_of(batch);
  ASSERT_EQ(request.groups_size(), 4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(request.groups(i).atomic(), i == 1);
    ASSERT_EQ(request.groups(i).documents_size(), 1);
    EXPECT_EQ(request.groups(i).documents(0).expect(), i == 2 ? "version" : "");
    EXPECT_EQ(request.groups(i).documents(0).changes(0).replica(), static_cast<std::uint64_t>(i + 1));
  }
}

TEST(PushRequest, has_the_temporary_key_of_a_new_document) {
  std::vector<PendingPush> batch = {push("token", "", {change(1, 1, "p")})};
  batch[0].temporary_key = "temporary";
  EXPECT_EQ(request_of(batch).groups(0).documents(0).temporary_key(), "temporary");
}

}  // namespace
}  // namespace converge::bridge
