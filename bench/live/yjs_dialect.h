// The Yjs sync protocol as y-websocket speaks it: every client types into the
// document's text, one character an update.
#pragma once

#include <string>
#include <vector>

#include "load_client.h"

namespace bench {

class YjsDialect final : public Dialect {
 public:
  // Document n is asked for as /PREFIXn.
  YjsDialect(std::string prefix, unsigned clients) : prefix_(std::move(prefix)), have_(clients) {}

  std::string target(unsigned document) const override { return "/" + prefix_ + std::to_string(document); }
  std::unique_ptr<Conversation> begin(LoadClient& client) override;

 private:
  class Talk;
  std::string prefix_;
  // For each client, how many units of which other client it has.
  std::vector<std::vector<std::pair<unsigned, std::uint64_t>>> have_;
};

}  // namespace bench
