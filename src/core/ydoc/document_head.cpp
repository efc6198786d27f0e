#include "core/ydoc/document_head.h"

#include <algorithm>

#include "core/codec/utf8.h"
#include "core/codec/varint.h"
#include "core/sequence/bits.h"
#include "core/sequence/text.h"
#include "core/sequence/text_codec.h"
#include "core/ydoc/any_value.h"
#include "core/ydoc/struct_info.h"
#include "core/ydoc/ydoc_layout.h"

namespace converge {

using namespace ydoc_layout;

// ---- reading -------------------------------------------------------------

bool is_valid_with_placeholders(std::string_view text) {
  while (!text.empty()) {
    const std::size_t wrong = find_invalid_text(text);
    if (wrong == kTextOk) return true;
    if (text[wrong] != kPlaceholder) return false;
    text.remove_prefix(wrong + 1);
  }
  return true;
}

void read_document_head(Reader& in, DocumentHead& head) {
  head.sections = in.byte();
  if (head.sections == 0 || head.sections > (kHasRuns | kHasWaiting | kHasDeleted)) {
    in.fail("its second byte names no known sections");
  }
  if (head.sections & kHasRuns) head.text = in.string();
  if (!is_valid_with_placeholders(head.text)) in.fail("its text is not UTF-8");
  head.replicas = read_replicas(in);
  const std::size_t count = in.count(1);
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::string_view name = in.string();
    if (!is_valid_text(name)) in.fail("a name is not UTF-8, or holds U+0000");
    if (i > 0 && name <= head.names.back()) in.fail("names are not in order");
    head.names.push_back(name);
  }
}

std::uint32_t read_name_number(Reader& in, const std::vector<std::string_view>& names) {
  return static_cast<std::uint32_t>(
      in.varint_below(names.size(), "a name's number is not in its table"));
}

namespace {

// Reads the names of shapes and forms, of which the counts are known.
void read_key_names(Reader& in, DocumentHead& head) {
  BitReader bits(in.rest());
  auto read = [&](std::vector<std::uint32_t>& keys) {
    std::uint64_t least = 0;
    for (std::uint32_t& key : keys) {
      const std::uint64_t name = least + bits.golomb(0);
      if (name >= head.names.size() || bits.overrun()) return in.fail("a name's number is not in its table");
      key = static_cast<std::uint32_t>(name);
      least = name + 1;
    }
  };
  for (DocumentHead::Shape& shape : head.shapes) read(shape.keys);
  for (FormNames& form : head.forms) {
    read(form);
    for (const std::uint32_t name : form) {
      if (!in.failed() && head.names[name].size() > kMaxFormNameBytes) in.fail("a form has a long name");
    }
  }
  if (!bits.padded_with_zeros()) in.fail("the names of shapes and forms are not padded with zeros");
  if (!in.failed()) in.bytes(bits.used_bytes());
}

void append_key_names(std::string& out, const DocumentHead& head) {
  BitWriter bits(out);
  auto append = [&](const std::vector<std::uint32_t>& keys) {
    std::uint32_t least = 0;
    for (const std::uint32_t key : keys) {
      bits.golomb(key - least, 0);
      least = key + 1;
    }
  };
  for (const DocumentHead::Shape& shape : head.shapes) append(shape.keys);
  for (const FormNames& form : head.forms) append(form);
  bits.finish();
}

// `read_value` gives the bytes of a value.
template <class ReadValue>
Content read_content(Reader& in, const std::vector<std::string_view>& names, ReadValue&& read_value) {
  Content content;
  auto take_value = [&] {
    const std::string_view value = read_value();
    if (!in.failed()) content.value = value;
  };
  auto read_name = [&] {
    const std::uint32_t number = read_name_number(in, names);
    if (!in.failed()) content.name = names[number];
  };
  const std::uint8_t first =
      in.failed() || in.at_end() ? 0 : static_cast<std::uint8_t>(in.rest().front());
  if (first >= kFormTag) {
    take_value();
    return content;
  }
  in.byte();
  if (first >= kTypeBase && first < kTypeBase + kSharedTypes) {
    content.kind = ContentKind::type;
    content.type = first - kTypeBase;
    if (type_has_name(content.type)) read_name();
    return content;
  }
  content.kind = static_cast<ContentKind>(first);
  switch (content.kind) {
    case ContentKind::binary:
      content.value = in.string();
      return content;
    case ContentKind::format:
      read_name();
      break;
    case ContentKind::document:
      content.name = in.string();
      if (!is_valid_text(content.name)) in.fail("a name is not UTF-8, or holds U+0000");
      break;
    case ContentKind::json:
    case ContentKind::embed:
      break;
    default:
      in.fail("a content has an unknown kind");
      return content;
  }
  take_value();
  return content;
}

}  // namespace

