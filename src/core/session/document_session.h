// One client's view of one document: its journal of local changes, their
// numbers, what the server acknowledged or refused, and the states that follow.
// No I/O and no clock: the caller passes the time and carries the messages, so
// that the browser, the command line and the simulator run the same code.
//
// Two states are kept for each field: `confirmed` (what the server is known to
// hold) and `visible` (confirmed, and the journal on top).
//
// Numbers. A replica's changes of this document are numbered from 1 without a
// gap. A session draws its replica at its first edit, and a new one after a
// refusal, after load() and when the server forgot something: a number or an
// identifier is never used again for other content, even if the end of a saved
// journal was lost. Only the changes of one replica are offered at a time, the
// oldest one's, so that a refusal always finds everything behind it unsent or
// refused too.
//
// Acknowledged is what the server said it committed (on_ack), and what comes
// back as a logged change of an own replica, which proves the same. That a log
// version covers a number proves nothing about its content: it may have been
// refused. Such a change is offered again and gets its verdict.
//
// A refusal ends the replica on this document. Visible is rolled back to what
// stood before the refused change, and the journal's later edits are made again
// under a new replica where they still make sense: texts are edited at the places
// that correspond, keys are set that nobody has set since, elements are added and
// removed, counters incremented. Who keeps sessions across restarts saves after a
// refusal, and after a pull that needs_pull() asked for, before anything is sent: an
// older journal would make them once more, or offer them under other numbers, which
// may be refused although these were not.
//
// Packets. A change may be made on terms: once, so that it is committed as it was
// made or lost, and expecting that nobody else has written since what this session
// had seen. Such a change is never made again: it is lost with the refusal of one
// before it, and when the server is restored before it was acknowledged.
//
// Recovery. When the server has another epoch than before, or asks for a number
// that it had acknowledged, it was restored and may have forgotten changes. The
// session then says needs_pull() and, from an empty log_version(), learns what
// the server holds; everything else that it has, others' changes too, it offers
// as one change under a new replica. reconcile() makes one change of what waits, for
// a client that was away for long.
//
// Not for use by several threads at once. On an error nothing has changed,
// unless said otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock/hlc.h"
#include "core/clock/log_version.h"
#include "core/field.h"
#include "core/result.h"
#include "core/session/live_field.h"
#include "core/session/text_splice.h"

namespace converge::session {

// Bounds on what waits for an acknowledgement; begin_change() refuses more.
inline constexpr std::size_t kMaxJournalChanges = std::size_t{1} << 18;
inline constexpr std::size_t kMaxJournalBytes = std::size_t{64} << 20;

// What the session understands of wire.Code, by its numbers.
enum class Code : std::uint32_t {
  ok = 0,
  duplicate = 1,
  gap = 2,
  denied = 3,
  after_refused = 8,
  unknown_document = 9,
  unauthenticated = 11,
  unavailable = 12,
  limit = 15,
  expectation_failed = 16,
  aborted = 17,
  violates_constraint = 18,
};

// wire.Operation.
enum class Operation : std::uint32_t { update = 0, insert = 1, remove = 2 };

struct FieldInfo {
  std::string field;
  FieldType type;
};

struct FieldDelta {
  std::string field;
  std::string delta;  // an encoded state (field.h)

  friend bool operator==(const FieldDelta&, const FieldDelta&) = default;
};

// A change as it travels: the caller turns it into wire.Change and back.
struct Change {
  ReplicaId replica = 0;
  std::uint64_t seq = 0;
  std::uint64_t hlc = 0;
  std::vector<FieldDelta> fields;
  Operation operation = Operation::update;
  bool refused = false;  // a number without a payload, where the replica ended
  // wire.Push.expect: a log_version, encoded; empty: nothing is expected.
  std::string expect;
};

// What a local change asks beside its edits.
struct Terms {
  bool once = false;    // it is never made again: committed as it is, or lost
  bool expect = false;  // only if nobody else has written since; then also once
};

// What changed in the visible state, for whoever shows it.
struct Update {
  struct Field {
    std::string field;
    // For texts, if observe_text() is on: to be applied in this order.
    std::vector<TextSplice> splices;
  };
  std::vector<Field> fields;
  bool deleted = false;     // the row went
  bool needs_pull = false;  // as needs_pull()
};

// What the caller must tell the user after a refusal.
struct Refusal {
  std::uint64_t seq = 0;
  std::uint32_t code = 0;         // wire.Code
  std::string message;
  std::vector<FieldDelta> lost;   // the deltas that are no part of the document any more
  std::size_t reapplied = 0;      // later changes made again under the new replica
  Update update;
};

class DocumentSession {
 public:
  // `draw_replica` gives a random replica below 2^53, another one at each call.
  explicit DocumentSession(std::function<ReplicaId()> draw_replica);

  // ---- what the server says

