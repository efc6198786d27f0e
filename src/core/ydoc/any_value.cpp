#include "core/ydoc/any_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "core/codec/utf8.h"
#include "core/json/json.h"
#include "core/ydoc/lib0.h"

namespace converge {

namespace {

constexpr double kMaxInteger = 0x7fffffff;  // beyond it Yjs writes floats

void push_tag(std::string& out, AnyTag tag) { out.push_back(static_cast<char>(tag)); }

void push_big_endian(std::string& out, std::uint64_t bits, unsigned bytes) {
  while (bytes-- > 0) out.push_back(static_cast<char>(bits >> (8 * bytes)));
}

std::uint64_t read_big_endian(Reader& in, unsigned bytes) {
  std::uint64_t bits = 0;
  while (bytes-- > 0) bits = bits << 8 | in.byte();
  return bits;
}

void append_number(std::string& out, double number) {
  if (std::abs(number) <= kMaxInteger && number == std::trunc(number)) {
    push_tag(out, AnyTag::integer);
    lib0::write_int(out, {static_cast<std::uint64_t>(std::abs(number)), std::signbit(number)});
  } else if (auto narrow = static_cast<float>(number); narrow == number) {
    push_tag(out, AnyTag::float32);
    push_big_endian(out, std::bit_cast<std::uint32_t>(narrow), 4);
  } else {
    push_tag(out, AnyTag::float64);
    push_big_endian(out, std::isnan(number) ? 0x7ff8'0000'0000'0000 : std::bit_cast<std::uint64_t>(number), 8);
  }
}

double read_number(Reader& in, AnyTag tag) {
  if (tag == AnyTag::integer) {
    const lib0::SignedInt read = lib0::read_int(in);
    return std::copysign(static_cast<double>(read.magnitude), read.negative ? -1.0 : 1.0);
  }
  if (tag == AnyTag::float32) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(read_big_endian(in, 4)));
  }
  return std::bit_cast<double>(read_big_endian(in, 8));
}

std::string_view read_text(Reader& in) {
  const std::string_view text = lib0::read_bytes(in);
  if (!is_valid_text(text)) in.fail("a string is not valid UTF-8, or holds U+0000");
  return text;
}

// Appends an object whose members are given in any order; of equal names the
// last one counts.
void append_object(std::string& out, std::vector<std::pair<std::string, std::string>>& members) {
  std::stable_sort(members.begin(), members.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i].first == members[i + 1].first) continue;
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  push_tag(out, AnyTag::object);
  lib0::write_uint(out, kept);
  for (std::size_t i = 0; i < kept; ++i) {
    lib0::write_bytes(out, members[i].first);
    out.append(members[i].second);
  }
}

void read_value(Reader& in, std::string& out, unsigned depth) {
  if (depth > kMaxValueDepth) return in.fail("values are nested too deeply");
  const auto tag = static_cast<AnyTag>(in.byte());
  if (in.failed()) return;
  switch (tag) {
    case AnyTag::undefined:
    case AnyTag::null:
    case AnyTag::yes:
    case AnyTag::no:
      return push_tag(out, tag);
    case AnyTag::integer:
    case AnyTag::float32:
    case AnyTag::float64:
      return append_number(out, read_number(in, tag));
    case AnyTag::bigint:
      push_tag(out, tag);
      return push_big_endian(out, read_big_endian(in, 8), 8);
    case AnyTag::string:
      push_tag(out, tag);
      return lib0::write_bytes(out, read_text(in));
    case AnyTag::bytes:
      push_tag(out, tag);
      return lib0::write_bytes(out, lib0::read_bytes(in));
    case AnyTag::array: {
      const std::uint64_t count = lib0::read_uint(in);
      if (count > in.remaining()) return in.fail("a count exceeds what follows");
      push_tag(out, tag);
      lib0::write_uint(out, count);
      for (std::uint64_t i = 0; i < count && !in.failed(); ++i) read_value(in, out, depth + 1);
      return;
    }
    case AnyTag::object: {
      const std::uint64_t count = lib0::read_uint(in);
      if (count > in.remaining() / 2) return in.fail("a count exceeds what follows");
      std::vector<std::pair<std::string, std::string>> members;
      for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        auto& member = members.emplace_back(read_text(in), std::string());
        read_value(in, member.second, depth + 1);
      }
      return append_object(out, members);
    }
  }
  in.fail("a value has an unknown type");
}

// ---- from JSON -----------------------------------------------------------

