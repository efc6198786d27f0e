#include "yjs_request.h"

#include <algorithm>
#include <array>

namespace converge::bridge {

namespace {

constexpr std::string_view kPath = "/yjs";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return decoded;
}

// What is in a URL is in the logs of every proxy. A token looks like one, or is
// called so.
bool has_token(std::string_view query) {
  constexpr std::array<std::string_view, 6> kNames = {"token", "access_token", "auth", "authorization", "jwt", "yauth"};
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    if (std::find(kNames.begin(), kNames.end(), parameter.substr(0, equals)) != kNames.end()) return true;
    if (parameter.substr(std::min(equals + 1, parameter.size())).starts_with("eyJ")) return true;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

}  // namespace

std::optional<YjsName> read_yjs_name(std::string_view text) {
  std::array<std::string, 3> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = text.find('/');
    if ((end == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    auto part = percent_decoded(text.substr(0, end));
    if (!part || part->empty()) return std::nullopt;
    parts[i] = std::move(*part);
    if (end != std::string_view::npos) text.remove_prefix(end + 1);
  }
  YjsName name;
  name.document.set_collection(std::move(parts[0]));
  name.document.set_key(std::move(parts[1]));
  name.field = std::move(parts[2]);
  return name;
}

bool is_yjs_path(std::string_view path) {
  return path.starts_with(kPath) && (path.size() == kPath.size() || path[kPath.size()] == '/');
}

YjsRequest read_yjs_request(std::string_view target, const std::vector<std::string>& protocols) {
  YjsRequest request;
  for (const std::string& protocol : protocols) {
    if (protocol == kYjsProtocol) request.protocol = protocol;
    if (protocol.starts_with(kTokenProtocol)) request.token = protocol.substr(kTokenProtocol.size());
  }
  const std::size_t path = std::min(target.find('?'), target.size());
  const std::string_view name = target.substr(kPath.size(), path - kPath.size());
  if (name.size() > 1) request.name = name.substr(1);
  if (has_token(target.substr(std::min(path + 1, target.size())))) {
    request.problem = "a token in the URL is refused: offer it as subprotocol " + std::string(kTokenProtocol) + "TOKEN";
  } else if (request.name && request.token.empty()) {
    request.problem = "no token: offer the subprotocols " + std::string(kYjsProtocol) + " and " +
                      std::string(kTokenProtocol) + "TOKEN";
  }
  return request;
}

}  // namespace converge::bridge
