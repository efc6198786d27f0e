#include "simulation.h"

#include <algorithm>
#include <memory>
#include <set>

#include "client.h"
#include "server.h"

namespace converge::simulation {

namespace {

// More rounds than any run needs to come to rest: who needs more never will.
constexpr int kRoundsToRest = 400;

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        world_(Plan(options.seed), options.fault, options.seed),
        server_(world_) {
    world_.trace = options.trace;
    for (std::size_t i = 0; i < world_.plan.clients; ++i) add_client(world_.plan.document_of(i), i < world_.plan.makers);
  }

  RunResult run() {
    RunResult result;
    std::size_t next = 0;
    for (std::size_t i = 0; i < options_.events && !world_.violation; ++i) {
      if (options_.only) {
        if (next == options_.only->size()) break;
        if ((*options_.only)[next] != i) continue;
        ++next;
      }
      happen(i);
      ++result.events;
    }
    if (!world_.violation) come_to_rest();
    if (!world_.violation) check_at_rest();
    result.violation = world_.violation;
    result.moments = moments_;
    for (std::size_t i = 0; i < world_.plan.documents; ++i) {
      for (const auto& [replica, writer] : server_.document(i).writers) {
        result.changes += writer->last();
        result.refused += writer->refused_from != 0 ? 1 : 0;
        result.compacted += writer->compacted;
      }
    }
    return result;
  }

 private:
  void add_client(std::size_t document, bool makes) {
    const std::size_t number = clients_.size();
    clients_.push_back(std::make_unique<Client>(
        world_, number, document, static_cast<std::uint32_t>(1 + number % world_.plan.principals), makes));
  }

  // ---- one event

  // Draws until something can happen.
  void happen(std::size_t number) {
    constexpr int kDraws = 12;
    Random random(derive(options_.seed, 1000 + number));
    world_.now_ms += random.percent(5) ? random.below(8000) : random.below(200);
    world_.note(number);
    for (int i = 0; i < kDraws; ++i) {
      if (happen(world_.plan.draw(random), random)) return;
    }
  }

  // False: there was nothing to do.
  bool happen(Action action, Random& random) {
    Client& client = *clients_[random.below(clients_.size())];
    world_.note(" ", action_name(action));
    switch (action) {
      case Action::edit: return client.edit(random);
      case Action::save: return client.save();
      case Action::send: return client.send();
      case Action::connect: return connect(client);
      case Action::disconnect: return disconnect(client);
      case Action::crash_client: return crash(client);
      case Action::lose_disk:
        if (client.running()) disconnect(client);
        return client.lose_disk();
      case Action::adopt: return client.adopt(*clients_[random.below(clients_.size())]);
      case Action::deliver: return deliver(world_.network.take(random));
      case Action::duplicate: return deliver(world_.network.copy(random));
      case Action::drop: return world_.network.drop(random);
      case Action::partition: return partition(random);
      case Action::execute_push: return server_.execute_push(random);
      case Action::commit: return server_.commit(random);
      case Action::roll_back: return server_.roll_back(random);
      case Action::begin_sql: return server_.begin_sql();
      case Action::edit_sql: return server_.edit_sql(random);
      case Action::serve_pull: return server_.serve_pull(random);
      case Action::fold: return server_.fold(random, false);
      case Action::compact: return server_.compact(random);
      case Action::repeat_stream: return server_.repeat_stream(random);
      case Action::change_policy: return server_.change_policy(random);
      case Action::switch_deferred: return server_.switch_deferred(random);
      case Action::change_bound: return server_.change_bound(random);
      case Action::retry_quarantined: return server_.retry_quarantined(random);
      case Action::drop_quarantined: return server_.drop_quarantined(random);
      case Action::crash_server: return crash_server(random);
      case Action::start_server: return server_.start();
      case Action::back_up: return server_.back_up();
      case Action::restore: return restore(random);
      case Action::check: return check();
    }
    return false;
  }

