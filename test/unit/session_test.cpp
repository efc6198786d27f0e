// The session against a small model of the server: a log per replica, numbered
// without gaps, and the joined state.
#include "core/session/document_session.h"

#include <gtest/gtest.h>

#include <set>

#include "core/session/text_alignment.h"

namespace converge::session {
namespace {

class Server {
 public:
  Server() {
    for (const FieldInfo& info : fields()) states_[info.field] = empty_state(info.type);
  }

  static std::vector<FieldInfo> fields() {
    return {{"body", FieldType::crdt_text},
            {"props", FieldType::lww_map},
            {"tags", FieldType::or_set}};
  }

  // Takes one change as push() does; the verdict.
  Code push(const Change& change) {
    if (refused_.contains(change.replica)) return Code::after_refused;
    std::uint64_t last = version_.get(change.replica);
    if (change.seq <= last) return Code::duplicate;
    if (change.seq > last + 1) return Code::gap;
    append(change);
    return Code::ok;
  }

  void refuse(const Change& change) {
    refused_.insert(change.replica);
    Change row;
    row.replica = change.replica;
    row.seq = change.seq;
    row.refused = true;
    append(row);
  }

  // Pushes all that the session offers, and acknowledges it.
  void sync(DocumentSession& session) {
    for (const Change& change : session.unacknowledged()) {
      Code code = push(change);
      ASSERT_TRUE(code == Code::ok || code == Code::duplicate);
      ASSERT_TRUE(session.on_ack(change.replica, change.seq).ok());
    }
  }

  std::vector<Change> changes_since(std::string_view log_version) const {
    LogVersion since = LogVersion::decode(log_version).value();
    std::vector<Change> lacking;
    for (const Change& change : log_) {
      if (change.seq > since.get(change.replica)) lacking.push_back(change);
    }
    return lacking;
  }

  void subscribe(DocumentSession& session) const {
    ASSERT_TRUE(session.on_fields(fields()).ok());
    ASSERT_TRUE(session.on_changes(changes_since(session.log_version())).ok());
    ASSERT_TRUE(session.on_caught_up(version_.encode()).ok());
  }

  std::vector<FieldDelta> state() const {
    std::vector<FieldDelta> fields;
    for (const auto& [name, state] : states_) fields.push_back({name, state});
    return fields;
  }

  std::string version() const { return version_.encode(); }
  const std::vector<Change>& log() const { return log_; }
  const std::string& state(const std::string& field) const { return states_.at(field); }

 private:
  void append(const Change& change) {
    log_.push_back(change);
    version_.set(change.replica, change.seq);
    for (const FieldDelta& delta : change.fields) {
      auto& state = states_[delta.field];
      auto type = field_type(state).value();
      state = merge(type, state, delta.delta).value();
    }
  }

  std::vector<Change> log_;
  LogVersion version_;
  std::map<std::string, std::string> states_;
  std::set<ReplicaId> refused_;
};

std::function<ReplicaId()> replicas_from(ReplicaId first) {
  return [next = first]() mutable { return next++; };
}

class Session : public ::testing::Test {
 protected:
  Session() : anna(replicas_from(100)), bert(replicas_from(200)) {
    server.subscribe(anna);
    server.subscribe(bert);
  }

  void type(DocumentSession& session, std::uint64_t at, std::string_view text) {
    ASSERT_TRUE(session.begin_change(++now).ok());
    ASSERT_TRUE(session.text_insert("body", at, text).ok());
    ASSERT_TRUE(session.commit_change().ok());
  }

  void erase(DocumentSession& session, std::uint64_t at, std::uint64_t count) {
    ASSERT_TRUE(session.begin_change(++now).ok());
    ASSERT_TRUE(session.text_delete("body", at, count).ok());
    ASSERT_TRUE(session.commit_change().ok());
  }

  void set(DocumentSession& session, std::string_view key, std::string_view json) {
    ASSERT_TRUE(session.begin_change(++now).ok());
    ASSERT_TRUE(session.map_set("props", key, json).ok());
    ASSERT_TRUE(session.commit_change().ok());
  }

