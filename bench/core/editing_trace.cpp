#include "editing_trace.h"

#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>
#include <zlib.h>

namespace bench {

std::vector<Edit> EditingTrace::edits() const {
  std::vector<Edit> all;
  for (const Transaction& transaction : transactions) {
    all.insert(all.end(), transaction.edits.begin(), transaction.edits.end());
  }
  return all;
}

std::optional<EditingTrace> read_trace(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");  // reads plain files as well
  if (file == nullptr) return std::nullopt;
  std::string content;
  char buffer[1 << 16];
  int got;
  while ((got = gzread(file, buffer, sizeof buffer)) > 0) {
    content.append(buffer, static_cast<std::size_t>(got));
  }
  gzclose(file);
  try {
    const nlohmann::json json = nlohmann::json::parse(content);
    EditingTrace trace;
    trace.end = json.at("endContent").get<std::string>();
    trace.authors = json.value("numAgents", std::size_t{1});
    if (std::string start = json.value("startContent", ""); !start.empty()) {
      trace.transactions.push_back({0, {}, {{0, 0, start}}});
    }
    for (const auto& txn : json.at("txns")) {
      Transaction transaction;
      transaction.author = txn.value("agent", std::size_t{0});
      transaction.parents = txn.value("parents", std::vector<std::size_t>{});
      for (const auto& patch : txn.at("patches")) {
        transaction.edits.push_back({patch.at(0).get<std::uint64_t>(),
                                     patch.at(1).get<std::uint64_t>(),
                                     patch.at(2).get<std::string>()});
      }
      trace.transactions.push_back(std::move(transaction));
    }
    return trace;
  } catch (const nlohmann::json::exception& error) {
    std::fprintf(stderr, "trace \"%s\" is not as expected: %s\n", path.c_str(), error.what());
    std::exit(1);
  }
}

}  // namespace bench
