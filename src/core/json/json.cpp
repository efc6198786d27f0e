#include "core/json/json.h"

#include <algorithm>
#include <bitset>
#include <cstdint>

#include "core/codec/utf8.h"

namespace converge {

namespace {

// What PostgreSQL's numeric, and with it jsonb, can hold.
constexpr std::int64_t kMaxDigitsBeforePoint = 131072;
constexpr std::int64_t kMaxDigitsAfterPoint = 16383;

// One pass without recursion and without values: a general parser turns numbers
// into doubles, and refuses those that numeric holds and double does not.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  Result<void> check() {
    if (!values()) {
      if (too_deep_) {
        return Error{ErrorCode::too_large, "JSON is nested too deeply",
                     "the limit is " + std::to_string(kMaxJsonDepth) + " levels"};
      }
      return Error{ErrorCode::malformed, "invalid JSON",
                   std::string(why_) + " at byte " + std::to_string(at_)};
    }
    return {};
  }

 private:
  bool fail(const char* why) {
    if (why_ == nullptr) why_ = why;
    return false;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool is_digit() const { return peek() >= '0' && peek() <= '9'; }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' ||
                                  text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool open(bool object) {
    too_deep_ = depth_ == kMaxJsonDepth;
    if (too_deep_) return false;
    is_object_[depth_++] = object;
    return true;
  }

  // The whole text: one value, its containers kept on a stack of bits.
  bool values() {
    for (;;) {
      // A value begins here.
      skip_space();
      if (take('{')) {
        if (!open(true)) return false;
        if (!take('}')) {
          if (!name()) return false;
          continue;
        }
        --depth_;
      } else if (take('[')) {
        if (!open(false)) return false;
        if (!take(']')) continue;
        --depth_;
      } else if (!scalar()) {
        return false;
      }
      // A value has ended; so may those it was the last of.
      for (;;) {
        if (depth_ == 0) {
          skip_space();
          return at_ == text_.size() || fail("more than one value");
        }
        const bool object = is_object_[depth_ - 1];
        if (take(',')) {
          if (object && !name()) return false;
          break;
        }
        if (!take(object ? '}' : ']')) {
          return fail(object ? "expected a comma or closing brace"
                             : "expected a comma or closing bracket");
        }
        --depth_;
      }
    }
  }

  bool name() {
    skip_space();
    if (peek() != '"') return fail("expected a member's name");
    return string() && (take(':') || fail("expected a colon"));
  }

  bool scalar() {
    switch (peek()) {
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return fail("invalid value");
    at_ += word.size();
    return true;
  }

  bool string() {
    ++at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20) return fail("unescaped control character");
      if (c == '\\') {
        if (!escape()) return false;
      } else {
        ++at_;
      }
    }
    return fail("unterminated string");
  }

  bool escape() {
    ++at_;
    if (peek() != 'u') {
      static constexpr std::string_view simple = "\"\\/bfnrt";
      if (at_ == text_.size() || simple.find(text_[at_]) == std::string_view::npos) {
        return fail("invalid escape");
      }
      ++at_;
      return true;
    }
    std::uint32_t unit = 0;
    if (!hex(unit)) return false;
    if (unit == 0) return fail("escaped U+0000");
    if (unit >= 0xdc00 && unit <= 0xdfff) return fail("escaped lone surrogate");
    if (unit >= 0xd800 && unit <= 0xdbff) {
      if (text_.substr(at_, 2) != "\\u") return fail("escaped lone surrogate");
      ++at_;
      if (!hex(unit)) return false;
      if (unit < 0xdc00 || unit > 0xdfff) return fail("escaped lone surrogate");
    }
    return true;
  }

  // Four hexadecimal digits behind a "u".
  bool hex(std::uint32_t& unit) {
    ++at_;
    unit = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      std::uint32_t digit;
      if (c >= '0' && c <= '9') {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        return fail("invalid escape");
      }
      unit = unit << 4 | digit;
    }
    return true;
  }

  std::int64_t digits() {
    const std::size_t from = at_;
    while (is_digit()) ++at_;
    return static_cast<std::int64_t>(at_ - from);
  }

  bool number() {
    const bool negative = peek() == '-';
    if (negative) ++at_;
    if (!is_digit()) return fail(negative ? "invalid number" : "expected a value");
    const bool zero = peek() == '0';
    std::int64_t before = digits();
    if (zero && before > 1) return fail("number with a leading zero");
    std::int64_t after = 0;
    if (peek() == '.') {
      ++at_;
      after = digits();
      if (after == 0) return fail("invalid number");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      const bool minus = peek() == '-';
      if (minus || peek() == '+') ++at_;
      if (!is_digit()) return fail("invalid number");
      std::int64_t exponent = 0;
      for (; is_digit(); ++at_) {
        exponent = std::min<std::int64_t>(exponent * 10 + (peek() - '0'), 1 << 20);
      }
      before += minus ? -exponent : exponent;
      after -= minus ? -exponent : exponent;
    }
    if (before > kMaxDigitsBeforePoint || after > kMaxDigitsAfterPoint) {
      return fail("number beyond the range of numeric");
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::bitset<kMaxJsonDepth> is_object_;
  bool too_deep_ = false;
  const char* why_ = nullptr;
};

}  // namespace

Result<void> validate_json(std::string_view text) {
  if (std::size_t at = find_invalid_text(text); at != kTextOk) {
    return Error{ErrorCode::malformed, "invalid JSON",
                 std::string(text[at] == '\0' ? "U+0000" : "invalid UTF-8") + " at byte " +
                     std::to_string(at)};
  }
  return Checker(text).check();
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  static constexpr std::string_view escaped = "\"\\\n\r\t";
  static constexpr std::string_view letters = "\"\\nrt";
  out.push_back('"');
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::size_t at = escaped.find(c); at != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(letters[at]);
    } else if (byte < 0x20) {
      out += "\\u00";
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace converge