  void tag(DocumentSession& session, std::string_view element) {
    ASSERT_TRUE(session.begin_change(++now).ok());
    ASSERT_TRUE(session.set_add("tags", element).ok());
    ASSERT_TRUE(session.commit_change().ok());
  }

  void untag(DocumentSession& session, std::string_view element) {
    ASSERT_TRUE(session.begin_change(++now).ok());
    ASSERT_TRUE(session.set_remove("tags", element).ok());
    ASSERT_TRUE(session.commit_change().ok());
  }

  Refusal refuse(DocumentSession& session, std::uint64_t seq, Code code) {
    auto offered = session.unacknowledged(seq);
    server.refuse(offered.at(0));
    auto refusal = session.on_reject(offered.at(0).replica, seq, static_cast<std::uint32_t>(code),
                                     "no", 0);
    EXPECT_TRUE(refusal.ok() && refusal->has_value());
    return refusal.ok() && *refusal ? **refusal : Refusal{};
  }

  void expect_equal_to_server(const DocumentSession& session) {
    for (const FieldInfo& info : Server::fields()) {
      EXPECT_EQ(session.state(info.field).value(), server.state(info.field)) << info.field;
    }
  }

  static constexpr Code kMalformed = static_cast<Code>(4);
  Server server;
  DocumentSession anna, bert;
  std::uint64_t now = 1000;
};

std::string text(const DocumentSession& session) { return session.text("body").value(); }
std::string props(const DocumentSession& session) { return session.map_json("props").value(); }
std::vector<std::string> tags(const DocumentSession& session) {
  return session.set_elements("tags").value();
}

// ---- numbers, acknowledgement, resending

TEST_F(Session, numbers_its_changes_from_one_without_gaps) {
  type(anna, 0, "a");
  set(anna, "k", "1");
  tag(anna, "t");
  const auto offered = anna.unacknowledged();
  ASSERT_EQ(offered.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(offered[i].seq, i + 1);
    EXPECT_EQ(offered[i].replica, 100u);
    EXPECT_EQ(offered[i].fields.size(), 1u);
  }
  EXPECT_LT(offered[0].hlc, offered[1].hlc);
}

TEST_F(Session, one_change_may_hold_edits_of_several_fields) {
  ASSERT_TRUE(anna.begin_change(1).ok());
  ASSERT_TRUE(anna.text_insert("body", 0, "ab").ok());
  ASSERT_TRUE(anna.text_insert("body", 1, "-").ok());
  ASSERT_TRUE(anna.map_set("props", "k", "1").ok());
  ASSERT_TRUE(anna.map_set("props", "l", "2").ok());
  auto change = anna.commit_change();
  ASSERT_TRUE(change.ok());
  EXPECT_EQ((*change)->fields.size(), 2u);
  server.sync(anna);
  server.subscribe(bert);
  EXPECT_EQ(text(bert), "a-b");
  EXPECT_EQ(props(bert), R"({"k":1,"l":2})");
}

TEST_F(Session, a_change_that_changed_nothing_has_no_number) {
  ASSERT_TRUE(anna.begin_change(1).ok());
  ASSERT_TRUE(anna.set_remove("tags", "absent").ok());
  auto change = anna.commit_change();
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(*change, nullptr);
  EXPECT_TRUE(anna.unacknowledged().empty());
}

TEST_F(Session, an_edit_that_fails_leaves_the_open_change_as_it_was) {
  ASSERT_TRUE(anna.begin_change(1).ok());
  ASSERT_TRUE(anna.text_insert("body", 0, "ab").ok());
  EXPECT_EQ(anna.text_insert("body", 9, "x").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(anna.map_set("props", "k", "{").error().code, ErrorCode::malformed);
  EXPECT_EQ(anna.map_set("body", "k", "1").error().message, "field has another type");
  EXPECT_EQ(anna.set_add("nothing", "k").error().message, "no such field");
  auto change = anna.commit_change();
  ASSERT_TRUE(change.ok());
  EXPECT_EQ((*change)->fields.size(), 1u);
  EXPECT_EQ(text(anna), "ab");
}

TEST_F(Session, edits_stand_between_begin_and_commit) {
  EXPECT_EQ(anna.text_insert("body", 0, "x").error().message, "no change is open");
  EXPECT_FALSE(anna.commit_change().ok());
  ASSERT_TRUE(anna.begin_change(1).ok());
  EXPECT_FALSE(anna.begin_change(1).ok());
  EXPECT_FALSE(anna.on_changes({}).ok());
}

TEST_F(Session, an_ack_empties_the_journal_up_to_its_number) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  type(anna, 2, "c");
  ASSERT_TRUE(anna.on_ack(100, 2).ok());
  ASSERT_EQ(anna.unacknowledged().size(), 1u);
  EXPECT_EQ(anna.unacknowledged()[0].seq, 3u);
  EXPECT_EQ(LogVersion::decode(anna.log_version()).value().get(100), 2u);
  ASSERT_TRUE(anna.on_ack(100, 2).ok());  // again
  ASSERT_TRUE(anna.on_ack(999, 7).ok());  // of somebody else
  EXPECT_EQ(anna.journal_size(), 1u);
  EXPECT_EQ(text(anna), "abc");
}

TEST_F(Session, offers_again_what_was_not_acknowledged) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  const auto first = anna.unacknowledged();
  EXPECT_EQ(server.push(first[0]), Code::ok);  // and the connection breaks
  const auto again = anna.unacknowledged();
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(server.push(again[0]), Code::duplicate);
  EXPECT_EQ(server.push(again[1]), Code::ok);
  ASSERT_TRUE(anna.on_ack(100, 2).ok());
  EXPECT_TRUE(anna.unacknowledged().empty());
  expect_equal_to_server(anna);
}

TEST_F(Session, offers_from_a_number_and_up_to_a_size) {
  for (int i = 0; i < 5; ++i) type(anna, 0, "x");
  EXPECT_EQ(anna.unacknowledged(4).size(), 2u);
  EXPECT_EQ(anna.unacknowledged(4)[0].seq, 4u);
  EXPECT_EQ(anna.unacknowledged(0, 1).size(), 1u);
  EXPECT_TRUE(anna.unacknowledged(6).empty());
}

TEST_F(Session, a_gap_is_no_refusal) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  auto verdict = anna.on_reject(100, 2, static_cast<std::uint32_t>(Code::gap), "", 1);
  ASSERT_TRUE(verdict.ok());
  EXPECT_FALSE(verdict->has_value());
  EXPECT_EQ(anna.unacknowledged(1).size(), 2u);
  EXPECT_FALSE(anna.needs_pull());
}

