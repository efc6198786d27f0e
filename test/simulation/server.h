// A model of the server as its clients meet it: PostgreSQL with the extension,
// and the bridge before it. What it decides it decides by the rules of
// src/core/log, as the extension does; transactions, locks, the log and its
// crashes are modelled.
//
//   server.cpp         connections, transactions, crashes, backups, permissions
//   server_push.cpp    push() and edits in SQL
//   server_quarantine.cpp  the fold itself, and what it cannot fold
//   server_upkeep.cpp  pull(), when to fold, compaction
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/log/fold_rule.h"
#include "core/session/live_field.h"
#include "environment.h"
#include "tables.h"

namespace converge::simulation {

class Server {
 public:
  explicit Server(Environment& world);

  // ---- the bridge

  bool running() const { return running_; }
  void connect(ConnectionId connection, std::size_t document, std::uint32_t principal);
  // What was pushed on it may still arrive.
  void disconnected(ConnectionId connection);
  void receive(ConnectionId connection, const Message& message);

  // ---- what it does. False: there was nothing to do.

  bool execute_push(Random& random);   // of some pushes that wait, in one transaction
  bool commit(Random& random);         // one of the open transactions
  bool roll_back(Random& random);
  bool begin_sql();                    // a transaction that takes its number early
  bool edit_sql(Random& random);
  bool serve_pull(Random& random);
  bool fold(Random& random, bool all); // a document; whether due or not if `all`
  bool compact(Random& random);
  bool repeat_stream(Random& random);  // a commit is decoded once more
  bool change_policy(Random& random);
  bool switch_deferred(Random& random);
  bool change_bound(Random& random);   // the constraint that counters have
  bool retry_quarantined(Random& random);
  bool drop_quarantined(Random& random);
  // The bridge and its connections go too, or it waits for the server to be back.
  bool crash(bool bridge_too);
  bool start();
  bool back_up();
  bool restore(Random& random);        // it starts from an older backup

  // ---- what it is like

  bool at_rest() const { return pushes_.empty() && pulls_.empty() && transactions_.empty(); }
  const Document& document(std::size_t number) const { return committed_.documents[number]; }
  bool is_deferred(const std::string& field) const { return committed_.deferred.at(field); }
  bool may_read(std::size_t document, std::uint32_t principal) const;
  // Whether there is such a document.
  bool is_made(std::size_t document) const { return committed_.documents[document].made; }
  bool has_quarantined() const;  // that may be retried
  // A field as current() gives it.
  std::string current(std::size_t document, const std::string& field) const;
  // A field as state_at() gives it; nothing for a moment that is not kept any more.
  std::optional<std::string> state_at(std::size_t document, const std::string& field,
                                      std::int64_t moment_ms) const;
  // Everything a permission or constraint may say is allowed from now on.
  void allow_everything();

 private:
  enum class Level : std::uint8_t { none, read, write };

  using TemporaryKey = std::pair<std::uint32_t, std::uint64_t>;  // of a principal

  // What survives a crash.
  struct Tables {
    std::vector<Document> documents;
    std::map<TemporaryKey, std::size_t> temporary_keys;
    std::map<std::string, bool> deferred;
    std::map<std::pair<std::size_t, std::uint32_t>, Level> levels;
    std::int64_t bound = 0;  // a constraint: no counter is further from zero; 0: none
    ReplicaId replica = 0;   // converge.node
    std::uint64_t next_xid = 1;
  };

  struct Backup {
    Tables tables;
    Ledger::Moment moment;
  };

  // A connection as the bridge knows it.
  struct Peer {
    std::size_t document = 0;
    std::uint32_t principal = 0;
    bool watching = false;           // the worker forwards the document
    bool subscribed = false;         // and the pull was answered
    std::vector<Change> meanwhile;   // what came between
    std::uint32_t request = 0;       // its last Subscribe
    LogVersion version;              // what was sent to it
    ReplicaId own_replica = 0;       // under which it pushed last
    std::uint64_t own_seq = 0;       // and up to which number
  };

  struct WaitingPush {
    ConnectionId connection = 0;
    std::size_t document = 0;
    std::uint32_t principal = 0;
    std::vector<Change> changes;
    std::uint64_t temporary_key = 0;  // instead of the document, which is perhaps to be made
  };

  struct WaitingPull {
    ConnectionId connection = 0;
    Subscribe subscribe;
    Document seen;  // for a planted fault
  };

