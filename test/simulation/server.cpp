#include "server.h"

#include <algorithm>

namespace converge::simulation {

Writer& edit_writer(Document& document, ReplicaId replica) {
  std::shared_ptr<const Writer>& held = document.writers[replica];
  auto changed = held ? std::make_shared<Writer>(*held) : std::make_shared<Writer>();
  Writer& writer = *changed;
  held = std::move(changed);
  return writer;
}

Server::Server(Environment& world) : world_(world) {
  committed_.documents.resize(world.plan.documents);
  for (std::size_t i = 0; i < world.plan.fields.size(); ++i) {
    const auto& field = world.plan.fields[i];
    committed_.deferred[field.field] = world.plan.deferred[i];
    for (Document& document : committed_.documents) {
      document.made = world.plan.makers == 0;
      document.row[field.field] = empty_state(field.type);
    }
  }
  committed_.replica = world.draw_replica();
  flushed_ = committed_;
}

// ---- connections

void Server::connect(ConnectionId connection, std::size_t document, std::uint32_t principal) {
  Peer peer;
  peer.document = document;
  peer.principal = principal;
  peers_[connection] = std::move(peer);
  world_.network.to_client(connection, Welcome{static_cast<std::uint64_t>(epoch_)});
}

void Server::disconnected(ConnectionId connection) {
  auto at = peers_.find(connection);
  if (at == peers_.end()) return;
  at->second.watching = false;
  at->second.subscribed = false;
}

void Server::receive(ConnectionId connection, const Message& message) {
  auto at = peers_.find(connection);
  if (at == peers_.end()) return;
  Peer& peer = at->second;
  if (const auto* push = std::get_if<Push>(&message)) {
    const Change& last = push->changes.back();
    peer.own_seq = last.replica == peer.own_replica ? std::max(peer.own_seq, last.seq) : last.seq;
    peer.own_replica = last.replica;
    pushes_.push_back({connection, peer.document, peer.principal, push->changes, 0});
  } else if (const auto* create = std::get_if<Create>(&message)) {
    pushes_.push_back({connection, peer.document, peer.principal, {create->change}, create->temporary_key});
  } else if (const auto* subscribe = std::get_if<Subscribe>(&message)) {
    // First the worker begins to forward the document, then the pull.
    peer.watching = true;
    peer.subscribed = false;
    peer.meanwhile.clear();
    peer.request = subscribe->request;
    pulls_.push_back({connection, *subscribe, committed_.documents[peer.document]});
  }
}

void Server::forward(std::size_t document, const Change& change) {
  for (auto& [connection, peer] : peers_) {
    if (!peer.watching || peer.document != document) continue;
    if (!peer.subscribed) {
      peer.meanwhile.push_back(change);
      continue;
    }
    peer.version.raise(change.replica, change.seq);
    // Who pushed it on this connection gets an Ack instead. (A restarted client
    // may have forgotten what it pushed on the one before.)
    if (change.replica == peer.own_replica && change.seq <= peer.own_seq) continue;
    world_.network.to_client(connection, Changes{{change}});
  }
}

// After the stream was lost, a bridge brings its clients up to date.
void Server::refill() {
  for (auto& [connection, peer] : peers_) {
    if (!peer.watching) continue;
    peer.subscribed = false;
    peer.meanwhile.clear();
    pulls_.push_back({connection, Subscribe{peer.request, peer.version.encode()},
                      committed_.documents[peer.document]});
  }
}

bool Server::repeat_stream(Random& random) {
  if (!running_ || stream_.empty()) return false;
  // After a crash of the worker the slot begins a little earlier.
  const std::size_t from = stream_.size() - 1 - random.below(std::min<std::size_t>(stream_.size(), 5));
  for (std::size_t i = from; i < stream_.size(); ++i) forward(stream_[i].first, stream_[i].second);
  return true;
}

// ---- transactions

Server::Transaction& Server::begin(bool sql) {
  Transaction transaction;
  transaction.xid = committed_.next_xid++;
  transaction.sql = sql;
  return transactions_.emplace_back(std::move(transaction));
}

bool Server::locked(std::size_t document) const {
  return std::any_of(transactions_.begin(), transactions_.end(), [&](const Transaction& transaction) {
    return transaction.documents.contains(document);
  });
}

Document& Server::lock(Transaction& transaction, std::size_t document) {
  return transaction.documents.try_emplace(document, committed_.documents[document]).first->second;
}

std::uint64_t Server::oldest_running_xid() const {
  std::uint64_t oldest = committed_.next_xid;
  for (const Transaction& transaction : transactions_) oldest = std::min(oldest, transaction.xid);
  return oldest;
}

bool Server::commit(Random& random) {
  if (transactions_.empty()) return false;
  auto at = std::next(transactions_.begin(), static_cast<std::ptrdiff_t>(random.below(transactions_.size())));
  const bool flush = !world_.planted(Fault::commit_not_flushed) || random.percent(50);
  finish_commit(at);
  if (flush) flushed_ = committed_;
  return true;
}

void Server::finish_commit(std::list<Transaction>::iterator at) {
  const Transaction transaction = std::move(*at);
  transactions_.erase(at);
  std::vector<std::pair<std::size_t, Quarantine>> quarantines;
  for (const auto& [number, document] : transaction.documents) {
    quarantines.emplace_back(number, std::move(committed_.documents[number].quarantine));
    committed_.documents[number] = document;
  }
  for (const auto& [name, number] : transaction.made) {
    world_.violated(world_.ledger.made(name.first, name.second, number));
    committed_.temporary_keys[name] = number;
  }
  std::map<std::size_t, std::map<std::string, bool>> touched;
  for (const auto& [number, change] : transaction.appended) {
    world_.note("  logged ", describe(change->change.replica, change->change.seq),
                change->change.refused ? ", refused" : "");
    world_.violated(world_.ledger.committed(number, change));
    for (const FieldDelta& delta : change->change.fields) touched[number][delta.field] = true;
  }
  for (const auto& [number, before] : quarantines) {
    note_quarantine(number, before, committed_.documents[number].quarantine);
  }
  // What everybody reads from now on is what was logged.
  for (const auto& [number, fields] : touched) {
    for (const auto& [field, changed] : fields) {
      if (committed_.deferred.at(field)) continue;
      if (committed_.documents[number].row.at(field) != world_.ledger.replay(number).at(field).encode()) {
        world_.violated(Invariant::row_is_replay,
                        "immediate field \"" + field + "\" is not the replay of its log");
      }
    }
  }
  for (const auto& [number, change] : transaction.appended) {
    stream_.emplace_back(number, change->change);
    forward(number, change->change);
  }
  if (!world_.planted(Fault::ack_before_commit)) {
    for (const Reply& reply : transaction.replies) answer(reply);
  }
}

void Server::answer(const Reply& reply) {
  if (const auto* ack = std::get_if<Ack>(&reply.message)) {
    world_.violated(world_.ledger.acknowledged(reply.document, ack->replica, ack->seq));
  }
  if (const auto* created = std::get_if<Created>(&reply.message)) {
    world_.violated(world_.ledger.acknowledged(reply.document, created->replica, created->seq));
  }
  if (const auto* reject = std::get_if<Reject>(&reply.message); reject && takes_number(reject->code)) {
    world_.ledger.refused(reply.document, reject->replica, reject->seq);
  }
  world_.network.to_client(reply.connection, reply.message);
}

bool Server::roll_back(Random& random) {
  if (transactions_.empty()) return false;
  auto at = std::next(transactions_.begin(), static_cast<std::ptrdiff_t>(random.below(transactions_.size())));
  for (const Reply& apology : at->apologies) answer(apology);
  transactions_.erase(at);
  return true;
}

// ---- permissions

bool Server::may_read(std::size_t document, std::uint32_t principal) const {
  auto at = committed_.levels.find({document, principal});
  return at == committed_.levels.end() || at->second != Level::none;
}

bool Server::change_policy(Random& random) {
  // Its change excludes those who write: they hold a lock on the permissions.
  if (!running_ || !transactions_.empty()) return false;
  const std::size_t document = random.below(world_.plan.documents);
  const auto principal = static_cast<std::uint32_t>(1 + random.below(world_.plan.principals));
  const auto level = static_cast<Level>(random.below(3));
  committed_.levels[{document, principal}] = level;
  flushed_.levels = committed_.levels;
  world_.note("  principal ", principal, " on document ", document, ": level ",
              static_cast<std::uint64_t>(level));
  if (level != Level::none) return true;
  for (auto& [connection, peer] : peers_) {
    if (peer.document != document || peer.principal != principal || !peer.watching) continue;
    peer.watching = false;
    peer.subscribed = false;
    world_.network.to_client(connection, Problem{});
  }
  return true;
}

void Server::allow_everything() {
  committed_.levels.clear();
  committed_.bound = 0;
}

// ---- crashes

void Server::stop(bool bridge_too) {
  running_ = false;
  minted_.clear();
  stream_.clear();
  pulls_.clear();
  if (bridge_too) {
    pushes_.clear();
    peers_.clear();
    world_.network.close_all();
  } else {
    // A push whose connection was lost is asked again with the same numbers.
    for (auto& transaction : transactions_) {
      pushes_.insert(pushes_.begin(), transaction.pushes.begin(), transaction.pushes.end());
    }
  }
  transactions_.clear();
}

bool Server::crash(bool bridge_too) {
  if (!running_) return false;
  stop(bridge_too);
  const std::uint64_t next_xid = committed_.next_xid;
  committed_ = flushed_;
  committed_.next_xid = next_xid;
  return true;
}

bool Server::start() {
  if (running_) return false;
  running_ = true;
  refill();
  return true;
}

bool Server::back_up() {
  if (!running_) return false;
  backups_.push_back({flushed_, world_.ledger.now()});
  return true;
}

bool Server::restore(Random& random) {
  if (backups_.empty()) return false;
  // Where messages overtake each other, none may survive the server they are from.
  stop(world_.plan.datagrams || random.percent(50));
  const Backup& backup = backups_[random.below(backups_.size())];
  const ReplicaId before = committed_.replica;
  committed_ = backup.tables;
  world_.ledger.restore(backup.moment);
  // The server finds that it is not the one it remembers (documents/node.cpp).
  if (!world_.planted(Fault::epoch_kept_after_restore)) epoch_ = ++last_epoch_;
  committed_.replica = world_.planted(Fault::server_number_reused) ? before : world_.draw_replica();
  flushed_ = committed_;
  return true;
}

}  // namespace converge::simulation
