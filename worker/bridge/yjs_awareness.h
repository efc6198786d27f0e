// Yjs's awareness, as presence: who of a document's Yjs clients is there, with what
// state. A peer of presence is a Y.Doc's client id, and its clock Yjs's, counted from
// kYjsClocks: no other client's gets there.
//
// The server adds its user's identity to each state that is told, under
// kPrincipalKey: whatever the client says there does not count. What it tells has a
// clock that is ahead of the client's own by kAwarenessLead, because tabs of one
// browser hear the state from each other first, and of two with one clock Yjs keeps
// the first.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converge.pb.h"

namespace converge::bridge {

inline constexpr std::string_view kPrincipalKey = "principal";

inline constexpr std::uint64_t kYjsClocks = std::uint64_t{1} << 53;

// Whether that is what a Yjs client shows.
inline bool is_yjs(const wire::Presence& presence) { return presence.clock() >= kYjsClocks; }

// More than a client may have moved on before the server has told of it, and than one
// message leaves out. A client that another tab tells the server's word of goes on
// from that clock.
inline constexpr std::uint64_t kAwarenessLead = 1 << 16;

// An awareness update without entries.
inline constexpr std::string_view kNobody("\0", 1);

struct YjsAwareness {
  std::uint64_t client = 0;
  std::uint64_t clock = 0;
  std::string state;  // a JSON object; empty: it is not there any more
};

// The entries of an awareness update. None where it is malformed, a state no object or
// a clock beyond all that Yjs can count; that an object is JSON is for presence to check.
std::optional<std::vector<YjsAwareness>> read_awareness_update(std::string_view bytes);

// An awareness update with one presence, as its own client said it, who is told so that
// it sees that the connection lives. (It takes no state that it has.)
std::string awareness_echo(const wire::Presence& presence);

// The awareness of one connection to one document. The connection is one client: whose
// state it shows first. Providers pass on what they hear of others, from the server or
// past it (from other tabs of the browser, or another provider at the same document).
class YjsAwarenessView {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The Y.Doc's client, once it is known.
  const std::optional<std::uint64_t>& client() const { return client_; }
  void be(std::uint64_t client) {
    client_ = client;
    told_.erase(client);
  }
  // The connection is nobody, until it shows a state again.
  void be_nobody() { client_.reset(), clock_.reset(); }

  // Whether the client says it of itself. False as well for what the server told
  // of it with the principal, and another tab passed on to it: that is no news.
  bool is_own(const YjsAwareness& entry) const {
    return client_ == entry.client && (entry.state.empty() || !clock_ || entry.clock != *clock_ + kAwarenessLead);
  }
  // What presence has of it now.
  void shows(const YjsAwareness& entry) { clock_ = entry.clock; }
  // Whether it is of another client, and was not heard of from the server.
  bool is_from_elsewhere(const YjsAwareness& entry) const {
    const auto told = told_.find(entry.client);
    return client_ && client_ != entry.client && !entry.state.empty() && (told == told_.end() || entry.clock > told->second);
  }

  // What the client is told of these: an awareness update; empty where that is
  // nothing. `all`: nobody else is there.
  std::string tell(const wire::Presences& presences, const std::string& field);

  // Yjs forgets whoever it is not told of for 30 s. Its own clients repeat their states
  // with a new clock; what is no Yjs client has to be told again, as is due some time after
  // this. None: there is none.
  std::optional<Time> others_told_at() const { return others_told_at_; }
  void tell_others_again() { others_told_at_.reset(); }

 private:
  std::optional<std::uint64_t> client_;
  std::optional<std::uint64_t> clock_;           // of the state that it showed last
  std::map<std::uint64_t, std::uint64_t> told_;  // of whom, and under which clock
  std::optional<Time> others_told_at_;           // the first of those that are no Yjs clients
};

// An entry as presence has it.
wire::Presence presence_of(const YjsAwareness& entry, const std::string& field);

}  // namespace converge::bridge