  // Its epoch (Welcome, PullResponse). Another one than before begins the recovery;
  // take_refusal() says what is lost by that. A pull that was asked for with the
  // log_version() of before does not end it, but where the server has nothing.
  void on_epoch(std::uint64_t epoch);

  // The document's fields. One that is known already must keep its type.
  // Errors: wrong_type, invalid (a type that the core does not know).
  Result<void> on_fields(const std::vector<FieldInfo>& fields);

  // A whole state at an encoded log_version.
  // Errors: those of decoding and merging.
  Result<Update> on_state(const std::vector<FieldDelta>& fields, std::string_view log_version);

  // Changes from a pull or live, in the order they came. What is known is
  // skipped. A number that leaves a hole is not applied, and needs_pull() then.
  // Errors: those of decoding and merging; the changes before the faulty one
  // are applied.
  Result<Update> on_changes(const std::vector<Change>& changes);

  // The end of a pull: what the client has now (PullResponse.log_version).
  // Ends a recovery with the offer of what the server lacks. Where the pull began
  // from another version than this session's and leaves a hole, needs_pull() says
  // that another one is to be asked for. Call it after on_state() or on_changes()
  // of every pull.
  Result<void> on_caught_up(std::string_view log_version);

  // All changes of the replica up to `seq` are committed and flushed.
  Result<void> on_ack(ReplicaId replica, std::uint64_t seq);

  // A verdict against a change. Nothing is returned where it is no refusal:
  // a gap (send from expected_seq on), unavailable, unauthenticated or limit
  // (send the same numbers later), or a replica that is past already.
  Result<std::optional<Refusal>> on_reject(ReplicaId replica, std::uint64_t seq,
                                           std::uint32_t code, std::string_view message,
                                           std::uint64_t expected_seq);

  // Changes on terms that are lost without a verdict, if there are any.
  std::optional<Refusal> take_refusal();

  // ---- local edits: a change is what stands between begin and commit

  // Errors: invalid (a change is open already, the document is deleted; what waits is
  // to be offered as one change, and this one is on terms), too_large (the journal is full), clock.
  Result<void> begin_change(std::uint64_t now_ms, Terms terms = {});

  // Positions and counts in characters. Errors: invalid (no change is open, no
  // such field, a field of another type) and those of the field's type. An edit
  // that fails leaves the open change as it was.
  Result<void> text_insert(std::string_view field, std::uint64_t at, std::string_view utf8);
  Result<void> text_delete(std::string_view field, std::uint64_t at, std::uint64_t count);
  Result<void> text_splice(std::string_view field, std::uint64_t at, std::uint64_t count,
                           std::string_view utf8);
  Result<void> text_assign(std::string_view field, std::string_view utf8);
  Result<void> map_set(std::string_view field, std::string_view key, std::string_view json);
  Result<void> map_unset(std::string_view field, std::string_view key);
  // An or_set or an lww_set.
  Result<void> set_add(std::string_view field, std::string_view element);
  Result<void> set_remove(std::string_view field, std::string_view element);
  // A pn_counter, or a g_counter (which refuses n below 0 as out_of_range).
  Result<void> counter_increment(std::string_view field, std::int64_t n);
  // An mv_register.
  Result<void> register_assign(std::string_view field, std::string_view json);

  // As begin_change(), for the change that makes the document: the first of a
  // session that has its fields (on_fields()) and knows nothing else. Until it is
  // acknowledged it is the only one that is offered, because nobody can subscribe to
  // a document that is not there. Refused, it takes all later changes with it.
  // Errors: also invalid (the document is there, or being made).
  Result<void> begin_creation(std::uint64_t now_ms);
  // Whether the document is to be made yet: the journal begins with that change.
  bool creating() const {
    return !journal_.empty() && journal_.front().change.operation == Operation::insert;
  }

  // Numbers the change and puts it into the journal; nullptr if it changed
  // nothing and makes nothing. The pointer holds until the session is used again.
  Result<const Change*> commit_change();

  // ---- what to send

  // Changes to offer, in order, from `from_seq` on, until they hold `max_bytes`
  // of deltas (one at least). All are of one replica. One that expects something
  // comes alone, to be sent by itself. None while a recovery runs, or what waits is to
  // be made one change.
  std::vector<Change> unacknowledged(std::uint64_t from_seq = 0,
                                     std::size_t max_bytes = ~std::size_t{0}) const;
  // The number of changes without a verdict. While a recovery runs at least one:
  // what the server lacks will be offered, and nobody knows yet whether that is nothing.
  std::size_t pending() const { return recovering_ && journal_.empty() ? 1 : journal_.size(); }
  // Whether there is no verdict yet on this change of the session's own.
  bool awaits(ReplicaId replica, std::uint64_t seq) const;

