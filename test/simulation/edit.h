// Edits as a user makes them, in a client's session or in SQL. Each carries
// something that no other edit of the run has, so that one that is made twice,
// or comes back, is seen in the value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/session/document_session.h"
#include "core/session/live_field.h"
#include "random.h"

namespace converge::simulation {

struct Edit {
  std::string field;
  FieldType type = FieldType::lww_map;
  bool removes = false;     // unset, or remove, or (of a text) delete alone
  std::uint64_t at = 0;     // of a text, in characters
  std::uint64_t count = 0;  // to delete there
  std::string key;          // of a map or set
  std::string value;        // text, or JSON
  std::int64_t n = 0;

  std::string describe() const;
};

// Gives out what is unique in a document, and knows it again.
class Marks {
 public:
  // A character that is in no other edit.
  std::string character();
  // A number that is in no other edit, as JSON.
  std::string number() { return std::to_string(++numbers_); }
  // A power of three, with either sign if `down` is allowed, that no other edit
  // of the field has; 0 when there is none left.
  std::int64_t increment(Random& random, const std::string& field, bool down);

  // Whether a counter's value is a sum of increments that were given out for the
  // field, each at most once: its balanced ternary digits tell.
  bool counts_each_once(const std::string& field, std::int64_t value) const;

 private:
  std::uint32_t characters_ = 0;
  std::uint64_t numbers_ = 0;
  std::map<std::string, std::vector<std::int64_t>> increments_;  // the signs, by exponent
};

// An edit of the field, whose text has so many characters.
Edit draw_edit(Random& random, const session::FieldInfo& field, std::uint64_t text_length,
               Marks& marks);

// A change is open.
Result<void> make(const Edit& edit, session::DocumentSession& session);

// In SQL: under `replica`; `delta` becomes the encoding of the edit.
Result<void> make(const Edit& edit, session::LiveField& field, ReplicaId replica,
                  std::uint64_t now_ms, std::string* delta);

// The characters that come more than once; empty if none does.
std::string repeated_characters(std::string_view utf8);

}  // namespace converge::simulation
