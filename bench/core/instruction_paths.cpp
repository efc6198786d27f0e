// The hot paths whose instructions are counted (scripts/check-instructions): runs
// the one that is named, or lists them. Everything is the same in every run.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/clock/version_vector.h"
#include "core/counter/pn_counter.h"
#include "core/field.h"
#include "core/lww_map/lww_map.h"
#include "core/or_set/or_set.h"
#include "core/sequence/text.h"
#include "core/session/document_session.h"

namespace {

using namespace converge;

void must(bool done) {
  if (!done) std::abort();
}

ReplicaId replica_of(std::uint32_t i) { return 7 + ReplicaId{i % 16} * 0x1234567891u; }
std::string key_of(std::uint32_t i) { return "key " + std::to_string(i * 2654435761u % 1000); }

// One-entry deltas, decoded and merged into a state of a thousand entries, which
// is encoded at the end.
template <class State, class Edit>
void merge_deltas(Edit edit) {
  State writer;
  State reader;
  for (std::uint32_t i = 0; i < 6000; ++i) {
    std::string delta;
    must(edit(writer, i, &delta).ok());
    auto read = State::decode(delta);
    must(read.ok() && reader.merge(*read).ok());
  }
  must(reader.encode() == writer.encode());
}

void map_merge() {
  merge_deltas<LwwMap>([](LwwMap& map, std::uint32_t i, std::string* delta) {
    return map.set(replica_of(i), 1000 + i, key_of(i), "12345", delta);
  });
}

void set_merge() {
  merge_deltas<OrSet>([](OrSet& set, std::uint32_t i, std::string* delta) {
    return i % 3 == 0 ? set.remove(replica_of(i), key_of(i), delta)
                      : set.add(replica_of(i), key_of(i), delta);
  });
}

void counter_merge() {
  merge_deltas<PnCounter>([](PnCounter& counter, std::uint32_t i, std::string* delta) {
    return counter.increment(7 + i * 2654435761u % 1000, 1 + i % 3, delta);
  });
}

void version_merge() {
  VersionVector a, b;
  for (std::uint32_t i = 0; i < 100; ++i) {
    a.set(7 + ReplicaId{i} * 0x1234567891u, 1 + i * 7 % 50);
    b.set(7 + ReplicaId{i} * 0x1234567891u, 1 + i * 11 % 50);
  }
  for (int i = 0; i < 20000; ++i) {
    a.merge(b);
    must(a.includes(b));
  }
}

// Typing with jumps and deletions; each edit's delta applied elsewhere.
void text_edits() {
  Text writer;
  Text reader;
  std::uint64_t at = 0;
  for (std::uint32_t i = 0; i < 6000; ++i) {
    if (i % 50 == 0) at = i * 2654435761u % (writer.char_length() + 1);
    std::string delta;
    if (i % 7 == 6 && at > 0) {
      must(writer.erase(--at, 1, &delta).ok());
    } else {
      must(writer.insert(7, at++, "x", &delta).ok());
    }
    must(reader.merge_encoded(delta).ok());
  }
  must(reader.text() == writer.text());
}

// A stored text: decoded, one edit merged, encoded.
void text_stored() {
  Text text;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    must(text.insert(replica_of(i), i * 2654435761u % (text.char_length() + 1), "word ").ok());
  }
  const std::string stored = text.encode();
  std::string delta;
  must(text.insert(7, 5, "x", &delta).ok());
  for (int i = 0; i < 20; ++i) must(merge(FieldType::crdt_text, stored, delta).ok());
}

// A session that types, is acknowledged, and hears another one.
void session_edits() {
  ReplicaId next = 7;
  auto draw = [&next] { return next++; };
  session::DocumentSession a(draw), b(draw);
  for (auto* one : {&a, &b}) must(one->on_fields({{"body", FieldType::crdt_text}}).ok());
  for (std::uint32_t i = 0; i < 3000; ++i) {
    must(a.begin_change(i + 1).ok());
    must(a.text_insert("body", i, "x").ok());
    auto change = a.commit_change();
    must(change.ok());
    must(b.on_changes({**change}).ok());
    must(a.on_ack((*change)->replica, (*change)->seq).ok());
  }
  must(*a.text("body") == *b.text("body"));
}

const std::pair<const char*, void (*)()> kPaths[] = {
    {"map_merge", map_merge},         {"set_merge", set_merge},
    {"counter_merge", counter_merge}, {"version_merge", version_merge},
    {"text_edits", text_edits},       {"text_stored", text_stored},
    {"session_edits", session_edits}};

}  // namespace

int main(int argc, char** argv) {
  for (const auto& [name, run] : kPaths) {
    if (argc < 2) std::puts(name);
    if (argc == 2 && std::strcmp(argv[1], name) == 0) {
      run();
      return 0;
    }
  }
  return argc < 2 ? 0 : 2;
}
