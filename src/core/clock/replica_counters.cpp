#include "core/clock/replica_counters.h"

namespace converge::detail {

namespace {

struct Scanner {
  std::string_view text;
  std::size_t at = 0;

  void skip_space() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' ||
                                text[at] == '\r')) {
      ++at;
    }
  }

  bool take(char c) {
    skip_space();
    if (at == text.size() || text[at] != c) return false;
    ++at;
    return true;
  }

  // Digits, without a sign or leading zeros, of a number below 2^53. Spaces
  // before them are the caller's to allow.
  bool number(std::uint64_t& value) {
    std::size_t from = at;
    value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - from < 17) {
      value = value * 10 + static_cast<std::uint64_t>(text[at++] - '0');
    }
    return at > from && (text[from] != '0' || at == from + 1) && value < kCounterLimit;
  }
};

}  // namespace

Error malformed_counters(std::string_view what, std::string detail) {
  return Error{ErrorCode::malformed, "malformed " + std::string(what), std::move(detail)};
}

Result<void> parse_counters(std::string_view what, std::string_view text,
                            std::vector<std::pair<ReplicaId, std::uint64_t>>& read) {
  Scanner in{text};
  auto wrong = [&](const char* expected) {
    return malformed_counters(what, "expected " + std::string(expected) + " at character " +
                                        std::to_string(in.at + 1));
  };
  if (!in.take('{')) return wrong("\"{\"");
  if (!in.take('}')) {
    do {
      ReplicaId replica = 0;
      std::uint64_t counter = 0;
      if (!in.take('"')) return wrong("a replica in double quotes");
      if (!in.number(replica)) return wrong("a replica below 2^53");
      if (in.at == text.size() || text[in.at] != '"') return wrong("a double quote");
      ++in.at;
      if (!in.take(':')) return wrong("\":\"");
      in.skip_space();
      if (!in.number(counter)) return wrong("a counter below 2^53");
      if (read.size() >= kMaxReplicas) {
        return Error{ErrorCode::too_large, std::string(what) + " names too many replicas",
                     "the limit is " + std::to_string(kMaxReplicas)};
      }
      read.emplace_back(replica, counter);
    } while (in.take(','));
    if (!in.take('}')) return wrong("\",\" or \"}\"");
  }
  in.skip_space();
  if (in.at != text.size()) return wrong("the end");
  return {};
}

}  // namespace converge::detail