  bool connect(Client& client) {
    if (!client.running()) return client.start();
    if (!server_.running() || world_.network.is_cut_off(client.number())) return false;
    if (client.connection() != 0 && !client.turned_away() && !client.ungreeted()) return false;
    // Nobody follows a document that is not there.
    if (!client.session().creating() && !server_.is_made(client.document())) return false;
    disconnect(client);
    const ConnectionId connection = world_.network.open(client.number());
    client.connected(connection);
    server_.connect(connection, client.document(), client.principal());
    return true;
  }

  bool disconnect(Client& client) {
    if (client.connection() == 0) return false;
    world_.network.close(client.connection());
    server_.disconnected(client.connection());
    client.disconnected();
    return true;
  }

  bool crash(Client& client) {
    disconnect(client);
    return client.crash();
  }

  bool partition(Random& random) {
    const std::size_t number = random.below(clients_.size());
    const bool cut = !world_.network.is_cut_off(number);
    world_.note("  client ", number, cut ? " is cut off" : " is reached again");
    world_.network.cut_off(number, cut);
    drop_closed_connections();
    return true;
  }

  bool crash_server(Random& random) {
    const bool crashed = server_.crash(random.percent(50));
    drop_closed_connections();
    return crashed;
  }

  bool restore(Random& random) {
    if (!server_.restore(random)) return false;
    restored_ = true;
    for (auto& client : clients_) client->remember();
    drop_closed_connections();
    return true;
  }

  void drop_closed_connections() {
    for (auto& client : clients_) {
      if (client->connection() != 0 && !world_.network.is_open(client->connection())) {
        server_.disconnected(client->connection());
        client->disconnected();
      }
    }
  }

  bool deliver(const std::optional<Arrival>& arrival) {
    if (!arrival) return false;
    world_.note("  ", arrival->to_server ? "to the server from " : "to client ", arrival->client, ": ",
                message_name(arrival->message));
    if (arrival->to_server) {
      server_.receive(arrival->connection, arrival->message);
    } else {
      clients_[arrival->client]->receive(arrival->connection, arrival->message);
    }
    return true;
  }

  // ---- rest

