#include "yjs_awareness.h"

#include "core/json/json.h"
#include "core/ydoc/lib0.h"

namespace converge::bridge {

namespace {

constexpr std::string_view kNull = "null";
// A client says one of its own, and repeats what it has heard.
constexpr std::uint64_t kMostEntries = 10000;
constexpr std::string_view kSpace = " \t\r\n";

// The state with the principal in it, as the last member, which counts of those
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

std::uint64_t yjs_clock(const wire::Presence& presence) { return presence.clock() > 0 ? presence.clock() - 1 : 0; }

void write_presence(std::string& out, const wire::Presence& presence, std::string_view principal) {
  write_entry(out, presence.peer(), yjs_clock(presence),
              presence.state().empty() ? std::string(kNull) : with_principal(presence.state(), principal));
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
    const std::size_t first = state.find_first_not_of(kSpace);
    if (state != kNull) {
      if (first == std::string_view::npos || state[first] != '{') return std::nullopt;
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
  presence.set_clock(entry.clock + 1);
  presence.set_state(entry.state);
  return presence;
}

std::string awareness_update(const wire::Presence& presence, std::string_view principal) {
  std::string update;
  lib0::write_uint(update, 1);
  write_presence(update, presence, principal);
  return update;
}

void YjsAwarenessView::owns(const YjsAwareness& entry) {
  if (entry.state.empty()) {
    own_.erase(entry.client);
  } else {
    own_.insert(entry.client);
  }
}

std::string YjsAwarenessView::tell(const wire::Presences& presences, const std::string& field) {
  std::string entries;
  std::uint64_t count = 0;
  std::map<std::uint64_t, std::uint64_t> gone;
  if (presences.all()) gone.swap(others_);
  for (const wire::Presence& presence : presences.peers()) {
    if (presence.field() != field || own_.count(presence.peer()) != 0) continue;
    gone.erase(presence.peer());
    if (presence.state().empty()) {
      others_.erase(presence.peer());
    } else {
      others_[presence.peer()] = yjs_clock(presence);
    }
    write_presence(entries, presence, presence.principal());
    ++count;
  }
  for (const auto& [client, clock] : gone) {
    write_entry(entries, client, clock, kNull);
    ++count;
  }
  if (count == 0) return {};
  std::string update;
  lib0::write_uint(update, count);
  return update + entries;
}

}  // namespace converge::bridge