std::vector<ListPlace> read_integrated_head(Reader& in, DocumentHead& head, WrittenContents& contents) {
  // Each name takes a bit.
  std::uint64_t keys = 0;
  auto read_count = [&](std::uint64_t count) -> std::size_t {
    keys += count;
    if (count <= head.names.size() && keys <= in.remaining() * 8) return static_cast<std::size_t>(count);
    in.fail("a count exceeds what follows");
    return 0;
  };
  head.shapes.resize(in.count(1));
  for (DocumentHead::Shape& shape : head.shapes) {
    const std::uint64_t first = in.varint();
    shape.items = first & 1;
    shape.keys.resize(read_count(first / 2));
  }
  head.forms.resize(in.count(1));
  for (FormNames& form : head.forms) {
    form.resize(read_count(in.varint()));
    if (form.empty()) in.fail("a form has no names");
  }
  if (in.failed()) return {};
  read_key_names(in, head);
  auto shape_number = [&] {
    return static_cast<std::uint32_t>(
        in.varint_below(head.shapes.size(), "a shape's number is not in its table"));
  };
  std::vector<ListPlace> places;
  auto place = [&](std::uint32_t type, std::uint32_t number) {
    if (in.failed()) return;
    const DocumentHead::Shape& shape = head.shapes[number];
    // Each list takes a bit at least.
    if (places.size() + shape.keys.size() > in.remaining() * 8) {
      return in.fail("there are more lists than what follows can tell of");
    }
    const std::size_t root = type >= ListPlace::kRoot ? head.names[head.roots[type - ListPlace::kRoot].name].size() : 0;
    if (shape.items) {
      places.push_back({type, false, 0});
      contents.bytes += root;
    }
    for (std::uint32_t key : shape.keys) {
      places.push_back({type, true, key});
      contents.bytes += root + head.names[key].size();
    }
    if (contents.bytes > kMaxContentBytes) in.fail("its contents are beyond the limit");
  };
  head.roots.resize(in.count(2));
  for (std::uint32_t i = 0; i < head.roots.size() && !in.failed(); ++i) {
    DocumentHead::Root& root = head.roots[i];
    root.name = read_name_number(in, head.names);
    if (i > 0 && root.name <= head.roots[i - 1].name) in.fail("roots are not in order");
    root.shape = shape_number();
    place(ListPlace::kRoot + i, root.shape);
  }
  const std::size_t count = count_placeholders(head.text);
  if (count > in.remaining()) in.fail("there is less content than placeholders");
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    bool formed = false;
    std::uint64_t bytes = 0;
    Content content = read_content(in, head.names, [&] {
      const FormedValue value = read_formed(in, head.forms, head.names);
      formed = value.formed;
      bytes = value.bytes - value.written.size();
      return value.written;
    });
    contents.bytes += content.bytes() + bytes;
    if (contents.bytes > kMaxContentBytes) in.fail("its contents are beyond the limit");
    contents.contents.push_back(std::move(content));
    contents.formed.push_back(formed);
    if (contents.contents.back().kind != ContentKind::type) continue;
    const auto number = static_cast<std::uint32_t>(head.type_shapes.size());
    head.type_shapes.push_back(shape_number());
    place(number, head.type_shapes.back());
  }
  if (in.failed()) return {};
  BitReader bits(in.rest());
  head.lengths.reserve(places.size());
  for (std::size_t i = 0; i < places.size() && !in.failed(); ++i) {
    const std::uint32_t more = bits.golomb(0);
    if (more >= kMaxTextClock || bits.overrun()) in.fail("a list's length is malformed");
    head.lengths.push_back(more + 1);
  }
  if (!bits.padded_with_zeros()) in.fail("the lengths are not padded with zeros");
  if (!in.failed()) in.bytes(bits.used_bytes());
  return places;
}

