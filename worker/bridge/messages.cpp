#include "messages.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include "deflate.h"
#include "log.h"
#include "websocket_frames.h"

namespace converge::bridge {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

void OutgoingMessage::begin(std::size_t payload) {
  char header[kLongestFrameHeader];
  header_ = write_frame_header(header, Opcode::binary, payload);
  framed_.reserve(header_ + payload);
  framed_.assign(header, header_);
}

OutgoingMessage::OutgoingMessage(const wire::ServerMessage& message) {
  begin(message.ByteSizeLong());
  message.AppendToString(&framed_);
}

const std::string& OutgoingMessage::compressed(double least) const {
  if (!tried_to_compress_) {
    tried_to_compress_ = true;
    std::string payload = deflate_message(std::string_view(framed_).substr(header_));
    if (static_cast<double>(payload.size()) <= (1 - least) * static_cast<double>(framed_.size()))
      compressed_ = make_frame(Opcode::binary, payload, true);
  }
  return compressed_.empty() ? framed_ : compressed_;
}

Frame encode(const wire::ServerMessage& message) { return std::make_shared<OutgoingMessage>(message); }

// By hand, because there is one for every push.
Frame ack_frame(std::uint32_t channel, std::uint64_t replica, std::uint64_t seq) {
  std::uint8_t inner[3 * (1 + 10)];
  std::uint8_t* end = inner;
  auto number = [&](int field, std::uint64_t value) {
    if (value == 0) return;
    *end++ = static_cast<std::uint8_t>(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT));
    end = pb::io::CodedOutputStream::WriteVarint64ToArray(value, end);
  };
  number(wire::Ack::kChannelFieldNumber, channel);
  number(wire::Ack::kReplicaFieldNumber, replica);
  number(wire::Ack::kSeqFieldNumber, seq);
  const auto size = static_cast<std::size_t>(end - inner);
  return std::make_shared<OutgoingMessage>(2 + size, [&](std::string& bytes) {
    bytes.push_back(static_cast<char>(
        WireFormatLite::MakeTag(wire::ServerMessage::kAckFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)));
    bytes.push_back(static_cast<char>(size));
    bytes.append(reinterpret_cast<const char*>(inner), size);
  });
}

