// What the bridge encodes by hand, read again by protobuf.
#include "messages.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace converge::bridge {
namespace {

wire::Change change(std::uint64_t replica, std::uint64_t seq, std::size_t payload) {
  wire::Change change;
  change.set_replica(replica);
  change.set_seq(seq);
  change.set_hlc(seq << 16);
  change.set_payload(std::string(payload, 'p'));
  change.set_principal("user");
  return change;
}

wire::ServerMessage read(const Frame& frame) {
  wire::ServerMessage message;
  EXPECT_TRUE(message.ParseFromArray(frame->payload().data(), static_cast<int>(frame->payload().size())));
  return message;
}

TEST(Messages, changes_are_what_was_appended_in_that_order) {
  for (std::uint32_t channel : {1u, 127u, 128u, 0xffffffffu}) {
    const std::vector<wire::Change> changes = {change(1, 1, 0), change(~0ull, 2, 100), change(7, ~0ull, 100000), wire::Change()};
    std::string encoded;
    for (const wire::Change& each : changes) append_change(encoded, each);
    const wire::ServerMessage message = read(changes_frame(channel, encoded));
    ASSERT_EQ(message.message_case(), wire::ServerMessage::kChanges);
    EXPECT_EQ(message.changes().channel(), channel);
    ASSERT_EQ(message.changes().changes_size(), static_cast<int>(changes.size()));
    for (std::size_t i = 0; i < changes.size(); ++i)
      EXPECT_EQ(message.changes().changes(static_cast<int>(i)).SerializeAsString(), changes[i].SerializeAsString());
  }
}

TEST(Messages, an_acknowledgement_has_its_numbers) {
  const wire::ServerMessage message = read(ack_frame(3, ~0ull, 1ull << 40));
  ASSERT_EQ(message.message_case(), wire::ServerMessage::kAck);
  EXPECT_EQ(message.ack().channel(), 3u);
  EXPECT_EQ(message.ack().replica(), ~0ull);
  EXPECT_EQ(message.ack().seq(), 1ull << 40);
}

TEST(Messages, whoever_is_sent_one_is_sent_the_same_bytes_compressed_or_not) {
  std::string encoded;
  append_change(encoded, change(1, 1, 10000));
  const Frame repetitive = changes_frame(1, encoded);
  const std::string& compressed = repetitive->compressed(0.3);
  EXPECT_LT(compressed.size(), repetitive->size() / 10);
  EXPECT_EQ(&repetitive->compressed(0.3), &compressed);

  wire::Change noise = change(1, 2, 10000);
  std::mt19937 random(1);
  for (char& byte : *noise.mutable_payload()) byte = static_cast<char>(random());
  encoded.clear();
  append_change(encoded, noise);
  const Frame random_bytes = changes_frame(1, encoded);
  EXPECT_EQ(&random_bytes->compressed(0.3), &random_bytes->framed()) << "it saves nothing";
}

std::string delta_of(const std::string& field, const std::string& delta) {
  wire::Change one = change(5, 9, 0);
  one.set_payload(encode_payload(field, delta));
  std::string encoded;
  append_change(encoded, one);
  return encoded;
}

TEST(Messages, a_payload_is_an_update_of_one_field) {
  for (const std::size_t size : {0, 1, 127, 128, 70000}) {
    wire::Payload expected;
    expected.add_fields()->set_field("body");
    expected.mutable_fields(0)->set_delta(std::string(size, 'd'));
    wire::Payload read;
    ASSERT_TRUE(read.ParseFromString(encode_payload("body", std::string(size, 'd'))));
    EXPECT_EQ(read.SerializeAsString(), expected.SerializeAsString());
  }
}

TEST(Messages, deltas_are_found_in_their_order_by_field) {
  wire::Payload payload;
  payload.set_operation(wire::OPERATION_INSERT);
  for (const char* field : {"body", "other", "body"}) {
    payload.add_fields()->set_field(field);
    payload.mutable_fields(payload.fields_size() - 1)->set_delta(field + std::to_string(payload.fields_size()));
  }
  payload.add_columns()->set_column("title");
  wire::Change several = change(1, 1, 0);
  payload.SerializeToString(several.mutable_payload());
  std::string encoded = delta_of("body", "first");
  append_change(encoded, several);
  append_change(encoded, wire::Change());
  encoded += delta_of("body", std::string(300, 'l'));
  const Frame frame = changes_frame(130, encoded);
  const auto changes = changes_in(frame->payload());
  ASSERT_TRUE(changes);
  const std::string last(300, 'l');
  const std::vector<std::string_view> expected = {"first", "body1", "body3", last};
  for (const std::string_view bytes : {std::string_view(encoded), *changes}) {
    std::vector<std::string_view> deltas;
    EXPECT_TRUE(find_deltas(bytes, "body", deltas));
    EXPECT_EQ(deltas, expected);
  }
  EXPECT_FALSE(changes_in(ack_frame(3, 1, 1)->payload()));
}

TEST(Messages, what_is_malformed_ends_the_search) {
  const std::size_t first = delta_of("body", "first").size();
  const std::string encoded = delta_of("body", "first") + delta_of("body", "second");
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    std::vector<std::string_view> deltas;
    const bool found = find_deltas(std::string_view(encoded).substr(0, size), "body", deltas);
    EXPECT_EQ(found, size == 0 || size == first) << size;
    EXPECT_EQ(deltas.size(), size < first ? 0u : 1u) << size;
  }
}

}  // namespace
}  // namespace converge::bridge
