// The protocol of the reference server (reference_server.cpp).
#pragma once

#include <vector>

#include "load_client.h"

namespace bench {

class ReferenceDialect final : public Dialect {
 public:
  explicit ReferenceDialect(unsigned clients) : positions_(clients, 0) {}

  std::string target(const LoadClient& client) const override { return "/" + std::to_string(client.document()); }
  std::unique_ptr<Conversation> begin(LoadClient& client) override;

 private:
  class Talk;
  std::vector<std::uint64_t> positions_;  // what each client has of the log
};

}  // namespace bench
