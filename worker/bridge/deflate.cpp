#include "deflate.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <set>
#include <vector>

namespace converge::bridge {

namespace {

constexpr std::string_view kName = "permessage-deflate";
// What a sync flush ends with, and a message omits (RFC 7692, 7.2.1).
constexpr std::string_view kTail("\0\0\xff\xff", 4);
constexpr int kWindowBits = 15;
constexpr std::size_t kChunk = 16 << 10;

// One of each for the thread: they are reset for every message.
struct Deflater {
  Deflater() {
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, -kWindowBits, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  ~Deflater() { deflateEnd(&stream); }
  z_stream stream{};
};

struct Inflater {
  Inflater() {
    if (inflateInit2(&stream, -kWindowBits) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  z_stream stream{};
};

z_stream& fresh_inflater() {
  thread_local Inflater inflater;
  inflateReset(&inflater.stream);
  return inflater.stream;
}

Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The parts between the separators that stand outside quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && (quoted || text[i] != separator)) continue;
    parts.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

bool is_window_size(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  return value == "8" || value == "9" || (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5');
}

// Whether the parameters of an offer are ones that this server can live with
// (RFC 7692, 7.1). A window smaller than ours for what we send it cannot.
bool acceptable(const std::vector<std::string_view>& offer) {
  std::set<std::string_view> seen;
  for (std::size_t i = 1; i < offer.size(); ++i) {
    std::size_t equals = offer[i].find('=');
    std::string_view name = trimmed(offer[i].substr(0, equals));
    bool has_value = equals != std::string_view::npos;
    std::string_view value = has_value ? trimmed(offer[i].substr(equals + 1)) : std::string_view{};
    if (!seen.insert(name).second) return false;
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
      if (has_value) return false;
    } else if (name == "client_max_window_bits") {
      if (has_value && !is_window_size(value)) return false;
    } else if (name == "server_max_window_bits") {
      if (!has_value || (value != "15" && value != "\"15\"")) return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<std::string> accept_deflate(std::string_view offers) {
  for (std::string_view offer : split(offers, ',')) {
    auto parts = split(offer, ';');
    if (parts.front() != kName || !acceptable(parts)) continue;
    std::string answer(kName);
    answer += "; server_no_context_takeover; client_no_context_takeover";
    for (std::string_view part : parts)
      if (part.starts_with("server_max_window_bits")) answer += "; server_max_window_bits=15";
    return answer;
  }
  return {};
}

std::string deflate_message(std::string_view message) {
  thread_local Deflater deflater;
  z_stream& stream = deflater.stream;
  deflateReset(&stream);
  std::string out(deflateBound(&stream, message.size()) + 16, '\0');
  stream.next_in = bytes_of(message);
  stream.avail_in = static_cast<uInt>(message.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out - kTail.size());
  return out;
}

std::optional<std::string> inflate_message(std::string_view payload, std::size_t longest, bool* too_long) {
  z_stream& stream = fresh_inflater();
  *too_long = false;
  std::string out;
  for (std::string_view part : {payload, kTail}) {
    stream.next_in = bytes_of(part);
    stream.avail_in = static_cast<uInt>(part.size());
    do {
      std::size_t size = out.size();
      // One byte beyond the bound shows that it is exceeded.
      std::size_t room = std::min(kChunk, longest + 1 - size);
      if (room == 0) {
        *too_long = true;
        return {};
      }
      out.resize(size + room);
      stream.next_out = bytes_of(out) + size;
      stream.avail_out = static_cast<uInt>(room);
      int result = inflate(&stream, Z_SYNC_FLUSH);
      out.resize(size + room - stream.avail_out);
      // A final block ends the data; the zero behind it begins an empty block
      // of which the tail is the rest (7.2.3.4).
      if (result == Z_STREAM_END) {
        std::string_view rest = part.substr(part.size() - stream.avail_in);
        if (part.data() == payload.data() && !rest.empty() && rest != std::string_view("\0", 1)) return {};
        *too_long = out.size() > longest;
        return *too_long ? std::nullopt : std::optional(std::move(out));
      }
      if (result != Z_OK && result != Z_BUF_ERROR) return {};
    } while (stream.avail_out == 0 || stream.avail_in > 0);
  }
  if (out.size() > longest) {
    *too_long = true;
    return {};
  }
  return out;
}

std::string inflate_beginning(std::string_view payload, std::size_t most) {
  z_stream& stream = fresh_inflater();
  std::string out(most, '\0');
  stream.next_in = bytes_of(payload);
  stream.avail_in = static_cast<uInt>(payload.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
  return out;
}

}  // namespace converge::bridge