TEST_F(Session, what_is_only_unavailable_is_kept) {
  type(anna, 0, "a");
  for (Code code : {Code::unavailable, Code::unauthenticated, Code::limit}) {
    auto verdict = anna.on_reject(100, 1, static_cast<std::uint32_t>(code), "", 0);
    ASSERT_TRUE(verdict.ok());
    EXPECT_FALSE(verdict->has_value());
  }
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
}

TEST_F(Session, refuses_more_than_the_journal_may_hold) {
  for (std::size_t i = 0; i < kMaxJournalChanges; ++i) tag(anna, "t");
  EXPECT_EQ(anna.begin_change(1).error().code, ErrorCode::too_large);
  ASSERT_TRUE(anna.on_ack(100, 10).ok());
  EXPECT_TRUE(anna.begin_change(1).ok());
}

// ---- what comes from others

TEST_F(Session, skips_what_it_knows) {
  type(bert, 0, "x");
  server.sync(bert);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(anna.on_changes(server.log()).ok());
  EXPECT_EQ(text(anna), "x");
  expect_equal_to_server(anna);
}

TEST_F(Session, a_hole_asks_for_a_pull_and_nothing_is_skipped) {
  for (int i = 0; i < 3; ++i) type(bert, static_cast<std::uint64_t>(i), "x");
  set(bert, "k", "1");
  server.sync(bert);
  auto log = server.log();
  Change other;
  other.replica = 7;
  other.seq = 1;
  std::string delta;
  OrSet set;
  ASSERT_TRUE(set.add(7, "seven", &delta).ok());
  other.fields = {{"tags", delta}};
  server.push(other);
  auto update = anna.on_changes({log[0], log[2], log[3], other});
  ASSERT_TRUE(update.ok());
  EXPECT_TRUE(update->needs_pull);
  EXPECT_EQ(text(anna), "x");
  EXPECT_EQ(tags(anna), std::vector<std::string>{"seven"});
  EXPECT_EQ(LogVersion::decode(anna.log_version()).value().to_text(), R"({"7": 1, "200": 1})");
  server.subscribe(anna);
  EXPECT_FALSE(anna.needs_pull());
  expect_equal_to_server(anna);
}

