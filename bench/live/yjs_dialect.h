// The Yjs sync protocol as y-websocket or Hocuspocus speak it, and the bridge as
// y-websocket: every client types into the document's text, one character an update.
#pragma once

#include <string>
#include <vector>

#include "converge_dialect.h"
#include "load_client.h"

namespace bench {

class YjsDialect final : public Dialect {
 public:
  // y-websocket has a document's name in the path; Hocuspocus in every message,
  // after one with a token.
  enum class Server { y_websocket, hocuspocus, bridge };

  // Document n is PREFIXn; of the bridge, field body of page/PREFIXn, which asks for
  // a token.
  YjsDialect(Server server, ConvergeAccount account, unsigned clients);

  std::string target(const LoadClient& client) const override;
  std::string protocols(const LoadClient& client) const override;
  std::unique_ptr<Conversation> begin(LoadClient& client) override;

 private:
  class Talk;
  std::string name(const LoadClient& client) const { return account_.key_prefix + std::to_string(client.document()); }

  Server server_;
  ConvergeAccount account_;
  std::vector<std::string> tokens_;  // of the bridge's clients, as long as they live
  // For each client, how many units of which other client it has.
  std::vector<std::vector<std::pair<unsigned, std::uint64_t>>> have_;
};

}  // namespace bench
