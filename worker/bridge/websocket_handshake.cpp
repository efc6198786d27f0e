#include "websocket_handshake.h"

#include <openssl/evp.h>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "deflate.h"
#include "digest.h"

namespace converge::bridge {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using http::field;

constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kVersion = "13";

std::string_view value_of(const HttpRequest& request, field name) {
  auto value = request[name];
  return {value.data(), value.size()};
}

// Base64 of 16 bytes: 22 digits and two paddings, the last digit's low bits zero.
bool is_key(std::string_view key) {
  if (key.size() != 24 || key.substr(22) != "==") return false;
  for (char c : key.substr(0, 22))
    if (!isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '/') return false;
  return std::string_view("AQgw").find(key[21]) != std::string_view::npos;
}

std::string accept_of(std::string_view key) {
  std::string text(key);
  text += kMagic;
  const auto digest = sha1(text);
  unsigned char accept[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
  int length = EVP_EncodeBlock(accept, digest.data(), SHA_DIGEST_LENGTH);
  return {reinterpret_cast<char*>(accept), static_cast<std::size_t>(length)};
}

bool has_token(const HttpRequest& request, field name, std::string_view token) {
  auto range = request.equal_range(name);
  for (auto at = range.first; at != range.second; ++at)
    if (http::token_list(at->value()).exists({token.data(), token.size()})) return true;
  return false;
}

}  // namespace

bool asks_for_websocket(const HttpRequest& request) {
  return has_token(request, field::upgrade, "websocket") || request.count(field::sec_websocket_key) != 0;
}

Handshake check_handshake(const HttpRequest& request, bool offer_deflate) {
  Handshake result;
  auto fail = [&](const char* problem) {
    result.problem = problem;
    return result;
  };
  if (request.method() != http::verb::get) return fail("the upgrade to WebSocket is a GET");
  if (request.version() < 11) return fail("the upgrade to WebSocket needs HTTP/1.1");
  if (request.count(field::host) != 1 || value_of(request, field::host).empty()) return fail("one Host is needed");
  if (!has_token(request, field::upgrade, "websocket")) return fail("Upgrade has to name websocket");
  if (!has_token(request, field::connection, "upgrade")) return fail("Connection has to name Upgrade");
  if (request.count(field::sec_websocket_version) != 1 ||
      value_of(request, field::sec_websocket_version) != kVersion) {
    result.bad_version = true;
    return fail("only Sec-WebSocket-Version 13 is spoken here");
  }
  if (request.count(field::sec_websocket_key) != 1 || !is_key(value_of(request, field::sec_websocket_key)))
    return fail("one Sec-WebSocket-Key of 16 bytes in base64 is needed");
  result.accept = accept_of(value_of(request, field::sec_websocket_key));
  auto [first, last] = request.equal_range(field::sec_websocket_protocol);
  for (auto at = first; at != last; ++at)
    for (auto protocol : http::token_list(at->value())) result.protocols.emplace_back(protocol.data(), protocol.size());
  if (offer_deflate) {
    std::string offers;
    auto range = request.equal_range(field::sec_websocket_extensions);
    for (auto at = range.first; at != range.second; ++at) {
      if (!offers.empty()) offers += ',';
      offers.append(at->value().data(), at->value().size());
    }
    result.extensions = accept_deflate(offers);
  }
  return result;
}

}  // namespace converge::bridge
