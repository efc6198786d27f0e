#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <nlohmann/json.hpp>

#include <iostream>
#include <map>
#include <stdexcept>
#include <utility>

#include "commands.h"
#include "document_client.h"
#include "rethrow.h"

namespace converge::cli {

using nlohmann::ordered_json;

namespace {

// What each peer was last seen to show, by its number and the field.
using Shown = std::map<std::pair<std::uint64_t, std::string>, wire::Presence>;

void print(const wire::Presence& presence, bool gone) {
  ordered_json line = {{"peer", presence.peer()}, {"principal", presence.principal()}};
  if (!presence.field().empty()) line["field"] = presence.field();
  line["state"] = gone ? ordered_json() : ordered_json::parse(presence.state());
  std::cout << line.dump() << std::endl;
}

void take(Shown& shown, const wire::Presences* presences) {
  Shown gone;
  if (presences == nullptr || presences->all()) gone = shown;
  if (presences != nullptr) {
    for (const wire::Presence& presence : presences->peers()) {
      const auto key = std::make_pair(presence.peer(), presence.field());
      if (presence.state().empty()) {
        gone[key] = presence;
        continue;
      }
      gone.erase(key);
      wire::Presence& known = shown[key];
      if (known.clock() == presence.clock()) continue;
      known = presence;
      print(presence, false);
    }
  }
  for (const auto& [key, presence] : gone)
    if (shown.erase(key) > 0) print(presence, true);
}

}  // namespace

int presence(const Options& options, const PresenceOptions& presence) {
  if (!presence.state.empty() && !ordered_json::accept(presence.state))
    throw std::invalid_argument("the state is not JSON: " + presence.state);
  boost::asio::io_context io;
  Shown shown;
  DocumentClient::Events events;
  events.presences = [&shown](const wire::Presences* presences) { take(shown, presences); };
  events.disconnected = [](const std::string& why) {
    std::cerr << "converge: connection lost (" << why << "), trying again\n";
  };
  DocumentClient client(io, options, parse_document(presence.document), events);
  if (!presence.state.empty()) client.show(presence.state, presence.field);

  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { client.stop(); });
  boost::asio::co_spawn(io, client.run(), rethrow_and([&] { signals.cancel(); client.stop(); }));
  io.run();
  return kExitOk;
}

}  // namespace converge::cli
