#include "trace.h"

#include <nlohmann/json.hpp>
#include <zlib.h>

#include <memory>
#include <stdexcept>

namespace converge::cli {

namespace {

// gzopen reads a file that is not compressed as it is.
std::string read_gzip(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw std::runtime_error("could not open trace \"" + path + "\"");
  std::string content;
  char buffer[1 << 16];
  int got;
  while ((got = gzread(file.get(), buffer, sizeof buffer)) > 0)
    content.append(buffer, static_cast<std::size_t>(got));
  if (got < 0) throw std::runtime_error("could not read trace \"" + path + "\"");
  return content;
}

}  // namespace

Trace read_trace(const std::string& path) {
  try {
    const nlohmann::json json = nlohmann::json::parse(read_gzip(path));
    Trace trace;
    trace.start = json.at("startContent").get<std::string>();
    trace.end = json.at("endContent").get<std::string>();
    for (const auto& transaction : json.at("txns"))
      for (const auto& patch : transaction.at("patches"))
        trace.edits.push_back({patch.at(0).get<std::uint64_t>(), patch.at(1).get<std::uint64_t>(),
                               patch.at(2).get<std::string>()});
    return trace;
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error("trace \"" + path + "\" is not as expected: " + error.what());
  }
}

}  // namespace converge::cli