  // Offers what waits as one change, under a new replica, in place of one change
  // after the other: when the next pull has told what of it the server has. Nobody
  // but the author learns in which steps it came about, and a refusal takes all of
  // it. (Others' edits are no part of it: what the server left out of the document
  // on purpose is not for this user to offer.) Call it before log_version() is used.
  // Does nothing while fewer than two changes wait, or one that was made on terms,
  // or the document is to be made.
  void reconcile();

  // For Subscribe.since: encoded, every change up to it is known.
  std::string log_version() const { return log_version_.encode(); }

  // Whether live changes are not enough: subscribe again from log_version().
  bool needs_pull() const { return recovering_ || reconciling_ || !missing_.empty(); }
  std::uint64_t epoch() const { return epoch_; }
  bool deleted() const { return deleted_; }

  // ---- what the user sees

  std::vector<FieldInfo> fields() const;
  // Errors: invalid (no such field, a field of another type).
  Result<std::string> text(std::string_view field) const;
  Result<std::string> map_json(std::string_view field) const;
  Result<std::vector<std::string>> set_elements(std::string_view field) const;
  // Errors: also out_of_range.
  Result<std::int64_t> counter_value(std::string_view field) const;
  Result<std::vector<std::string>> register_values(std::string_view field) const;
  Result<std::string> state(std::string_view field) const;
  // The live value, for more than the above; nullptr if there is no such field
  // of that type. The pointer holds until the session is used again.
  const Text* find_text(std::string_view field) const;
  const LwwMap* find_map(std::string_view field) const;
  const OrSet* find_set(std::string_view field) const;

  // Whether an Update tells text changes as splices. It costs a comparison of
  // the whole text at each call that changes it.
  void observe_text(bool observe) { observe_text_ = observe; }

  // ---- keeping it across a restart

  // Everything but an open change. Encoded for this purpose alone, in a form
  // that only the same or a later version reads.
  std::string save() const;
  // Into a session that has not been used. Errors: malformed, invalid.
  Result<void> load(std::string_view bytes);
  // Takes over what another session of this user saved and does not use any more:
  // its journal, which is offered as it is, and what it knew. Errors: malformed,
  // wrong_type, and invalid while this session has changes of its own to offer, or
  // a recovery runs.
  Result<Update> adopt(std::string_view bytes);

 private:
  struct Field {
    LiveField confirmed;
    LiveField visible;
  };

  // A local edit as it was meant, to be made again after a refusal. Texts need
  // none: their deltas tell it.
  struct Edit {
    enum class Kind : std::uint8_t {
      map_set,
      map_unset,
      set_add,
      set_remove,
      counter_increment,
      register_assign,
    };
    static constexpr std::uint64_t kKinds = 6;
    Kind kind;
    std::string field;
    std::string key;
    std::string value;  // JSON, or an increment in decimal

    // Whether it can be made on such a field at all.
    bool fits(const LiveField& field) const;
  };

  struct JournalEntry {
    // Written out: with an initializer of `once` instead, a std::optional in this class
    // could not make one, because a nested class has its initializers only when the
    // class around it is whole.
    JournalEntry() : once(false) {}

    Change change;
    std::vector<Edit> edits;
    bool once;
    std::size_t bytes() const;
  };

  class Observer;
  class Replay;

  using Fields = std::map<std::string, Field, std::less<>>;

  Result<Field*> field_for_delta(const FieldDelta& delta);
  Result<LiveField*> editable(std::string_view field);
  template <class State>
  Result<State*> editable(std::string_view field);
  Result<void> record(std::string_view field, std::string delta, std::optional<Edit> edit);
  ReplicaId replica();
  Result<void> apply(const Change& change, Observer& observer);
  void forget_filled_holes();
  Result<void> confirm_front();
  Result<void> confirm_before(std::size_t index);
  Result<Refusal> roll_back(std::size_t index, std::uint32_t code, std::string_view message);
  void append_to_journal(JournalEntry entry);
  std::size_t first_once() const;
  void start_recovery();
  Result<void> offer_what_server_lacks();

  std::function<ReplicaId()> draw_replica_;
  Fields fields_;
  std::deque<JournalEntry> journal_;
  std::size_t journal_bytes_ = 0;
  LogVersion log_version_;
  LogVersion missing_;                   // numbers the server has, beyond holes in what is known here
  Hlc hlc_;
  std::uint64_t epoch_ = 0;              // 0: none seen yet
  std::optional<ReplicaId> replica_;     // of the next change
  std::uint64_t next_seq_ = 1;
  std::optional<JournalEntry> open_;     // the change between begin and commit
  std::uint64_t now_ms_ = 0;             // its time
  bool recovering_ = false;
  bool reconciling_ = false;             // what waits becomes one change at the next pull's end
  bool deleted_ = false;
  bool observe_text_ = false;
  std::optional<Refusal> given_up_;      // until it is taken
};

}  // namespace converge::session
