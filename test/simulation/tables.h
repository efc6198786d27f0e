// The server's tables as far as one document goes: the log with its replicas,
// and the row. Values whose copies share, so that a snapshot and a backup are
// copies.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/clock/log_version.h"
#include "core/log/numbering.h"
#include "message.h"

namespace converge::simulation {

// A row of converge.change.
struct LoggedChange {
  Change change;  // without fields if the number was refused
  std::uint64_t hash = 0;
  std::uint64_t xid = 0;
  std::int64_t epoch = 0;
  std::int64_t recorded_ms = 0;
};

using LoggedChangePtr = std::shared_ptr<const LoggedChange>;

// A row of converge.replica, and what the log holds of that replica.
struct Writer {
  std::uint32_t principal = 0;       // 0: the server's own
  std::int64_t epoch = 0;            // in which it appeared, or of the last change that was compacted
  std::uint64_t compacted = 0;       // last_seq: numbers up to it are not in the log any more
  std::uint64_t compacted_hash = 0;  // of that number
  std::uint64_t refused_from = 0;
  Code refused_code = Code::ok;
  std::map<std::uint64_t, LoggedChangePtr> log;

  std::uint64_t last() const { return log.empty() ? compacted : log.rbegin()->first; }
  ReplicaRecord record() const { return {last(), refused_from}; }
};

// A row of converge.unfolded: what deferred fields do not hold yet.
struct Unfolded {
  std::uint64_t from_seq = 0;
  std::int64_t since_ms = 0;
};

// A row of converge.quarantine.
struct Quarantined {
  std::set<std::string> fields;
  bool dropped = false;
};

using Quarantine = std::map<std::pair<ReplicaId, std::uint64_t>, Quarantined>;

// Whether the field of that change is left out of the row.
inline bool is_left_out(const Quarantine& quarantine, ReplicaId replica, std::uint64_t seq, const std::string& field) {
  auto at = quarantine.find({replica, seq});
  return at != quarantine.end() && at->second.fields.contains(field);
}

// Encoded states, by field.
using Row = std::map<std::string, std::string>;

struct Document {
  bool made = true;  // or there is none of this number yet
  std::map<ReplicaId, std::shared_ptr<const Writer>> writers;
  std::map<ReplicaId, Unfolded> unfolded;
  Quarantine quarantine;
  Row row;
  Row snapshot;                  // what compaction dropped, joined
  std::int64_t snapshot_ms = 0;  // when the youngest of that was recorded

  const Writer* find(ReplicaId replica) const {
    auto at = writers.find(replica);
    return at == writers.end() ? nullptr : at->second.get();
  }

  // All that the log holds.
  LogVersion version() const {
    LogVersion version;
    for (const auto& [replica, writer] : writers) version.set(replica, writer->last());
    return version;
  }

  // The same without what was refused: what somebody wrote.
  LogVersion written() const {
    LogVersion version;
    for (const auto& [replica, writer] : writers) {
      const bool refused = writer->refused_from != 0 && writer->refused_from <= writer->last();
      version.set(replica, refused ? writer->refused_from - 1 : writer->last());
    }
    return version;
  }

  // The number up to which the row holds a replica's changes.
  std::uint64_t folded(ReplicaId replica) const {
    if (auto at = unfolded.find(replica); at != unfolded.end()) return at->second.from_seq - 1;
    const Writer* writer = find(replica);
    return writer == nullptr ? 0 : writer->last();
  }

  LogVersion folded_version() const {
    LogVersion version;
    for (const auto& [replica, writer] : writers) version.set(replica, folded(replica));
    return version;
  }
};

// Stands for the SHA-256 that the log keeps: over clock, fields and operation.
std::uint64_t hash_change(const Change& change);

// What hash_change() gave, as the bytes that core/log compares.
inline std::string_view hash_bytes(const std::uint64_t& hash) {
  return {reinterpret_cast<const char*>(&hash), sizeof hash};
}

}  // namespace converge::simulation
