// The Yjs sync protocol as y-websocket or Hocuspocus speak it: every client types
// into the document's text, one character an update.
#pragma once

#include <string>
#include <vector>

#include "load_client.h"

namespace bench {

class YjsDialect final : public Dialect {
 public:
  // y-websocket has a document's name in the path; Hocuspocus in every message,
  // after one with a token.
  enum class Server { y_websocket, hocuspocus };

  // Document n is PREFIXn.
  YjsDialect(Server server, std::string prefix, unsigned clients)
      : server_(server), prefix_(std::move(prefix)), have_(clients) {}

  std::string target(const LoadClient& client) const override {
    return server_ == Server::hocuspocus ? "/" : "/" + name(client);
  }
  std::unique_ptr<Conversation> begin(LoadClient& client) override;

 private:
  class Talk;
  std::string name(const LoadClient& client) const { return prefix_ + std::to_string(client.document()); }

  Server server_;
  std::string prefix_;
  // For each client, how many units of which other client it has.
  std::vector<std::vector<std::pair<unsigned, std::uint64_t>>> have_;
};

}  // namespace bench
