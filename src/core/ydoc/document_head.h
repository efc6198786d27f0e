// What a ydoc's bytes say before its runs: text, replicas, names, which lists there
// are, and the contents. docs/internals.md describes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/reader.h"
#include "core/replica.h"
#include "core/sequence/content.h"
#include "core/ydoc/object_forms.h"

namespace converge {

struct DocumentHead {
  // Which lists a root or a type has. Names are numbers in `names`.
  struct Shape {
    bool items = false;
    std::vector<std::uint32_t> keys;  // ascending
  };
  struct Root {
    std::uint32_t name;
    std::uint32_t shape;
  };

  std::uint8_t sections = 0;
  std::string_view text;  // with placeholders
  std::vector<ReplicaId> replicas;
  std::vector<std::string_view> names;
  // If something is integrated:
  std::vector<Shape> shapes;
  std::vector<FormNames> forms;
  std::vector<Root> roots;
  std::vector<std::uint32_t> type_shapes;
  std::vector<std::uint32_t> lengths;  // of the lists, in units
};

// A list, before its parent's unit is known.
struct ListPlace {
  static constexpr std::uint32_t kRoot = 0x8000'0000;
  std::uint32_t type;  // the number of the type above it, or kRoot + a root's number
  bool keyed;
  std::uint32_t key;  // the number of its name
};

// Up to the names. These fail `in` if it is malformed.
void read_document_head(Reader& in, DocumentHead& head);
// The contents of a document's text, their values as they are written.
struct WrittenContents {
  std::vector<Content> contents;
  std::vector<bool> formed;  // whether objects of a form are in the value
  std::uint64_t bytes = 0;   // of all, with values in their one form
};
// The rest, up to the runs; the answer is the lists in their order.
std::vector<ListPlace> read_integrated_head(Reader& in, DocumentHead& head, WrittenContents& contents);
// Brings the values to their one form.
void expand_values(const DocumentHead& head, WrittenContents& contents);
// One that waits: objects in it are in no form.
Content read_content(Reader& in, const std::vector<std::string_view>& names);
// A name's number, which is in the table.
std::uint32_t read_name_number(Reader& in, const std::vector<std::string_view>& names);
// Whether it is UTF-8, in which placeholders may stand.
bool is_valid_with_placeholders(std::string_view text);

// Whether its name is one of the table's: a mark's, or a node's.
bool has_name(const Content& content);
// Whether it has a value (any_value.h).
bool has_value(const Content& content);
// As far as read_document_head() and read_integrated_head() read; all of `head` is set.
// `forms` has noted the contents' values; without, they are written as they are.
void append_document_head(std::string& out, const DocumentHead& head);
void append_integrated_head(std::string& out, const DocumentHead& head,
                            const std::vector<const Content*>& contents, ObjectForms* forms);
// `names` are ascending and hold the content's.
void append_content(std::string& out, const Content& content,
                    const std::vector<std::string_view>& names, ObjectForms* forms = nullptr);
std::uint32_t name_number(const std::vector<std::string_view>& names, std::string_view name);

}  // namespace converge
