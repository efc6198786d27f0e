// Converge's own protocol (proto/converge.proto). Every client is a user of its
// own and a replica that types into the document's text, one character an
// update; the deltas are the core's. What others write is counted, not merged.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "load_client.h"

namespace bench {

struct ConvergeAccount {
  std::string tenant;
  std::string key_id;      // of converge.jwt_key
  std::string secret;
  std::string collection;
  std::string key_prefix;  // document n is the row with the key PREFIXn
};

// The token of client `index`, a user of its own.
std::string bench_token(const ConvergeAccount& account, unsigned index);

class ConvergeDialect final : public Dialect {
 public:
  ConvergeDialect(ConvergeAccount account, unsigned clients);
  ~ConvergeDialect() override;

  std::string target(const LoadClient&) const override { return "/sync"; }
  std::unique_ptr<Conversation> begin(LoadClient& client) override;

 private:
  class Talk;
  struct Replica;  // a client's, from one connection to the next

  ConvergeAccount account_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unordered_map<std::uint64_t, unsigned> client_of_;  // by replica
};

}  // namespace bench
