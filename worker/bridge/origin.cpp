#include "origin.h"

#include <algorithm>

namespace converge::bridge {

namespace {

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

// What follows the scheme; empty if there is none.
std::string_view authority_of(std::string_view origin) {
  const std::size_t at = origin.find("://");
  return at == std::string_view::npos ? std::string_view() : origin.substr(at + 3);
}

}  // namespace

std::string parse_origins(std::string_view text, OriginRule& rule) {
  rule = {text == "any", false, {}};
  if (rule.any) return {};
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string origin = lower(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (origin == "same") {
      rule.same = true;
    } else if (const std::string_view authority = authority_of(origin);
               authority.empty() || authority.find_first_of("/ ") != std::string_view::npos) {
      return "expected any, or a list of same and origins such as https://example.org";
    } else {
      rule.listed.push_back(origin);
    }
  }
  if (!rule.same && rule.listed.empty()) return "names no origin";
  return {};
}

std::string origins_text(const OriginRule& rule) {
  if (rule.any) return "any";
  std::string text = rule.same ? "same" : "";
  for (const std::string& origin : rule.listed) text += (text.empty() ? "" : ",") + origin;
  return text;
}

bool may_connect(const OriginRule& rule, std::string_view origin, std::string_view host) {
  if (origin.empty() || rule.any) return true;
  const std::string page = lower(origin);
  if (rule.same && !host.empty() && authority_of(page) == lower(host)) return true;
  return std::find(rule.listed.begin(), rule.listed.end(), page) != rule.listed.end();
}

}  // namespace converge::bridge