// Takes apart a text that is known to be JSON.
class JsonParser {
 public:
  explicit JsonParser(std::string_view json) : rest_(json) {}

  void value(std::string& out) {
    skip_space();
    switch (rest_.front()) {
      case '{':
        return object(out);
      case '[':
        return array(out);
      case '"': {
        const std::string text = string();
        push_tag(out, AnyTag::string);
        return lib0::write_bytes(out, text);
      }
      case 't':
        rest_.remove_prefix(4);
        return push_tag(out, AnyTag::yes);
      case 'f':
        rest_.remove_prefix(5);
        return push_tag(out, AnyTag::no);
      case 'n':
        rest_.remove_prefix(4);
        return push_tag(out, AnyTag::null);
      default:
        return number(out);
    }
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }

  bool take(char wanted) {
    skip_space();
    if (rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void number(std::string& out) {
    const std::size_t size = std::min(rest_.find_first_not_of("+-.0123456789eE"), rest_.size());
    const std::string_view digits = rest_.substr(0, size);
    // Beyond the range of a double it gives infinity or zero, as JavaScript does.
    append_number(out, std::strtod(std::string(digits).c_str(), nullptr));
    rest_.remove_prefix(size);
  }

  std::uint32_t hex4() {
    std::uint32_t value = 0;
    std::from_chars(rest_.data(), rest_.data() + 4, value, 16);
    rest_.remove_prefix(4);
    return value;
  }

  static void append_utf8(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
      out.push_back(static_cast<char>(c));
      return;
    }
    if (c < 0x800) {
      out.push_back(static_cast<char>(0xc0 | c >> 6));
    } else {
      if (c < 0x10000) {
        out.push_back(static_cast<char>(0xe0 | c >> 12));
      } else {
        out.push_back(static_cast<char>(0xf0 | c >> 18));
        out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
      }
      out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    }
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }

  std::string string() {
    std::string out;
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t plain = rest_.find_first_of("\"\\");
      out.append(rest_.substr(0, plain));
      const bool end = rest_[plain] == '"';
      rest_.remove_prefix(plain + 1);
      if (end) return out;
      const char escape = rest_.front();
      rest_.remove_prefix(1);
      constexpr std::string_view kNames = "bfnrt";
      constexpr std::string_view kChars = "\b\f\n\r\t";
      if (escape == 'u') {
        std::uint32_t c = hex4();
        if (c >= 0xd800 && c < 0xdc00) {
          rest_.remove_prefix(2);
          c = 0x10000 + ((c - 0xd800) << 10) + (hex4() - 0xdc00);
        }
        append_utf8(out, c);
      } else if (const std::size_t name = kNames.find(escape); name != std::string_view::npos) {
        out.push_back(kChars[name]);
      } else {
        out.push_back(escape);
      }
    }
  }

  void array(std::string& out) {
    take('[');
    std::string items;
    std::uint64_t count = 0;
    while (!take(']')) {
      if (count > 0) take(',');
      value(items);
      ++count;
    }
    push_tag(out, AnyTag::array);
    lib0::write_uint(out, count);
    out.append(items);
  }

  void object(std::string& out) {
    take('{');
    std::vector<std::pair<std::string, std::string>> members;
    while (!take('}')) {
      if (!members.empty()) take(',');
      skip_space();
      auto& member = members.emplace_back(string(), std::string());
      take(':');
      value(member.second);
    }
    append_object(out, members);
  }

  std::string_view rest_;
};

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < have ? static_cast<std::uint8_t>(bytes[at + i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out.push_back(i <= have ? kDigits[bits >> (18 - 6 * i) & 0x3f] : '=');
    }
  }
}

}  // namespace

void read_any(Reader& in, std::string& out) { read_value(in, out, 0); }

void check_any(Reader& in) {
  const std::string_view before = in.rest();
  std::string form;
  read_value(in, form, 0);
  if (!in.failed() && before.substr(0, before.size() - in.remaining()) != form) {
    in.fail("a value is not in its one form");
  }
}

Result<void> append_any_of_json(std::string& out, std::string_view json) {
  if (json == "undefined") {
    push_tag(out, AnyTag::undefined);
    return {};
  }
  if (auto valid = validate_json(json); !valid) return valid.error();
  JsonParser(json).value(out);
  return {};
}

// ---- to JSON -------------------------------------------------------------