TEST_F(Session, its_own_change_coming_back_proves_the_commit) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  for (const Change& change : anna.unacknowledged()) server.push(change);
  ASSERT_TRUE(anna.on_changes(server.log()).ok());
  EXPECT_EQ(anna.journal_size(), 0u);
  EXPECT_EQ(text(anna), "ab");
  ASSERT_TRUE(anna.on_ack(100, 2).ok());
  expect_equal_to_server(anna);
}

TEST_F(Session, a_state_covers_changes_but_acknowledges_none) {
  type(bert, 0, "old ");
  server.sync(bert);
  type(anna, 0, "a");
  const auto offered = anna.unacknowledged();
  server.push(offered[0]);
  ASSERT_TRUE(anna.on_state(server.state(), server.version()).ok());
  ASSERT_TRUE(anna.on_caught_up(server.version()).ok());
  EXPECT_EQ(anna.log_version(), server.version());
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
  server.sync(anna);
  EXPECT_EQ(anna.journal_size(), 0u);
  expect_equal_to_server(anna);
}

TEST_F(Session, a_field_that_was_added_since_comes_with_its_first_change) {
  LwwMap map;
  std::string delta;
  ASSERT_TRUE(map.set(7, 1, "k", "1", &delta).ok());
  Change change;
  change.replica = 7;
  change.seq = 1;
  change.fields = {{"extra", delta}};
  ASSERT_TRUE(anna.on_changes({change}).ok());
  EXPECT_EQ(anna.map_json("extra").value(), R"({"k":1})");
  EXPECT_EQ(anna.on_fields({{"extra", FieldType::or_set}}).error().code, ErrorCode::wrong_type);
}

TEST_F(Session, tells_when_the_row_went) {
  Change change;
  change.replica = 7;
  change.seq = 1;
  change.operation = Operation::remove;
  auto update = anna.on_changes({change});
  ASSERT_TRUE(update.ok());
  EXPECT_TRUE(update->deleted);
  EXPECT_EQ(anna.begin_change(1).error().message, "the document is deleted");
}

TEST_F(Session, tells_how_a_text_changed) {
  anna.observe_text(true);
  type(anna, 0, "h😀llo");
  type(bert, 0, "ö");
  server.sync(anna);
  server.subscribe(bert);
  erase(bert, 2, 2);
  server.sync(bert);
  const std::string before = text(anna);
  auto update = anna.on_changes(server.changes_since(anna.log_version()));
  ASSERT_TRUE(update.ok());
  ASSERT_EQ(update->fields.size(), 1u);
  ASSERT_EQ(update->fields[0].splices.size(), 1u);
  EXPECT_EQ(update->fields[0].splices[0], *splice_between(before, text(anna)));
  update = anna.on_changes(server.log());
  ASSERT_TRUE(update.ok());
  EXPECT_TRUE(update->fields.empty());
}

TEST_F(Session, a_change_that_makes_no_sense_is_named) {
  Change change;
  change.replica = 7;
  change.seq = 1;
  change.fields = {{"body", "\x31garbage"}};
  EXPECT_EQ(anna.on_changes({change}).error().code, ErrorCode::malformed);
  change.fields = {{"body", "\x11"}};
  EXPECT_EQ(anna.on_changes({change}).error().code, ErrorCode::wrong_type);
  change.replica = kReplicaLimit;
  EXPECT_EQ(anna.on_changes({change}).error().message, "malformed change");
  EXPECT_EQ(anna.log_version(), LogVersion().encode());
}

// ---- refusal