void expand_values(const DocumentHead& head, WrittenContents& contents) {
  std::string value;
  for (std::size_t i = 0; i < contents.contents.size(); ++i) {
    if (!contents.formed[i]) continue;
    value.clear();
    append_without_forms(value, contents.contents[i].value, head.forms, head.names);
    contents.contents[i].value.assign(value);
    contents.formed[i] = false;
  }
}

Content read_content(Reader& in, const std::vector<std::string_view>& names) {
  return read_content(in, names, [&] {
    const std::string_view before = in.rest();
    check_any(in);
    return before.substr(0, before.size() - in.remaining());
  });
}

// ---- writing -------------------------------------------------------------

bool has_name(const Content& content) {
  return content.kind == ContentKind::format ||
         (content.kind == ContentKind::type && type_has_name(content.type));
}

std::uint32_t name_number(const std::vector<std::string_view>& names, std::string_view name) {
  return static_cast<std::uint32_t>(std::lower_bound(names.begin(), names.end(), name) -
                                    names.begin());
}

bool has_value(const Content& content) {
  return content.kind != ContentKind::type && content.kind != ContentKind::binary;
}

void append_document_head(std::string& out, const DocumentHead& head) {
  out.push_back(static_cast<char>(head.sections));
  if (head.sections & kHasRuns) append_string(out, head.text);
  append_replicas(out, head.replicas);
  append_varint(out, head.names.size());
  for (const std::string_view name : head.names) append_string(out, name);
}

void append_integrated_head(std::string& out, const DocumentHead& head,
                            const std::vector<const Content*>& contents, ObjectForms* forms) {
  append_varint(out, head.shapes.size());
  for (const DocumentHead::Shape& shape : head.shapes) append_varint(out, shape.keys.size() * 2 + shape.items);
  append_varint(out, head.forms.size());
  for (const FormNames& form : head.forms) append_varint(out, form.size());
  append_key_names(out, head);
  append_varint(out, head.roots.size());
  for (const DocumentHead::Root& root : head.roots) {
    append_varint(out, root.name);
    append_varint(out, root.shape);
  }
  std::size_t type = 0;
  for (const Content* content : contents) {
    append_content(out, *content, head.names, forms);
    if (content->kind == ContentKind::type) append_varint(out, head.type_shapes[type++]);
  }
  BitWriter bits(out);
  for (const std::uint32_t length : head.lengths) bits.golomb(length - 1, 0);
  bits.finish();
}

void append_content(std::string& out, const Content& content,
                    const std::vector<std::string_view>& names, ObjectForms* forms) {
  if (content.kind == ContentKind::type) {
    out.push_back(static_cast<char>(kTypeBase + content.type));
    if (type_has_name(content.type)) append_varint(out, name_number(names, content.name));
    return;
  }
  // A value says by its first byte that it is one.
  if (content.kind != ContentKind::any) out.push_back(static_cast<char>(content.kind));
  if (content.kind == ContentKind::format) append_varint(out, name_number(names, content.name));
  if (content.kind == ContentKind::document) append_string(out, content.name);
  if (content.kind == ContentKind::binary) {
    append_string(out, content.value);
  } else if (forms != nullptr) {
    forms->append(out, content.value);
  } else {
    out.append(content.value);
  }
}

}  // namespace converge
