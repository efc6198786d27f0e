// The session against a small model of the server: a log per replica, numbered
// without gaps, and the joined state.
#pragma once

#include "core/session/document_session.h"

#include <gtest/gtest.h>

#include <set>

#include "core/log/numbering.h"

namespace converge::session {

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
    if (!change.expect.empty() &&
        !meets_expectation(LogVersion::decode(change.expect).value(), written_, change.replica)) {
      refuse(change);
      return Code::expectation_failed;
    }
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
    if (!change.refused) written_.set(change.replica, change.seq);
    for (const FieldDelta& delta : change.fields) {
      auto& state = states_[delta.field];
      auto type = field_type(state).value();
      state = merge(type, state, delta.delta).value();
    }
  }

  std::vector<Change> log_;
  LogVersion version_;
  LogVersion written_;  // without what was refused
  std::map<std::string, std::string> states_;
  std::set<ReplicaId> refused_;
};

inline std::function<ReplicaId()> replicas_from(ReplicaId first) {
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

inline std::string text(const DocumentSession& session) { return session.text("body").value(); }
inline std::string props(const DocumentSession& session) { return session.map_json("props").value(); }
inline std::vector<std::string> tags(const DocumentSession& session) {
  return session.set_elements("tags").value();
}

}  // namespace converge::session