TEST_F(Session, a_refusal_takes_back_the_change_and_makes_the_later_ones_again) {
  type(anna, 0, "base");
  server.sync(anna);
  type(anna, 4, " bad");
  type(anna, 0, "good ");
  set(anna, "k", "1");
  tag(anna, "t");
  EXPECT_EQ(text(anna), "good base bad");
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.seq, 2u);
  EXPECT_EQ(refusal.lost.size(), 1u);
  EXPECT_EQ(refusal.reapplied, 3u);
  EXPECT_EQ(text(anna), "good base");
  EXPECT_EQ(props(anna), R"({"k":1})");
  const auto offered = anna.unacknowledged();
  ASSERT_EQ(offered.size(), 3u);
  EXPECT_EQ(offered[0].replica, 101u);
  EXPECT_EQ(offered[0].seq, 1u);
  server.sync(anna);
  server.subscribe(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, typing_behind_a_refused_character_stays_in_its_place) {
  type(anna, 0, "[]");
  server.sync(anna);
  type(anna, 1, "h");
  for (std::uint64_t i = 0; i < 4; ++i) type(anna, 2 + i, std::string(1, "ello"[i]));
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.reapplied, 4u);
  EXPECT_EQ(text(anna), "[ello]");
}

TEST_F(Session, what_a_refused_deletion_took_comes_back) {
  type(anna, 0, "abcdef");
  server.sync(anna);
  erase(anna, 1, 3);      // a ef
  type(anna, 1, "X");     // aXef
  erase(anna, 0, 1);      // Xef
  erase(anna, 1, 1);      // Xf
  EXPECT_EQ(text(anna), "Xf");
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.reapplied, 3u);
  EXPECT_EQ(text(anna), "Xbcdf");
}

TEST_F(Session, a_deletion_of_refused_text_alone_has_nothing_left_to_do) {
  type(anna, 0, "ab");
  server.sync(anna);
  type(anna, 1, "xyz");
  erase(anna, 2, 1);
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.reapplied, 0u);
  EXPECT_EQ(refusal.lost.size(), 2u);
  EXPECT_EQ(text(anna), "ab");
  EXPECT_EQ(anna.journal_size(), 0u);
}

