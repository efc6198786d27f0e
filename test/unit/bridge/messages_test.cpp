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

}  // namespace
}  // namespace converge::bridge
