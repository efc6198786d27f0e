#include "core/ydoc/object_forms.h"

#include <utility>

#include "core/codec/utf8.h"
#include "core/ydoc/any_value.h"
#include "core/ydoc/lib0.h"
#include "core/ydoc/ydoc_layout.h"

namespace converge {

namespace {

using ydoc_layout::kFormTag;

AnyTag tag_of(Reader& in) { return static_cast<AnyTag>(in.byte()); }

// What a name or a string costs with its length.
std::uint64_t bytes_of(std::string_view text) {
  std::uint64_t bytes = text.size() + 1;
  for (std::size_t rest = text.size() >> 7; rest > 0; rest >>= 7) ++bytes;
  return bytes;
}

// Skips a value that holds no other; it is in its one form.
void skip_leaf(AnyTag tag, Reader& in) {
  switch (tag) {
    case AnyTag::bytes:
    case AnyTag::string:
      lib0::read_bytes(in);
      return;
    case AnyTag::bigint:
    case AnyTag::float64:
      in.bytes(8);
      return;
    case AnyTag::float32:
      in.bytes(4);
      return;
    case AnyTag::integer:
      lib0::read_int(in);
      return;
    default:
      return;
  }
}

class FormedReader {
 public:
  FormedReader(Reader& in, const std::vector<FormNames>& forms, const std::vector<std::string_view>& names)
      : in_(in), forms_(forms), names_(names) {}

  // How long its one form is.
  std::uint64_t value(unsigned depth) {
    if (depth > kMaxValueDepth) in_.fail("values are nested too deeply");
    if (in_.failed() || in_.at_end()) return in_.fail("a value is missing"), 0;
    const auto first = static_cast<std::uint8_t>(in_.rest().front());
    if (first == kFormTag) return object_of_form(depth);
    if (first == static_cast<std::uint8_t>(AnyTag::array)) return array(depth);
    if (first == static_cast<std::uint8_t>(AnyTag::object)) return object(depth);
    const std::size_t before = in_.remaining();
    if (first == static_cast<std::uint8_t>(AnyTag::string)) {
      in_.byte();
      if (!is_valid_text(in_.string())) in_.fail("a string is not valid UTF-8, or holds U+0000");
    } else {
      check_any(in_);
    }
    return before - in_.remaining();
  }
  bool formed() const { return formed_; }

 private:
  std::uint64_t object_of_form(unsigned depth) {
    formed_ = true;
    in_.byte();
    const std::uint64_t number = in_.varint_below(forms_.size(), "a form's number is not in its table");
    if (in_.failed()) return 0;
    std::uint64_t bytes = 1;
    for (std::size_t count = forms_[number].size(); count > 0; count >>= 7) ++bytes;
    for (const std::uint32_t name : forms_[number]) {
      bytes += bytes_of(names_[name]) + value(depth + 1);
      if (in_.failed()) return 0;
    }
    return bytes;
  }

  std::uint64_t array(unsigned depth) {
    const std::size_t before = in_.remaining();
    in_.byte();
    const std::uint64_t count = in_.varint();
    if (count > in_.remaining()) in_.fail("a count exceeds what follows");
    std::uint64_t bytes = before - in_.remaining();
    for (std::uint64_t i = 0; i < count && !in_.failed(); ++i) bytes += value(depth + 1);
    return bytes;
  }

  std::uint64_t object(unsigned depth) {
    const std::size_t before = in_.remaining();
    in_.byte();
    const std::uint64_t count = in_.varint();
    if (count > in_.remaining() / 2) in_.fail("a count exceeds what follows");
    std::uint64_t bytes = before - in_.remaining();
    std::string_view last;
    for (std::uint64_t i = 0; i < count && !in_.failed(); ++i) {
      const std::string_view name = in_.string();
      if (!is_valid_text(name)) in_.fail("a string is not valid UTF-8, or holds U+0000");
      if (i > 0 && name <= last) in_.fail("an object's names are not in order");
      last = name;
      bytes += bytes_of(name) + value(depth + 1);
    }
    return bytes;
  }

