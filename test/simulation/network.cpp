#include "network.h"

namespace converge::simulation {

ConnectionId Network::open(std::size_t client) {
  links_.emplace(++last_, Link{client, true, {}, {}});
  return last_;
}

void Network::close(ConnectionId connection) {
  auto at = links_.find(connection);
  if (at == links_.end()) return;
  at->second.open = false;
  at->second.down.clear();
  if (at->second.up.empty()) links_.erase(at);
}

void Network::close_all() {
  for (auto at = links_.begin(); at != links_.end();) {
    const ConnectionId connection = at++->first;
    close(connection);
  }
}

bool Network::is_open(ConnectionId connection) const {
  auto at = links_.find(connection);
  return at != links_.end() && at->second.open;
}

void Network::to_server(ConnectionId connection, Message message) {
  auto at = links_.find(connection);
  if (at != links_.end() && at->second.open) at->second.up.push_back(std::move(message));
}

void Network::to_client(ConnectionId connection, Message message) {
  auto at = links_.find(connection);
  if (at != links_.end() && at->second.open) at->second.down.push_back(std::move(message));
}

std::optional<Arrival> Network::pick(Random& random, bool take) {
  std::vector<std::pair<Link*, bool>> ends;
  std::vector<ConnectionId> ids;
  for (auto& [id, link] : links_) {
    for (const bool up : {true, false}) {
      if ((up ? link.up : link.down).empty()) continue;
      ends.emplace_back(&link, up);
      ids.push_back(id);
    }
  }
  if (ends.empty()) return std::nullopt;
  const std::size_t chosen = random.below(ends.size());
  auto [link, up] = ends[chosen];
  std::deque<Message>& messages = up ? link->up : link->down;
  const auto at = messages.begin() +
                  static_cast<std::ptrdiff_t>(datagrams_ ? random.below(messages.size()) : 0);
  Arrival arrival{ids[chosen], link->client, up, *at};
  if (take) {
    messages.erase(at);
    if (!link->open && link->up.empty()) links_.erase(arrival.connection);
  }
  return arrival;
}

std::optional<Arrival> Network::copy(Random& random) {
  auto arrival = pick(random, false);
  if (!arrival || datagrams_) return arrival;
  if (!arrival->to_server || !std::holds_alternative<Push>(arrival->message)) return std::nullopt;
  return arrival;
}

bool Network::drop(Random& random) { return datagrams_ && pick(random, true).has_value(); }

void Network::cut_off(std::size_t client, bool cut) {
  cut_off_[client] = cut;
  if (!cut) return;
  for (auto at = links_.begin(); at != links_.end();) {
    const auto& [connection, link] = *at++;
    if (link.client == client) close(connection);
  }
}

bool Network::is_cut_off(std::size_t client) const {
  auto at = cut_off_.find(client);
  return at != cut_off_.end() && at->second;
}

void Network::heal() {
  datagrams_ = false;
  cut_off_.clear();
}

bool Network::idle() const {
  for (const auto& [id, link] : links_) {
    if (!link.up.empty() || !link.down.empty()) return false;
  }
  return true;
}

}  // namespace converge::simulation