TEST_F(Session, keys_that_others_set_since_are_left_to_them) {
  set(anna, "k", "\"refused\"");
  set(anna, "k", "\"mine\"");
  set(anna, "l", "\"mine too\"");
  now += 1000;
  set(bert, "k", "\"theirs\"");
  server.sync(bert);
  server.subscribe(anna);
  EXPECT_EQ(props(anna), R"({"k":"theirs","l":"mine too"})");
  const Refusal refusal = refuse(anna, 1, kMalformed);
  EXPECT_EQ(refusal.reapplied, 1u);
  EXPECT_EQ(props(anna), R"({"k":"theirs","l":"mine too"})");
  server.sync(anna);
  server.subscribe(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, removals_are_made_again_but_spare_what_others_added) {
  tag(anna, "a");
  tag(anna, "b");
  server.sync(anna);
  server.subscribe(bert);
  tag(anna, "refused");
  untag(anna, "a");
  untag(anna, "b");
  untag(anna, "refused");
  tag(bert, "b");
  server.sync(bert);
  server.subscribe(anna);
  const Refusal refusal = refuse(anna, 3, kMalformed);
  EXPECT_EQ(refusal.reapplied, 1u);
  EXPECT_EQ(tags(anna), std::vector<std::string>{"b"});
}

TEST_F(Session, where_writing_is_denied_nothing_is_tried_again) {
  type(anna, 0, "a");
  set(anna, "k", "1");
  const Refusal refusal = refuse(anna, 1, Code::denied);
  EXPECT_EQ(refusal.lost.size(), 2u);
  EXPECT_EQ(refusal.reapplied, 0u);
  EXPECT_EQ(text(anna), "");
  EXPECT_EQ(props(anna), "{}");
  EXPECT_TRUE(anna.unacknowledged().empty());
}

TEST_F(Session, changes_before_the_refused_one_were_committed) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  const auto offered = anna.unacknowledged();
  server.push(offered[0]);
  const Refusal refusal = refuse(anna, 2, kMalformed);
  EXPECT_EQ(refusal.lost.size(), 1u);
  EXPECT_EQ(text(anna), "a");
  server.subscribe(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, a_lost_refusal_is_learned_from_the_next_number) {
  type(anna, 0, "a");
  type(anna, 1, "b");
  type(anna, 2, "c");
  const auto offered = anna.unacknowledged();
  server.push(offered[0]);
  server.refuse(offered[1]);
  auto refusal = anna.on_reject(100, 3, static_cast<std::uint32_t>(Code::after_refused), "", 2);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ((*refusal)->seq, 2u);
  EXPECT_EQ((*refusal)->reapplied, 1u);
  EXPECT_EQ(text(anna), "ac");
  // The verdicts on the old replica's other numbers come late.
  auto late = anna.on_reject(100, 3, static_cast<std::uint32_t>(Code::after_refused), "", 2);
  ASSERT_TRUE(late.ok());
  EXPECT_FALSE(late->has_value());
  EXPECT_EQ(text(anna), "ac");
}

TEST_F(Session, a_refused_number_in_the_log_waits_for_its_verdict) {
  type(anna, 0, "a");
  server.refuse(anna.unacknowledged()[0]);
  ASSERT_TRUE(anna.on_changes(server.log()).ok());
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
  EXPECT_EQ(anna.log_version(), server.version());
  EXPECT_EQ(server.push(anna.unacknowledged()[0]), Code::after_refused);
  auto refusal = anna.on_reject(100, 1, static_cast<std::uint32_t>(Code::after_refused), "", 1);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ(text(anna), "");
}

TEST_F(Session, counters_registers_and_sets_of_the_last_word_go_the_same_way) {
  const std::vector<FieldInfo> more = {{"votes", FieldType::pn_counter},
                                       {"visits", FieldType::g_counter},
                                       {"color", FieldType::mv_register},
                                       {"flags", FieldType::lww_set}};
  ASSERT_TRUE(anna.on_fields(more).ok());
  auto change = [&](auto edit) {
    ASSERT_TRUE(anna.begin_change(++now).ok());
    ASSERT_TRUE(edit().ok());
    ASSERT_TRUE(anna.commit_change().ok());
  };
  change([&] { return anna.counter_increment("votes", 5); });
  change([&] { return anna.counter_increment("votes", -7); });
  change([&] { return anna.counter_increment("visits", 1); });
  change([&] { return anna.register_assign("color", "\"red\""); });
  change([&] { return anna.register_assign("color", "\"blue\""); });
  change([&] { return anna.set_add("flags", "a"); });
  change([&] { return anna.set_add("flags", "b"); });
  change([&] { return anna.set_remove("flags", "a"); });
  ASSERT_TRUE(anna.begin_change(++now).ok());
  EXPECT_EQ(anna.counter_increment("visits", -1).error().message, "a g_counter only grows");
  EXPECT_EQ(anna.counter_increment("color", 1).error().message, "field has another type");
  EXPECT_EQ(anna.set_add("votes", "x").error().message, "field has another type");
  ASSERT_TRUE(anna.commit_change().ok());

  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  EXPECT_EQ(again.counter_value("votes").value(), -2);
  auto refusal = again.on_reject(100, 1, static_cast<std::uint32_t>(kMalformed), "no", 0);
  ASSERT_TRUE(refusal.ok() && refusal->has_value());
  EXPECT_EQ((*refusal)->reapplied, 7u);
  EXPECT_EQ(again.counter_value("votes").value(), -7);
  EXPECT_EQ(again.counter_value("visits").value(), 1);
  EXPECT_EQ(again.register_values("color").value(), std::vector<std::string>{"\"blue\""});
  EXPECT_EQ(again.set_elements("flags").value(), std::vector<std::string>{"b"});
}

// ---- restart

TEST_F(Session, what_was_saved_is_there_again) {
  type(anna, 0, "acknowledged ");
  server.sync(anna);
  type(anna, 0, "journal ");
  set(anna, "k", "[1]");
  tag(anna, "t");
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  EXPECT_EQ(text(again), text(anna));
  EXPECT_EQ(props(again), props(anna));
  EXPECT_EQ(tags(again), tags(anna));
  EXPECT_EQ(again.log_version(), anna.log_version());
  EXPECT_EQ(again.save(), anna.save());
  ASSERT_EQ(again.unacknowledged().size(), 3u);
  EXPECT_EQ(again.unacknowledged()[0].seq, 2u);
}

TEST_F(Session, a_restored_session_writes_under_a_fresh_replica) {
  type(anna, 0, "a");
  const std::string saved = anna.save();
  type(anna, 1, "LOST");  // sent and committed, but the save is older
  for (const Change& change : anna.unacknowledged()) server.push(change);
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(saved).ok());
  type(again, 1, "b");
  // The old replica's changes first; the new one's wait for them.
  ASSERT_EQ(again.unacknowledged().size(), 1u);
  EXPECT_EQ(again.unacknowledged()[0].replica, 100u);
  server.sync(again);
  ASSERT_EQ(again.unacknowledged().size(), 1u);
  EXPECT_EQ(again.unacknowledged()[0].replica, 500u);
  EXPECT_EQ(again.unacknowledged()[0].seq, 1u);
  server.sync(again);
  server.subscribe(again);
  expect_equal_to_server(again);
  EXPECT_NE(text(again).find("LOST"), std::string::npos);
}

