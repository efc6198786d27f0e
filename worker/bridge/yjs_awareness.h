// Yjs's awareness, as presence: who of a document's Yjs clients is there, with what
// state. A peer of presence is a Y.Doc's client id; Yjs counts its clocks from 0,
// presence from 1.
//
// The server adds its user's identity to each state that is told, under
// kPrincipalKey: whatever the client says there does not count.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "converge.pb.h"

namespace converge::bridge {

inline constexpr std::string_view kPrincipalKey = "principal";

struct YjsAwareness {
  std::uint64_t client = 0;
  std::uint64_t clock = 0;
  std::string state;  // a JSON object; empty: it is not there any more
};

// The entries of an awareness update. None where it is malformed, or a state no
// object; that an object is JSON is for presence to check.
std::optional<std::vector<YjsAwareness>> read_awareness_update(std::string_view bytes);

// An awareness update with one presence: what its own client is told as well, so
// that it sees that the connection lives. (It takes no state that it has.)
std::string awareness_update(const wire::Presence& presence, std::string_view principal);

// The awareness of one connection to one document.
class YjsAwarenessView {
 public:
  // Whether an entry that the client sends is about itself. Providers repeat what
  // they hear of others.
  bool is_own(const YjsAwareness& entry) const {
    return own_.count(entry.client) != 0 || (!entry.state.empty() && others_.count(entry.client) == 0);
  }
  // It shows that, or has ceased to.
  void owns(const YjsAwareness& entry);
  // It may not.
  void disowns(std::uint64_t client) { own_.erase(client); }

  // What the client is told of these: an awareness update; empty where that is
  // nothing. `all`: nobody else is there.
  std::string tell(const wire::Presences& presences, const std::string& field);

 private:
  std::set<std::uint64_t> own_;
  std::map<std::uint64_t, std::uint64_t> others_;  // whom it was told of, and their clocks
};

// An entry as presence has it.
wire::Presence presence_of(const YjsAwareness& entry, const std::string& field);

}  // namespace converge::bridge
