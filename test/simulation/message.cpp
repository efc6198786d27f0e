#include "message.h"

namespace converge::simulation {

std::string_view message_name(const Message& message) {
  static constexpr std::string_view kNames[] = {"Subscribe", "Push", "Create", "Welcome", "Subscribed",
                                                "Changes",   "Ack",  "Reject", "Created", "Problem"};
  static_assert(std::size(kNames) == std::variant_size_v<Message>);
  return kNames[message.index()];
}

}  // namespace converge::simulation
