// How a subscription becomes live, without a hole: a barrier in the stream, then
// what the log has beyond what the client knows, then what came meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "conversation.h"
#include "hub.h"

namespace converge::bridge {

// Why something was not done; CODE_OK: it was.
struct Refusal {
  wire::Code code = wire::CODE_OK;
  std::string message;
};

class CatchUp {
 public:
  // `token` gives the client's token, which may be renewed meanwhile; `pull` asks
  // for what the client lacks: an encoded PullResponse.
  CatchUp(const Services& services, std::shared_ptr<Subscription> subscription, std::function<Token()> token,
          std::function<awaitable<std::string>()> pull)
      : services_(services), subscription_(std::move(subscription)), token_(std::move(token)), pull_(std::move(pull)) {}

  // Takes the subscription from joining to live, or to lagging if too much came,
  // and tries for --subscribe-timeout. An empty ticket is asked for first. Whether
  // the subscription has ended meanwhile is for the caller to see.
  awaitable<Refusal> run(std::string ticket);

 private:
  Services services_;
  std::shared_ptr<Subscription> subscription_;
  std::function<Token()> token_;
  std::function<awaitable<std::string>()> pull_;
};

}  // namespace converge::bridge