void append_change(std::string& encoded_changes, const wire::Change& change) {
  const auto size = static_cast<std::uint32_t>(change.ByteSizeLong());
  const std::size_t before = encoded_changes.size();
  encoded_changes.resize(before + 1 + pb::io::CodedOutputStream::VarintSize32(size) + size);
  auto* at = reinterpret_cast<std::uint8_t*>(encoded_changes.data() + before);
  *at++ = static_cast<std::uint8_t>(
      WireFormatLite::MakeTag(wire::Changes::kChangesFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  at = pb::io::CodedOutputStream::WriteVarint32ToArray(size, at);
  change.SerializeWithCachedSizesToArray(at);
}

Frame changes_frame(std::uint32_t channel, std::string_view encoded_changes) {
  std::uint8_t head[2 * (1 + 5) + 1];
  const std::size_t body = 1 + pb::io::CodedOutputStream::VarintSize32(channel) + encoded_changes.size();
  std::uint8_t* end = head;
  *end++ = static_cast<std::uint8_t>(
      WireFormatLite::MakeTag(wire::ServerMessage::kChangesFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  end = pb::io::CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(body), end);
  *end++ = static_cast<std::uint8_t>(
      WireFormatLite::MakeTag(wire::Changes::kChannelFieldNumber, WireFormatLite::WIRETYPE_VARINT));
  end = pb::io::CodedOutputStream::WriteVarint32ToArray(channel, end);
  const auto size = static_cast<std::size_t>(end - head);
  return std::make_shared<OutgoingMessage>(size + encoded_changes.size(), [&](std::string& bytes) {
    bytes.append(reinterpret_cast<const char*>(head), size).append(encoded_changes);
  });
}

namespace {

// Calls take(number, bytes) for each field of the message that is delimited by its length,
// as long as that gives true. False: it gave false, or the message is malformed.
template <class Take>
bool for_each_part(std::string_view message, Take&& take) {
  pb::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()), static_cast<int>(message.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    std::uint32_t size;
    if (!in.ReadVarint32(&size)) return false;
    const auto at = static_cast<std::size_t>(in.CurrentPosition());
    if (size > message.size() - at || !in.Skip(static_cast<int>(size))) return false;
    if (!take(WireFormatLite::GetTagFieldNumber(tag), message.substr(at, size))) return false;
  }
  return in.ConsumedEntireMessage();
}

}  // namespace

bool find_deltas(std::string_view encoded_changes, std::string_view field, std::vector<std::string_view>& deltas) {
  auto take_delta = [&](int number, std::string_view entry) {
    if (number != wire::Payload::kFieldsFieldNumber) return true;
    std::string_view name;
    std::string_view delta;
    const bool read = for_each_part(entry, [&](int part, std::string_view bytes) {
      if (part == wire::FieldDelta::kFieldFieldNumber) name = bytes;
      if (part == wire::FieldDelta::kDeltaFieldNumber) delta = bytes;
      return true;
    });
    if (read && name == field) deltas.push_back(delta);
    return read;
  };
  auto take_payload = [&](int number, std::string_view payload) {
    return number != wire::Change::kPayloadFieldNumber || for_each_part(payload, take_delta);
  };
  return for_each_part(encoded_changes, [&](int number, std::string_view change) {
    return number != wire::Changes::kChangesFieldNumber || for_each_part(change, take_payload);
  });
}

std::optional<std::string_view> changes_in(std::string_view message) {
  std::optional<std::string_view> changes;
  for_each_part(message, [&](int number, std::string_view part) {
    if (number == wire::ServerMessage::kChangesFieldNumber) changes = part;
    return true;
  });
  return changes;
}

std::string encode_payload(std::string_view field, std::string_view delta) {
  auto delimited = [](std::size_t size) {
    return 1 + pb::io::CodedOutputStream::VarintSize32(static_cast<std::uint32_t>(size)) + size;
  };
  const std::size_t entry = delimited(field.size()) + delimited(delta.size());
  std::string bytes(delimited(entry), '\0');
  auto* at = reinterpret_cast<std::uint8_t*>(bytes.data());
  auto begin = [&](int number, std::size_t size) {
    *at++ = static_cast<std::uint8_t>(WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    at = pb::io::CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(size), at);
  };
  auto write = [&](int number, std::string_view part) {
    begin(number, part.size());
    at = pb::io::CodedOutputStream::WriteRawToArray(part.data(), static_cast<int>(part.size()), at);
  };
  begin(wire::Payload::kFieldsFieldNumber, entry);
  write(wire::FieldDelta::kFieldFieldNumber, field);
  write(wire::FieldDelta::kDeltaFieldNumber, delta);
  return bytes;
}

Frame problem_frame(wire::Code code, std::string_view text, std::uint32_t request, bool fatal) {
  wire::ServerMessage message;
  wire::Problem& problem = *message.mutable_problem();
  problem.set_code(code);
  problem.set_message(std::string(text));
  problem.set_request(request);
  problem.set_fatal(fatal);
  return encode(message);
}

Frame subscribed_frame(std::uint32_t request, std::uint32_t channel, std::string_view pull) {
  wire::Subscribed head;
  head.set_request(request);
  head.set_channel(channel);
  std::string inner = head.SerializeAsString();

  auto length = static_cast<std::uint32_t>(pull.size());
  std::size_t body = inner.size() + 1 + pb::io::CodedOutputStream::VarintSize32(length) + pull.size();
  std::size_t size = 1 + pb::io::CodedOutputStream::VarintSize32(static_cast<std::uint32_t>(body)) + body;
  return std::make_shared<OutgoingMessage>(size, [&](std::string& bytes) {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream out(&stream);
    out.WriteTag(WireFormatLite::MakeTag(wire::ServerMessage::kSubscribedFieldNumber,
                                         WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    out.WriteVarint32(static_cast<std::uint32_t>(body));
    out.WriteString(inner);
    out.WriteTag(WireFormatLite::MakeTag(wire::Subscribed::kPullFieldNumber,
                                         WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    out.WriteVarint32(length);
    out.WriteRaw(pull.data(), static_cast<int>(pull.size()));
  });
}

PullHead pull_head(std::string_view pull) {
  pb::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(pull.data()), static_cast<int>(pull.size()));
  PullHead head;
  while (std::uint32_t tag = in.ReadTag()) {
    if (tag == WireFormatLite::MakeTag(wire::PullResponse::kLogVersionFieldNumber,
                                       WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      if (!WireFormatLite::ReadBytes(&in, &head.log_version)) return {};
    } else if (tag == WireFormatLite::MakeTag(wire::PullResponse::kIncarnationFieldNumber,
                                              WireFormatLite::WIRETYPE_VARINT)) {
      if (!in.ReadVarint64(&head.incarnation)) return {};
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return {};
    }
  }
  return head;
}

wire::Code code_of(const DatabaseError& error) {
  if (error.unavailable) return wire::CODE_UNAVAILABLE;
  const std::string& state = error.sqlstate;
  std::string_view kind = std::string_view(state).substr(0, 2);
  if (kind == "28") return wire::CODE_UNAUTHENTICATED;
  if (state == "42501") return wire::CODE_DENIED;
  if (state == "42703") return wire::CODE_UNKNOWN_FIELD;
  if (state == "P0002" || state == "42704" || state == "42P01" || kind == "02") return wire::CODE_UNKNOWN_DOCUMENT;
  if (state == "54000" || kind == "54") return wire::CODE_TOO_LARGE;
  if (kind == "22" || kind == "42") return wire::CODE_MALFORMED;
  if (kind == "23" || kind == "44") return wire::CODE_DENIED;
  return wire::CODE_UNAVAILABLE;
}

std::string told_of(const DatabaseError& error) {
  if (code_of(error) != wire::CODE_UNAVAILABLE) return error.what();
  log(Severity::debug, "the database did not answer a client: ", error.what());
  return "the database cannot answer now";
}

}  // namespace converge::bridge
