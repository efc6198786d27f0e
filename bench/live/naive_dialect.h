// What the server says that a user would write first: a broadcast of messages of
// any form, inserted and announced with NOTIFY (../shared/peers/server/naive.mjs).
#pragma once

#include <string>
#include <vector>

#include "load_client.h"

namespace bench {

class NaiveDialect final : public Dialect {
 public:
  // Document n is asked for as /PREFIXn.
  NaiveDialect(std::string prefix, unsigned clients) : prefix_(std::move(prefix)), positions_(clients, 0) {}

  std::string target(const LoadClient& client) const override;
  std::unique_ptr<Conversation> begin(LoadClient& client) override;

 private:
  class Talk;
  std::string prefix_;
  std::vector<std::uint64_t> positions_;  // what each client has of the log
};

}  // namespace bench
