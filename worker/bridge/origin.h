// Which pages may connect. A browser says in Origin whose page opens a WebSocket
// (RFC 6455, 10.2); other clients say nothing, and are not asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace converge::bridge {

struct OriginRule {
  bool any = false;
  bool same = true;                 // pages of the address that was connected to
  std::vector<std::string> listed;  // and these, as SCHEME://HOST[:PORT] in small letters
};

// "any", or a list, separated by commas, of "same" and origins. What is wrong with
// it, or nothing.
std::string parse_origins(std::string_view text, OriginRule& rule);
std::string origins_text(const OriginRule& rule);

// Whether a page of `origin` may connect to `host` (the request's headers; empty: no
// such header).
bool may_connect(const OriginRule& rule, std::string_view origin, std::string_view host);

}  // namespace converge::bridge