TEST_F(Session, a_refusal_after_a_restart_makes_the_saved_edits_again) {
  type(anna, 0, "bad");
  type(anna, 3, " good");
  set(anna, "k", "1");
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  set(again, "l", "2");
  const Refusal refusal = refuse(again, 1, kMalformed);
  EXPECT_EQ(refusal.reapplied, 3u);
  EXPECT_EQ(text(again), " good");
  EXPECT_EQ(props(again), R"({"k":1,"l":2})");
  EXPECT_EQ(again.unacknowledged().size(), 3u);
}

TEST_F(Session, loads_only_what_was_saved) {
  type(anna, 0, "a");
  set(anna, "k", "1");
  server.sync(anna);
  set(anna, "k", "2");
  tag(anna, "t");
  const std::string saved = anna.save();
  for (std::size_t size = 0; size < saved.size(); ++size) {
    DocumentSession other(replicas_from(1));
    EXPECT_FALSE(other.load(std::string_view(saved).substr(0, size)).ok()) << size;
  }
  for (std::size_t at = 0; at < saved.size(); ++at) {
    for (int flip : {1, 2, 4, 64, 128}) {
      std::string damaged = saved;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      DocumentSession other(replicas_from(1));
      if (!other.load(damaged).ok()) {
        EXPECT_TRUE(other.fields().empty());
      }
    }
  }
  EXPECT_EQ(anna.load(saved).error().message, "session is in use");
}

// ---- a server that was restored

TEST_F(Session, offers_again_what_a_restored_server_forgot) {
  anna.on_epoch(1);
  bert.on_epoch(1);
  type(anna, 0, "kept ");
  server.sync(anna);
  const Server backup = server;
  type(anna, 5, "forgotten ");
  server.sync(anna);
  server.subscribe(bert);
  set(bert, "k", "\"forgotten too\"");
  server.sync(bert);
  server.subscribe(anna);
  type(anna, 0, "unsent ");

  server = backup;
  anna.on_epoch(2);
  EXPECT_TRUE(anna.needs_pull());
  EXPECT_TRUE(anna.unacknowledged().empty());
  EXPECT_EQ(anna.log_version(), LogVersion().encode());
  EXPECT_EQ(text(anna), "unsent kept forgotten ");
  type(anna, 0, "meanwhile ");
  server.subscribe(anna);
  EXPECT_FALSE(anna.needs_pull());
  const auto offered = anna.unacknowledged();
  ASSERT_EQ(offered.size(), 1u);
  EXPECT_EQ(offered[0].replica, 101u);
  EXPECT_EQ(offered[0].seq, 1u);
  server.sync(anna);
  expect_equal_to_server(anna);
  EXPECT_EQ(text(anna), "meanwhile unsent kept forgotten ");
  EXPECT_EQ(props(anna), R"({"k":"forgotten too"})");

  bert.on_epoch(2);
  server.subscribe(bert);
  server.sync(bert);
  expect_equal_to_server(bert);
  type(anna, 0, "and on ");
  server.sync(anna);
  expect_equal_to_server(anna);
}

TEST_F(Session, the_same_epoch_again_changes_nothing) {
  anna.on_epoch(1);
  type(anna, 0, "a");
  anna.on_epoch(1);
  EXPECT_FALSE(anna.needs_pull());
  EXPECT_EQ(anna.unacknowledged().size(), 1u);
}

