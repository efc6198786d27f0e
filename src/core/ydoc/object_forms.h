// Objects in a document's values that have the same names share a *form* in its bytes:
// the names stand there once, and each of the objects is the form's number and its
// members' values. docs/internals.md describes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/codec/reader.h"
#include "core/container/seeded_hash.h"

namespace converge {

// The names of each form, ascending, as numbers in the document's table of names.
using FormNames = std::vector<std::uint32_t>;
// A longer name is in no form: a byte of a value could stand for as many.
inline constexpr std::size_t kMaxFormNameBytes = 32;

// ---- reading

// What was read of a value, which may hold objects of a form.
struct FormedValue {
  std::string_view written;
  bool formed = false;      // it holds one; else this is its one form (any_value.h)
  std::uint64_t bytes = 0;  // of its one form
};

// Reads a value; fails `in` where it is none. That objects are in a form where they
// should be is not checked.
FormedValue read_formed(Reader& in, const std::vector<FormNames>& forms,
                        const std::vector<std::string_view>& names);

// Appends the one form of a value that read_formed() read.
void append_without_forms(std::string& out, std::string_view written, const std::vector<FormNames>& forms,
                          const std::vector<std::string_view>& names);

// Whether there is an object with members in a value in its one form.
bool holds_members(std::string_view value);

// ---- writing

// Which forms a document has: those of two objects at least, without long names, numbered
// in the order in which the first object of each ends. Give it all values, then choose(), then append
// the same values in the same order. They must live as long.
class ObjectForms {
 public:
  void note(std::string_view value);
  // The names of each form, ascending.
  std::vector<std::vector<std::string_view>> choose();
  void append(std::string& out, std::string_view value);

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  struct Candidate {
    std::vector<std::string_view> names;
    std::uint32_t objects = 0;
    std::uint32_t number = kNone;  // once it was chosen
  };

  void note_value(Reader& in);
  void append_value(std::string& out, Reader& in);

  std::vector<Candidate> candidates_;
  std::unordered_map<std::string, std::uint32_t, SeededHash> by_names_;  // → candidate
  std::vector<std::uint32_t> objects_;  // the candidate of each object, in the order in which they begin
  std::size_t next_ = 0;                // object to be appended
  bool any_ = false;                    // there are forms
};

}  // namespace converge