void append_js_number(std::string& out, double number) {
  if (std::isnan(number) || std::isinf(number)) {
    out.append(std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
    return;
  }
  if (number == 0) {
    out.push_back('0');
    return;
  }
  // The shortest digits that give this number, and where their point stands.
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::abs(number),
                                 std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 1) digits.append(text.substr(2, e - 2));
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end.ptr, exponent);
  const int point = exponent + 1;
  const int count = static_cast<int>(digits.size());

  if (number < 0) out.push_back('-');
  if (point >= count && point <= 21) {
    out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out.append(digits, 0, static_cast<std::size_t>(point)).append(".").append(
        digits, static_cast<std::size_t>(point), std::string::npos);
  } else if (point > -6 && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    out.append(digits, 0, 1);
    if (count > 1) out.append(".").append(digits, 1, std::string::npos);
    out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  }
}

void append_json_of_any(std::string& out, Reader& in) {
  const auto tag = static_cast<AnyTag>(in.byte());
  switch (tag) {
    case AnyTag::undefined:
    case AnyTag::null:
      out.append("null");
      return;
    case AnyTag::yes:
      out.append("true");
      return;
    case AnyTag::no:
      out.append("false");
      return;
    case AnyTag::integer:
    case AnyTag::float32:
    case AnyTag::float64: {
      const double number = read_number(in, tag);
      if (std::isfinite(number)) {
        append_js_number(out, number);
      } else {
        out.append("null");
      }
      return;
    }
    case AnyTag::bigint:
      out.append(std::to_string(static_cast<std::int64_t>(read_big_endian(in, 8))));
      return;
    case AnyTag::string:
      return append_json_string(out, lib0::read_bytes(in));
    case AnyTag::bytes:
      out.push_back('"');
      append_base64(out, lib0::read_bytes(in));
      out.push_back('"');
      return;
    case AnyTag::array: {
      const std::uint64_t count = lib0::read_uint(in);
      out.push_back('[');
      for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        if (i > 0) out.push_back(',');
        append_json_of_any(out, in);
      }
      out.push_back(']');
      return;
    }
    case AnyTag::object: {
      const std::uint64_t count = lib0::read_uint(in);
      out.push_back('{');
      bool first = true;
      for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        const std::string_view name = lib0::read_bytes(in);
        if (!in.rest().empty() && static_cast<AnyTag>(in.rest().front()) == AnyTag::undefined) {
          in.byte();  // JSON.stringify leaves such members out
          continue;
        }
        if (!first) out.push_back(',');
        first = false;
        append_json_string(out, name);
        out.push_back(':');
        append_json_of_any(out, in);
      }
      out.push_back('}');
      return;
    }
  }
  in.fail("a value has an unknown type");
}

std::string json_of_any(std::string_view value) {
  Reader in(value);
  std::string json;
  append_json_of_any(json, in);
  return json;
}

std::vector<std::pair<std::string_view, std::string_view>> members_of_any(std::string_view value) {
  std::vector<std::pair<std::string_view, std::string_view>> members;
  Reader in(value);
  if (static_cast<AnyTag>(in.byte()) != AnyTag::object) return members;
  const std::uint64_t count = lib0::read_uint(in);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view name = lib0::read_bytes(in);
    const std::string_view rest = in.rest();
    check_any(in);
    members.emplace_back(name, rest.substr(0, rest.size() - in.remaining()));
  }
  return members;
}

void append_string_of_any(std::string& out, std::string_view value) {
  Reader in(value);
  const auto tag = static_cast<AnyTag>(in.byte());
  switch (tag) {
    case AnyTag::string:
      out.append(lib0::read_bytes(in));
      return;
    case AnyTag::undefined:
      out.append("undefined");
      return;
    case AnyTag::integer:
    case AnyTag::float32:
    case AnyTag::float64:
      return append_js_number(out, read_number(in, tag));
    case AnyTag::object:
      out.append("[object Object]");
      return;
    case AnyTag::bytes: {
      bool first = true;
      for (char c : lib0::read_bytes(in)) {
        if (!first) out.push_back(',');
        first = false;
        out.append(std::to_string(static_cast<std::uint8_t>(c)));
      }
      return;
    }
    case AnyTag::array: {
      // Items joined by commas, null and undefined as nothing.
      const std::uint64_t count = lib0::read_uint(in);
      for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        const std::string_view rest = in.rest();
        check_any(in);
        if (i > 0) out.push_back(',');
        const auto item = static_cast<AnyTag>(rest.front());
        if (item != AnyTag::null && item != AnyTag::undefined) {
          append_string_of_any(out, rest.substr(0, rest.size() - in.remaining()));
        }
      }
      return;
    }
    default:
      out.append(json_of_any(value));
  }
}

}  // namespace converge
