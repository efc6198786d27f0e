// The argument of converge.push() for a batch of pushes, encoded straight from them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pending_push.h"

namespace converge::bridge {

// Where a push's verdicts are in the response.
struct PushPlace {
  int group;
  int document;
  int first;
};

// One group for each token, in it one entry for each document, so that a document's
// changes stay in the order in which they came. A push with a condition is a group of
// its own, and what its client sends later another one. Gives the bytes of a
// PushRequest that is `whole` or not, and in `places` a place for each push.
std::string encode_push_request(std::span<const PendingPush> batch, bool whole, std::vector<PushPlace>& places);

}  // namespace converge::bridge