TEST_F(Session, a_server_that_has_all_gets_no_offer) {
  anna.on_epoch(1);
  type(anna, 0, "a");
  server.sync(anna);
  anna.on_epoch(2);
  server.subscribe(anna);
  EXPECT_TRUE(anna.unacknowledged().empty());
  expect_equal_to_server(anna);
}

TEST_F(Session, a_gap_below_what_was_acknowledged_shows_that_the_server_forgot) {
  type(anna, 0, "a");
  const Server backup = server;
  server.sync(anna);
  type(anna, 1, "b");
  server = backup;
  auto verdict = anna.on_reject(100, 2, static_cast<std::uint32_t>(Code::gap), "", 1);
  ASSERT_TRUE(verdict.ok());
  EXPECT_TRUE(anna.needs_pull());
  server.subscribe(anna);
  server.sync(anna);
  expect_equal_to_server(anna);
  EXPECT_EQ(text(anna), "ab");
}

TEST_F(Session, a_recovery_survives_a_restart) {
  anna.on_epoch(1);
  type(anna, 0, "forgotten");
  server.sync(anna);
  server = Server();
  anna.on_epoch(2);
  type(anna, 0, "meanwhile ");
  DocumentSession again(replicas_from(500));
  ASSERT_TRUE(again.load(anna.save()).ok());
  EXPECT_TRUE(again.needs_pull());
  EXPECT_EQ(text(again), "meanwhile forgotten");
  server.subscribe(again);
  server.sync(again);
  EXPECT_EQ(text(again), "meanwhile forgotten");
  expect_equal_to_server(again);
}

TEST_F(Session, a_catch_up_that_leaves_a_hole_is_named) {
  type(bert, 0, "a");
  type(bert, 1, "b");
  server.sync(bert);
  ASSERT_TRUE(anna.on_changes({server.log()[0]}).ok());
  EXPECT_EQ(anna.on_caught_up(server.version()).error().message, "catch-up left a hole");
}

// ---- splices and alignment

TEST(TextSplice, is_cut_at_characters) {
  auto splice = splice_between("aéb", "aèb");  // they share the first byte
  ASSERT_TRUE(splice.has_value());
  EXPECT_EQ(splice->at, 1u);
  EXPECT_EQ(splice->deleted, 1u);
  EXPECT_EQ(splice->inserted, "è");
  splice = splice_between("x😀y", "x😁😀y");
  EXPECT_EQ(splice->at, 1u);
  EXPECT_EQ(splice->deleted, 0u);
  EXPECT_EQ(splice->inserted, "😁");
  splice = splice_between("😀y", "y");
  EXPECT_EQ(splice->deleted, 1u);
  EXPECT_EQ(splice->deleted_utf16, 2u);
  splice = splice_between("😀aa", "😀aaa");
  EXPECT_EQ(splice->at, 3u);
  EXPECT_EQ(splice->at_utf16, 4u);
  EXPECT_FALSE(splice_between("é", "é").has_value());
  splice = splice_between("\xc3\xa9", "\xe8\xaa\xa9");  // they share the last byte
  EXPECT_EQ(splice->inserted, "\xe8\xaa\xa9");
  EXPECT_EQ(splice->deleted, 1u);
}

TEST(TextAlignment, carries_deletions_as_far_as_their_text_is_there) {
  TextAlignment alignment(6);                        // abcdef | abcdef
  alignment.lose(TextSplice{2, 0, 0, 0, "XY"});      // abXYcdef | abcdef
  alignment.lose(TextSplice{5, 1, 0, 0, ""});        // abXYcef | abcdef
  auto steps = alignment.carry(TextSplice{1, 5, 0, 0, "-"});  // a-f | …
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].at, 1u);
  EXPECT_EQ(steps[0].deleted, 2u);  // b, c
  EXPECT_EQ(steps[1].at, 2u);
  EXPECT_EQ(steps[1].deleted, 1u);  // e, behind the d that stays
  EXPECT_EQ(steps[2].at, 1u);
  EXPECT_TRUE(steps[2].inserts);
}

}  // namespace
}  // namespace converge::session
