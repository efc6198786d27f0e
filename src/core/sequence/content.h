// What a unit of a sequence holds that is no text. Such a unit has the
// character kPlaceholder in the sequence's text, which real text never holds,
// and its content beside it, by identifier. So runs, origins, positions and
// deletions treat it as any other unit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace converge {

inline constexpr char kPlaceholder = '\0';

// The numbers are those of Yjs's contents, and part of the encodings.
enum class ContentKind : std::uint8_t {
  json = 2,      // a JSON value, as early versions of Yjs have them
  binary = 3,    // bytes
  embed = 5,     // an object within a text
  format = 6,    // a mark: from here on the attribute `name` has the value
  type = 7,      // a shared type, under which more lists live
  any = 8,       // a value
  document = 9,  // a reference to another document
};

struct Content {
  ContentKind kind = ContentKind::any;
  std::uint8_t type = 0;  // of a shared type: Yjs's number for it
  std::string name;       // a format's attribute, a type's node name, a document's guid
  std::string value;      // bytes, or the value in its canonical form (ydoc/any_value.h)

  // Whether it has a position: a mark has none.
  bool countable() const { return kind != ContentKind::format; }
  std::size_t bytes() const { return sizeof(Content) + name.size() + value.size(); }
  friend bool operator==(const Content&, const Content&) = default;
};

inline std::size_t count_placeholders(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(kPlaceholder, at)) != std::string_view::npos; ++at) ++count;
  return count;
}

}  // namespace converge
