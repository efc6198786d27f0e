#include "messages.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

namespace converge::bridge {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

Frame encode(const wire::ServerMessage& message) {
  auto bytes = std::make_shared<std::string>();
  message.SerializeToString(bytes.get());
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

  auto bytes = std::make_shared<std::string>();
  bytes->reserve(inner.size() + pull.size() + 24);
  {
    pb::io::StringOutputStream stream(bytes.get());
    pb::io::CodedOutputStream out(&stream);
    auto length = static_cast<std::uint32_t>(pull.size());
    std::size_t body = inner.size() + 1 + pb::io::CodedOutputStream::VarintSize32(length) + pull.size();
    out.WriteTag(WireFormatLite::MakeTag(wire::ServerMessage::kSubscribedFieldNumber,
                                         WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    out.WriteVarint32(static_cast<std::uint32_t>(body));
    out.WriteString(inner);
    out.WriteTag(WireFormatLite::MakeTag(wire::Subscribed::kPullFieldNumber,
                                         WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    out.WriteVarint32(length);
    out.WriteRaw(pull.data(), static_cast<int>(pull.size()));
  }
  return bytes;
}

std::string pull_log_version(std::string_view pull) {
  pb::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(pull.data()), static_cast<int>(pull.size()));
  std::string version;
  while (std::uint32_t tag = in.ReadTag()) {
    if (tag == WireFormatLite::MakeTag(wire::PullResponse::kLogVersionFieldNumber,
                                       WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      if (!WireFormatLite::ReadBytes(&in, &version)) return {};
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return {};
    }
  }
  return version;
}

wire::Code code_of(const DatabaseError& error) {
  if (error.unavailable) return wire::CODE_UNAVAILABLE;
  const std::string& state = error.sqlstate;
  std::string_view kind = std::string_view(state).substr(0, 2);
  if (kind == "28") return wire::CODE_UNAUTHENTICATED;
  if (state == "42501") return wire::CODE_DENIED;
  if (state == "P0002" || state == "42704" || state == "42P01" || kind == "02") return wire::CODE_UNKNOWN_DOCUMENT;
  if (state == "54000" || kind == "54") return wire::CODE_TOO_LARGE;
  if (kind == "22" || kind == "42") return wire::CODE_MALFORMED;
  if (kind == "23" || kind == "44") return wire::CODE_DENIED;
  return wire::CODE_UNAVAILABLE;
}

}  // namespace converge::bridge