  void come_to_rest() {
    world_.note("coming to rest");
    Random random(derive(options_.seed, 2));
    world_.network.heal();
    // What was lost on a connection nobody misses before the next message.
    if (world_.plan.datagrams) {
      for (auto& client : clients_) disconnect(*client);
    }
    for (int round = 0; round < kRoundsToRest && !world_.violation; ++round) {
      world_.now_ms += 1000;
      server_.start();
      for (auto& client : clients_) {
        if (client->turned_away() && !server_.may_read(client->document(), client->principal())) continue;
        connect(*client);
        client->send();
      }
      bool busy = true;
      while (busy && !world_.violation) {
        busy = false;
        while (auto arrival = world_.network.take(random)) {
          deliver(arrival);
          busy = true;
          if (world_.violation) return;
        }
        while (server_.commit(random)) busy = true;
        if (server_.execute_push(random)) busy = true;
        if (server_.serve_pull(random)) busy = true;
      }
      if (server_.at_rest() && world_.network.idle() &&
          std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->at_rest(); })) {
        return;
      }
    }
    for (auto& client : clients_) {
      if (client->at_rest()) continue;
      world_.violated(Invariant::comes_to_rest,
                      "client " + std::to_string(client->number()) + " still has " +
                          std::to_string(client->session().pending()) + " changes in its journal" +
                          (client->session().needs_pull() ? " and lacks others'" : ""));
    }
    world_.violated(Invariant::comes_to_rest, "the server or the network has work left");
  }

  void check_at_rest() {
    check();
    // One who was never there sees the same.
    server_.allow_everything();
    old_clients_ = clients_.size();
    for (std::size_t i = 0; i < world_.plan.documents; ++i) {
      if (server_.is_made(i)) add_client(i, false);
    }
    Random random(derive(options_.seed, 3));
    server_.start();
    while (server_.has_quarantined()) {
      if (random.percent(30)) server_.drop_quarantined(random);
      server_.retry_quarantined(random);
      while (server_.commit(random)) {}
    }
    come_to_rest();
    if (world_.violation) return;
    // Of documents that are drawn, so often that none is left out.
    for (std::size_t i = 0; i < 20 * world_.plan.documents; ++i) {
      server_.fold(random, true);
      while (server_.commit(random)) {}
    }
    check();
    for (const auto& client : clients_) {
      for (const auto& field : world_.plan.fields) check_equal(*client, field.field);
      check_remembered(*client);
    }
    // A server that forgot a verdict may give another one, while others bring back
    // what they had received: then an edit can be there that its author made again.
    if (restored_) return;
    for (std::size_t i = 0; i < world_.plan.documents; ++i) check_values(i);
  }

  // ---- the invariants

  bool check() {
    for (std::size_t i = 0; i < world_.plan.documents; ++i) {
      const Document& document = server_.document(i);
      world_.violated(world_.ledger.check_log(i, document));
      const Replay folded = world_.ledger.replay_up_to(i, document.folded_version());
      for (const auto& field : world_.plan.fields) {
        const bool deferred = server_.is_deferred(field.field);
        const Replay& replay = deferred ? folded : world_.ledger.replay(i);
        if (document.row.at(field.field) != replay.at(field.field).encode()) {
          world_.violated(Invariant::row_is_replay, (deferred ? "deferred field \"" : "immediate field \"") +
                                                        field.field + "\" is not the replay of its log");
        }
      }
      check_snapshot(i);
      check_moments(i);
    }
    return true;
  }

  // As of when something was recorded, and as of a while ago.
  void check_moments(std::size_t number) {
    Random random(derive(options_.seed, world_.now_ms));
    const std::int64_t moments[] = {world_.ledger.draw_moment(number, random),
                                    static_cast<std::int64_t>(world_.now_ms - random.below(20'000))};
    for (const std::int64_t moment : moments) {
      const Replay replay = world_.ledger.replay_until(number, moment);
      for (const auto& field : world_.plan.fields) {
        const auto state = server_.state_at(number, field.field, moment);
        if (!state) break;
        ++moments_;
        if (*state == replay.at(field.field).encode()) continue;
        world_.violated(Invariant::state_of_a_moment, "field \"" + field.field + "\" as of " + std::to_string(moment) +
                                                          " is not the replay of the log up to then");
      }
    }
  }

  // What compaction dropped, and the rest of the log, are the whole log.
  void check_snapshot(std::size_t number) {
    const Document& document = server_.document(number);
    for (const auto& field : world_.plan.fields) {
      auto joined = *session::LiveField::create(field.type);
      if (auto at = document.snapshot.find(field.field); at != document.snapshot.end()) {
        (void)joined.merge_encoded(at->second);
      }
      for (const auto& [replica, writer] : document.writers) {
        for (const auto& [seq, logged] : writer->log) {
          for (const FieldDelta& delta : logged->change.fields) {
            if (delta.field != field.field || is_left_out(document.quarantine, replica, seq, delta.field)) continue;
            (void)joined.merge_encoded(delta.delta);
          }
        }
      }
      if (joined.encode() != world_.ledger.replay(number).at(field.field).encode()) {
        world_.violated(Invariant::nothing_lost_by_compaction,
                        "snapshot and log of field \"" + field.field + "\" are not the whole log");
      }
    }
  }

  void check_equal(const Client& client, const std::string& field) {
    if (client.turned_away()) return;
    auto state = client.session().state(field);
    if (!world_.expect(state, "state")) return;
    const std::string& row = server_.document(client.document()).row.at(field);
    if (*state == row) return;
    // Who was connected when it was pushed has what was dropped from quarantine since.
    auto left_out = world_.ledger.everything_left_out(client.document());
    auto theirs = left_out.at(field), ours = left_out.at(field);
    (void)theirs.merge_encoded(*state);
    (void)ours.merge_encoded(row);
    if (client.number() >= old_clients_ || theirs.encode() != ours.encode()) {
      world_.violated(Invariant::replicas_equal, "client " + std::to_string(client.number()) +
                                                     " has another field \"" + field + "\" than the server");
    }
  }

  void check_remembered(const Client& client) {
    for (const auto& [field, state] : client.remembered()) {
      const std::string& row = server_.document(client.document()).row.at(field);
      auto joined = world_.ledger.everything_left_out(client.document()).at(field);
      (void)joined.merge_encoded(row);
      const std::string without = joined.encode();
      (void)joined.merge_encoded(state);
      if (joined.encode() == without) continue;
      world_.violated(Invariant::survives_restore, "field \"" + field + "\" lacks what client " +
                                                       std::to_string(client.number()) + " had when the server was restored");
    }
  }

  void check_values(std::size_t number) {
    std::set<std::string> refused;
    for (const auto& client : clients_) {
      if (client->document() == number) refused.insert(client->refused_marks().begin(), client->refused_marks().end());
    }
    for (const auto& [name, field] : world_.ledger.replay(number)) {
      if (const Text* text = field.get<Text>()) {
        const std::string value = text->text();
        const std::string repeated = repeated_characters(value);
        if (!repeated.empty()) {
          world_.violated(Invariant::edit_counts_once, "field \"" + name + "\" has \"" + repeated + "\" twice");
        }
        for (const std::string& mark : refused) {
          if (static_cast<unsigned char>(mark.front()) >= 0x80 && value.find(mark) != std::string::npos) {
            world_.violated(Invariant::refused_is_gone, "field \"" + name + "\" has \"" + mark + "\", which was refused");
          }
        }
      } else if (const LwwMap* map = field.get<LwwMap>()) {
        for (const auto key : map->keys()) {
          const std::string value(*map->get(key));
          if (refused.contains(value)) {
            world_.violated(Invariant::refused_is_gone, "field \"" + name + "\" has " + value + ", which was refused");
          }
        }
      } else if (const PnCounter* counter = field.get<PnCounter>()) {
        check_count(number, name, counter->value());
      } else if (const GCounter* grows = field.get<GCounter>()) {
        check_count(number, name, grows->value());
      }
    }
  }

  void check_count(std::size_t number, const std::string& field, const Result<std::int64_t>& value) {
    if (!world_.expect(value, "value of a counter")) return;
    if (!world_.marks[number].counts_each_once(field, *value)) {
      world_.violated(Invariant::edit_counts_once, "field \"" + field + "\" counts an increment twice");
    }
  }

  const RunOptions& options_;
  Environment world_;
  Server server_;
  std::vector<std::unique_ptr<Client>> clients_;
  bool restored_ = false;
  std::size_t old_clients_ = 0;  // those behind join at the end
  std::uint64_t moments_ = 0;  // that were asked for and kept
};

}  // namespace

RunResult run(const RunOptions& options) { return Run(options).run(); }

std::string command(const RunOptions& options) {
  std::string line = "build/cmake/simulate --seed " + std::to_string(options.seed) + " --events " +
                     std::to_string(options.events);
  if (options.fault) line += " --fault " + std::string(fault_name(*options.fault));
  if (options.only) {
    line += " --only ";
    for (std::size_t i = 0; i < options.only->size(); ++i) {
      line += (i == 0 ? "" : ",") + std::to_string((*options.only)[i]);
    }
  }
  return line;
}

RunOptions shrink(const RunOptions& options, Invariant invariant) {
  RunOptions kept = options;
  kept.trace = nullptr;
  if (!kept.only) {
    kept.only.emplace();
    for (std::size_t i = 0; i < options.events; ++i) kept.only->push_back(i);
  }
  auto violates = [&](const std::vector<std::size_t>& only) {
    RunOptions attempt = kept;
    attempt.only = only;
    const RunResult result = run(attempt);
    return result.violation && result.violation->invariant == invariant;
  };
  // Without a part, at first a half, in the end single events (Zeller's ddmin).
  for (std::size_t part = kept.only->size() / 2; part > 0;) {
    bool smaller = false;
    for (std::size_t at = 0; at < kept.only->size();) {
      std::vector<std::size_t> only = *kept.only;
      only.erase(only.begin() + static_cast<std::ptrdiff_t>(at),
                 only.begin() + static_cast<std::ptrdiff_t>(std::min(at + part, only.size())));
      if (violates(only)) {
        kept.only = std::move(only);
        smaller = true;
      } else {
        at += part;
      }
    }
    if (!smaller || part > kept.only->size()) part /= 2;
  }
  return kept;
}

}  // namespace converge::simulation