  struct Verdict {
    Code code = Code::ok;
    std::uint64_t expected_seq = 0;
  };

  struct Reply {
    ConnectionId connection = 0;
    std::size_t document = 0;
    Message message;
  };

  // Holds the lock of every document that it has changed.
  struct Transaction {
    std::uint64_t xid = 0;
    bool sql = false;
    std::map<std::size_t, Document> documents;  // as it sees and leaves them
    std::map<TemporaryKey, std::size_t> made;   // nobody else makes a document of that name
    std::vector<std::pair<std::size_t, LoggedChangePtr>> appended;
    std::vector<Reply> replies;
    std::vector<Reply> apologies;  // instead, if it is rolled back
    std::vector<WaitingPush> pushes;
  };

  // What a backend remembers of the identifiers it made (extension/types/minting.h).
  struct Minted {
    FieldType type;
    ReplicaId replica;
    std::uint64_t counter;
  };

  // server.cpp
  Transaction& begin(bool sql);
  bool locked(std::size_t document) const;
  Document& lock(Transaction& transaction, std::size_t document);
  void answer(const Reply& reply);
  void finish_commit(std::list<Transaction>::iterator at);
  void forward(std::size_t document, const Change& change);
  void stop(bool bridge_too);
  void refill();
  std::uint64_t oldest_running_xid() const;

  // server_push.cpp
  void push(Transaction& transaction, const WaitingPush& push);
  bool must_wait(const WaitingPush& push) const;
  void create(Transaction& transaction, WaitingPush push);
  std::optional<std::size_t> find_made(const Transaction& transaction, const TemporaryKey& name) const;
  std::size_t make_document(Transaction& transaction, const TemporaryKey& name);
  void apply_range(Transaction& transaction, Document& document, const WaitingPush& push, std::size_t first,
                   std::size_t end, std::vector<Verdict>& verdicts);
  Verdict decide(Transaction& transaction, Document& document, const WaitingPush& push,
                 const Change& change, std::optional<Code> reason);
  bool violates_constraint(const Change& change) const;
  bool meets_its_expectation(const Document& document, const WaitingPush& push, const Change& change) const;
  std::optional<Code> content_problem(const WaitingPush& push, const Change& change) const;
  bool may_author(const Document& document, const WaitingPush& push, const Change& change) const;
  bool adds_as(const Document& document, const FieldDelta& delta, ReplicaId author) const;
  bool is_of_past_epoch(const Writer& writer) const;
  void append(Transaction& transaction, std::size_t number, Document& document,
              std::uint32_t principal, Change change, std::uint64_t hash);
  void append_own(Transaction& transaction, std::size_t number, Document& document, Change change);
  void merge_into_row(Document& document, const FieldDelta& delta);
  void apply_again(Document& document, const Change& change);
  ReplicaId replica_for(FieldType type, const VersionVector& version);

  // server_quarantine.cpp
  bool violates_bound(const Row& before, const Row& after) const;
  void fold_document(Document& document, const Document& source) const;
  void fold_range(Document& document, std::span<const LoggedChangePtr> changes) const;
  void note_quarantine(std::size_t number, const Quarantine& before, const Quarantine& after);
  Quarantine::const_iterator draw_quarantined(Random& random, std::size_t* number) const;

  // server_upkeep.cpp
  Subscribed pull(const Document& document, const Subscribe& subscribe) const;
  std::string current(const Document& document, const std::string& field) const;
  static UnfoldedChanges waiting(const Document& document);
  void drop(Document& document, ReplicaId replica, std::uint64_t until);

  Environment& world_;
  bool running_ = true;
  std::int64_t epoch_ = 1;
  std::int64_t last_epoch_ = 1;
  Tables committed_;
  Tables flushed_;  // as committed_, but for a planted fault
  std::vector<Backup> backups_;
  std::list<Transaction> transactions_;
  std::map<ConnectionId, Peer> peers_;
  std::deque<WaitingPush> pushes_;
  std::deque<WaitingPull> pulls_;
  std::vector<std::pair<std::size_t, Change>> stream_;  // what was decoded lately
  std::vector<Minted> minted_;
  Hlc hlc_;
};

// Makes a changed copy of a replica's part of the tables.
Writer& edit_writer(Document& document, ReplicaId replica);

}  // namespace converge::simulation
