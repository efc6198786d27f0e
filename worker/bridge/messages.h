// Server messages as the bytes that go on the wire.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converge.pb.h"
#include "database.h"

namespace converge::bridge {

// One encoded ServerMessage as a WebSocket message. It is encoded, framed and,
// if anybody wants that, compressed once for all who are sent it.
class OutgoingMessage {
 public:
  explicit OutgoingMessage(const wire::ServerMessage& message);
  // The message's encoding, of `size` bytes, is what `write` appends.
  template <class Write>
  OutgoingMessage(std::size_t size, Write&& write) {
    begin(size);
    write(framed_);
  }

  std::size_t size() const { return framed_.size(); }
  std::string_view payload() const { return std::string_view(framed_).substr(header_); }
  const std::string& framed() const { return framed_; }
  // The same in another protocol, by a name for it: made once for all who are
  // sent it. Null where it says nothing.
  using Translation = std::shared_ptr<const OutgoingMessage>;
  template <class Make>
  Translation translated(const std::string& name, Make&& make) const {
    for (const auto& [known, translation] : translations_)
      if (known == name) return translation;
    return translations_.emplace_back(name, make(payload())).second;
  }
  // Compressed, or the same as framed() where that saves less than `least`
  // (0 to 1) of it.
  const std::string& compressed(double least) const;

 private:
  void begin(std::size_t payload);

  std::size_t header_ = 0;
  std::string framed_;
  mutable bool tried_to_compress_ = false;
  mutable std::string compressed_;
  mutable std::vector<std::pair<std::string, Translation>> translations_;
};
using Frame = std::shared_ptr<const OutgoingMessage>;

Frame encode(const wire::ServerMessage& message);

Frame ack_frame(std::uint32_t channel, std::uint64_t replica, std::uint64_t seq);

// Changes, of what append_change() has written.
Frame changes_frame(std::uint32_t channel, std::string_view encoded_changes);
// Appends the change as one of a Changes.
void append_change(std::string& encoded_changes, const wire::Change& change);

// Adds the field's deltas in encoded changes, as append_change() writes them, or in a whole
// Changes; they view its bytes. False: it is malformed, and some may be missing.
bool find_deltas(std::string_view encoded_changes, std::string_view field, std::vector<std::string_view>& deltas);
// The encoded Changes in an encoded ServerMessage; nothing if it says something else.
std::optional<std::string_view> changes_in(std::string_view message);

// The encoded Payload of an update of one field.
std::string encode_payload(std::string_view field, std::string_view delta);

Frame problem_frame(wire::Code code, std::string_view message, std::uint32_t request, bool fatal);

// Subscribed with a PullResponse that is encoded already: converge.pull() made
// it, and nothing here needs to look inside.
Frame subscribed_frame(std::uint32_t request, std::uint32_t channel, std::string_view pull);

// Of a PullResponse, without parsing the rest.
struct PullHead {
  std::string log_version;
  std::uint64_t incarnation = 0;
};
PullHead pull_head(std::string_view pull);

// What a client is told when the database refused a statement under its
// identity.
wire::Code code_of(const DatabaseError& error);

// And in words: the database's own where what the client asked is at fault. What else
// is wrong with it goes to the log.
std::string told_of(const DatabaseError& error);

}  // namespace converge::bridge
