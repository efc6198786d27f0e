#include "sql_box_answer.h"

#include <cstdlib>

#include "core/codec/utf8.h"
#include "core/json/json.h"

namespace converge::bridge {

namespace {

constexpr std::size_t kHeader = 5;  // type and length

std::uint32_t read_32(std::string_view bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return number;
}

// Reads a message's body; after a failure everything fails.
class Body {
 public:
  explicit Body(std::string_view bytes) : rest_(bytes) {}

  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }

  std::string_view bytes(std::size_t count) {
    if (count > rest_.size()) good_ = false;
    if (!good_) return {};
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::uint32_t number_32() {
    const std::string_view taken = bytes(4);
    return good_ ? read_32(taken) : 0;
  }
  unsigned number_16() {
    const std::string_view taken = bytes(2);
    return good_ ? static_cast<unsigned>(static_cast<unsigned char>(taken[0]) << 8 | static_cast<unsigned char>(taken[1])) : 0;
  }
  std::string_view text() {  // up to a NUL
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) good_ = false;
    const std::string_view taken = bytes(good_ ? end : 0);
    bytes(1);
    return taken;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

// A statement may have set another encoding: what is no UTF-8 then shows as U+FFFD.
void append_text(std::string& json, std::string_view text) {
  if (is_valid_text(text)) return append_json_string(json, text);
  std::string mended;
  while (!text.empty()) {
    const std::size_t wrong = find_invalid_text(text);
    mended += text.substr(0, wrong);
    if (wrong == kTextOk) break;
    mended += "\xef\xbf\xbd";
    text.remove_prefix(wrong + 1);
  }
  append_json_string(json, mended);
}

void append_member(std::string& json, const char* name, std::string_view value) {
  if (value.empty()) return;
  if (json.back() != '{') json += ',';
  json.append("\"").append(name) += "\":";
  append_text(json, value);
}

}  // namespace

std::string to_json(const SqlError& error) {
  std::string json = "{\"error\":{";
  append_member(json, "message", error.message);
  append_member(json, "sqlstate", error.sqlstate);
  append_member(json, "detail", error.detail);
  append_member(json, "hint", error.hint);
  if (error.position > 0) json += ",\"position\":" + std::to_string(error.position);
  return json += "}}";
}

// ------------------------------------------------------------------ messages

void ServerMessages::append(std::string_view bytes) {
  bytes_.erase(0, read_);
  read_ = 0;
  total_ += bytes.size();
  if (total_ > kSqlBoxAnswerBytes) too_long_ = true;
  if (!too_long_) bytes_ += bytes;
}

std::optional<ServerMessages::Message> ServerMessages::next() {
  const std::string_view rest = std::string_view(bytes_).substr(read_);
  if (too_long_ || rest.size() < kHeader) return {};
  const std::size_t length = read_32(rest.substr(1)) + std::size_t{1};
  if (length < kHeader || length > kSqlBoxAnswerBytes) {
    too_long_ = true;
    return {};
  }
  if (rest.size() < length) return {};
  read_ += length;
  return Message{rest[0], rest.substr(kHeader, length - kHeader)};
}

// ---------------------------------------------------------------- the answer

bool SqlAnswer::take(const ServerMessages::Message& message) {
  switch (message.type) {
    case 'T': return take_columns(message.body);
    case 'D': return take_row(message.body);
    case 'E': return take_error(message.body);
    case 's':  // the portal is suspended: there may be more rows
      complete_ = true;
      return true;
    case 'C': {
      Body body(message.body);
      command_ = body.text();
      complete_ = true;
      return body.good();
    }
    // No statement that the box runs has such answers: one for an empty statement, and
    // those of COPY.
    case 'I':
    case 'G':
    case 'H':
    case 'W': return false;
    default: return true;
  }
}

bool SqlAnswer::take_columns(std::string_view bytes) {
  constexpr std::size_t kRest = 18;  // table, column, type, its size and modifier, format
  Body body(bytes);
  has_rows_ = true;
  const unsigned count = body.number_16();
  for (unsigned i = 0; i < count && body.good(); ++i) {
    if (!columns_.empty()) columns_ += ',';
    append_text(columns_, body.text());
    body.bytes(kRest);
  }
  return body.good();
}

bool SqlAnswer::take_row(std::string_view bytes) {
  constexpr std::uint32_t kNull = UINT32_MAX;
  if (++row_count_ > kSqlBoxRows) return true;
  Body body(bytes);
  if (!rows_.empty()) rows_ += ',';
  rows_ += '[';
  const unsigned count = body.number_16();
  for (unsigned i = 0; i < count && body.good(); ++i) {
    if (i > 0) rows_ += ',';
    const std::uint32_t length = body.number_32();
    if (length == kNull) {
      rows_ += "null";
      continue;
    }
    const std::string_view value = body.bytes(length);
    if (row_count_ == 1 && i == 0) first_value_ = value;
    append_text(rows_, value);
  }
  rows_ += ']';
  return body.good();
}

bool SqlAnswer::take_error(std::string_view bytes) {
  Body body(bytes);
  SqlError error;
  while (body.good()) {
    const std::string_view kind = body.bytes(1);
    if (!body.good() || kind[0] == '\0') break;
    const std::string_view value = body.text();
    switch (kind[0]) {
      case 'C': error.sqlstate = value; break;
      case 'M': error.message = value; break;
      case 'D': error.detail = value; break;
      case 'H': error.hint = value; break;
      case 'P': error.position = std::atoi(std::string(value).c_str()); break;
      default: break;
    }
  }
  error_ = std::move(error);
  return body.good();
}

std::string SqlAnswer::to_json(std::string_view word) const {
  std::string json = "{";
  if (has_rows_) json += "\"columns\":[" + columns_ + "],\"rows\":[" + rows_ + "],";
  json += "\"command\":";
  append_text(json, command_.empty() ? word : command_);
  json += row_count_ > kSqlBoxRows ? ",\"more\":true}" : ",\"more\":false}";
  return json;
}

}  // namespace converge::bridge