  Reader& in_;
  const std::vector<FormNames>& forms_;
  const std::vector<std::string_view>& names_;
  bool formed_ = false;
};

// Writes the one form of a value that was read before.
void expand(Reader& in, const std::vector<FormNames>& forms, const std::vector<std::string_view>& names,
            std::string& out) {
  const std::string_view rest = in.rest();
  const auto first = in.byte();
  if (first == kFormTag) {
    const FormNames& form = forms[in.varint()];
    out.push_back(static_cast<char>(AnyTag::object));
    lib0::write_uint(out, form.size());
    for (const std::uint32_t name : form) {
      lib0::write_bytes(out, names[name]);
      expand(in, forms, names, out);
    }
    return;
  }
  const auto tag = static_cast<AnyTag>(first);
  if (tag == AnyTag::array || tag == AnyTag::object) {
    const std::uint64_t count = lib0::read_uint(in);
    out.append(rest.substr(0, rest.size() - in.remaining()));
    for (std::uint64_t i = 0; i < count; ++i) {
      if (tag == AnyTag::object) lib0::write_bytes(out, lib0::read_bytes(in));
      expand(in, forms, names, out);
    }
    return;
  }
  skip_leaf(tag, in);
  out.append(rest.substr(0, rest.size() - in.remaining()));
}

bool find_members(Reader& in) {
  const AnyTag tag = tag_of(in);
  if (tag == AnyTag::array) {
    for (std::uint64_t left = lib0::read_uint(in); left > 0; --left) {
      if (find_members(in)) return true;
    }
    return false;
  }
  if (tag == AnyTag::object) return lib0::read_uint(in) > 0;
  skip_leaf(tag, in);
  return false;
}

}  // namespace

FormedValue read_formed(Reader& in, const std::vector<FormNames>& forms,
                        const std::vector<std::string_view>& names) {
  const std::string_view rest = in.rest();
  FormedReader reader(in, forms, names);
  FormedValue value;
  value.bytes = reader.value(0);
  value.formed = reader.formed();
  if (!in.failed()) value.written = rest.substr(0, rest.size() - in.remaining());
  return value;
}

void append_without_forms(std::string& out, std::string_view written, const std::vector<FormNames>& forms,
                          const std::vector<std::string_view>& names) {
  Reader in(written);
  expand(in, forms, names, out);
}

bool holds_members(std::string_view value) {
  Reader in(value);
  return find_members(in);
}

// ---- writing -------------------------------------------------------------

void ObjectForms::note(std::string_view value) {
  Reader in(value);
  note_value(in);
}

void ObjectForms::note_value(Reader& in) {
  const AnyTag tag = tag_of(in);
  if (tag == AnyTag::array) {
    for (std::uint64_t left = lib0::read_uint(in); left > 0; --left) note_value(in);
    return;
  }
  if (tag != AnyTag::object) return skip_leaf(tag, in);
  const std::size_t place = objects_.size();
  objects_.push_back(kNone);
  const std::uint64_t count = lib0::read_uint(in);
  if (count == 0) return;
  std::vector<std::string_view> names;
  std::string key;
  bool may_be_formed = true;
  for (std::uint64_t i = 0; i < count; ++i) {
    names.push_back(lib0::read_bytes(in));
    may_be_formed = may_be_formed && names.back().size() <= kMaxFormNameBytes;
    lib0::write_bytes(key, names.back());
    note_value(in);
  }
  if (!may_be_formed) return;
  const auto [at, added] = by_names_.try_emplace(std::move(key), static_cast<std::uint32_t>(candidates_.size()));
  if (added) candidates_.push_back({std::move(names)});
  ++candidates_[at->second].objects;
  objects_[place] = at->second;
}

std::vector<std::vector<std::string_view>> ObjectForms::choose() {
  std::vector<std::vector<std::string_view>> chosen;
  for (Candidate& candidate : candidates_) {
    if (candidate.objects < 2) continue;
    candidate.number = static_cast<std::uint32_t>(chosen.size());
    chosen.push_back(candidate.names);
  }
  any_ = !chosen.empty();
  return chosen;
}

void ObjectForms::append(std::string& out, std::string_view value) {
  if (!any_) {
    out.append(value);
    return;
  }
  Reader in(value);
  append_value(out, in);
}

void ObjectForms::append_value(std::string& out, Reader& in) {
  const std::string_view rest = in.rest();
  const AnyTag tag = tag_of(in);
  if (tag != AnyTag::array && tag != AnyTag::object) {
    skip_leaf(tag, in);
    out.append(rest.substr(0, rest.size() - in.remaining()));
    return;
  }
  const std::uint64_t count = lib0::read_uint(in);
  std::uint32_t form = kNone;
  if (tag == AnyTag::object) {
    const std::uint32_t candidate = objects_[next_++];
    if (candidate != kNone) form = candidates_[candidate].number;
  }
  if (form != kNone) {
    out.push_back(static_cast<char>(kFormTag));
    lib0::write_uint(out, form);
  } else {
    out.append(rest.substr(0, rest.size() - in.remaining()));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    if (tag == AnyTag::object) {
      const std::string_view name = lib0::read_bytes(in);
      if (form == kNone) lib0::write_bytes(out, name);
    }
    append_value(out, in);
  }
}

}  // namespace converge
