#include "yjs_awareness.h"

#include <algorithm>

#include "core/json/json.h"
#include "core/ydoc/lib0.h"

namespace converge::bridge {

namespace {

constexpr std::string_view kNull = "null";
// A client says one of its own, and repeats what it has heard.
constexpr std::uint64_t kMostEntries = 10000;
constexpr std::string_view kSpace = " \t\r\n";
// The greatest number that JavaScript counts to, and what the server may add to a clock.
constexpr std::uint64_t kGreatestClock = kYjsClocks - 1 - 2 * kAwarenessLead;

// Awareness has objects only. (Presence checks that it is JSON.)
bool is_object(std::string_view state) {
  const std::size_t first = state.find_first_not_of(kSpace);
  return first != std::string_view::npos && state[first] == '{';
}

// The object with the principal in it, as the last member, which counts of those
// with one name.
std::string with_principal(std::string_view state, std::string_view principal) {
  const std::size_t end = state.find_last_of('}');
  if (end == std::string_view::npos) return std::string(kNull);
  std::string told(state.substr(0, end));
  const std::size_t last = told.find_last_not_of(kSpace);
  if (last != std::string::npos && told[last] != '{') told += ',';
  append_json_string(told, kPrincipalKey);
  told += ':';
  append_json_string(told, principal);
  return told + '}';
}

void write_entry(std::string& out, std::uint64_t client, std::uint64_t clock, std::string_view state) {
  lib0::write_uint(out, client);
  lib0::write_uint(out, clock);
  lib0::write_bytes(out, state);
}

// Of a client that has no clocks of Yjs's: ascending, also from one connection to the next.
std::uint64_t clock_after(std::uint64_t told) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::max(told + 1, static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
}

}  // namespace

std::optional<std::vector<YjsAwareness>> read_awareness_update(std::string_view bytes) {
  Reader in(bytes);
  const std::uint64_t count = lib0::read_uint(in);
  if (in.failed() || count > kMostEntries) return std::nullopt;
  std::vector<YjsAwareness> entries;
  for (std::uint64_t i = 0; i < count; ++i) {
    YjsAwareness entry;
    entry.client = lib0::read_uint(in);
    entry.clock = lib0::read_uint(in);
    const std::string_view state = lib0::read_bytes(in);
    if (in.failed()) return std::nullopt;
    if (entry.clock > kGreatestClock) return std::nullopt;
    if (state != kNull) {
      if (!is_object(state)) return std::nullopt;
      entry.state = state;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

wire::Presence presence_of(const YjsAwareness& entry, const std::string& field) {
  wire::Presence presence;
  presence.set_peer(entry.client);
  presence.set_field(field);
  presence.set_clock(kYjsClocks + entry.clock);
  presence.set_state(entry.state);
  return presence;
}

std::string awareness_echo(const wire::Presence& presence) {
  std::string update;
  lib0::write_uint(update, 1);
  write_entry(update, presence.peer(), presence.clock() - kYjsClocks, presence.state().empty() ? kNull : presence.state());
  return update;
}

std::string YjsAwarenessView::tell(const wire::Presences& presences, const std::string& field) {
  std::string entries;
  std::uint64_t count = 0;
  std::map<std::uint64_t, std::uint64_t> gone;
  // Who is not known yet may be among them, as it was on an earlier connection.
  const std::uint64_t lead = client_ ? kAwarenessLead : 0;
  if (presences.all()) {
    gone = told_;
    others_told_at_.reset();
  }
  for (const wire::Presence& presence : presences.peers()) {
    if (presence.field() != field || client_ == presence.peer()) continue;
    const auto told = told_.find(presence.peer());
    const bool is_there = is_object(presence.state());
    if (!is_there && told == told_.end()) continue;
    const std::uint64_t clock = is_yjs(presence) ? presence.clock() - kYjsClocks + lead
                                                 : clock_after(told == told_.end() ? 0 : told->second);
    gone.erase(presence.peer());
    if (is_there) {
      told_[presence.peer()] = clock;
      if (!is_yjs(presence) && !others_told_at_) others_told_at_ = std::chrono::steady_clock::now();
    } else {
      told_.erase(told);
    }
    write_entry(entries, presence.peer(), clock,
                is_there ? with_principal(presence.state(), presence.principal()) : std::string(kNull));
    ++count;
  }
  for (const auto& [client, clock] : gone) {
    told_.erase(client);
    write_entry(entries, client, clock, kNull);
    ++count;
  }
  if (count == 0) return {};
  std::string update;
  lib0::write_uint(update, count);
  return update + entries;
}

}  // namespace converge::bridge
