// A client's push on its way to the database, and who waits for what becomes of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converge.pb.h"

namespace converge::bridge {

// Who waits for the verdicts.
class Author {
 public:
  virtual ~Author() = default;
  // One verdict for each change, in order.
  virtual void on_verdicts(std::uint32_t channel, std::span<const wire::Change> changes,
                           std::span<const wire::Verdict> verdicts) = 0;
  // The push left the queue: `bytes` of it are no longer in the works.
  virtual void on_push_done(std::size_t bytes) = 0;
  // The verdict on the change of a Create, and the document's key: to who sends one.
  virtual void on_created(std::uint32_t, const wire::DocumentRef&, const wire::Verdict&) {}
};

// A document of which pushes are in the works: the queue's (push_queue.h).
struct PushedDocument {
  std::string_view key;     // different for different documents
  int lane = -1;            // whose call it is in; negative: nobody's
  std::size_t waiting = 0;  // pushes of it that are in no call
};

struct PendingPush {
  std::weak_ptr<Author> author;
  std::uint32_t channel = 0;
  std::shared_ptr<const std::string> token;
  std::shared_ptr<const wire::DocumentRef> document;
  std::vector<wire::Change> changes;
  bool atomic = false;  // as wire.Push has them
  std::string expect;
  bool creates = false;  // a Create, numbered `request`
  std::uint32_t request = 0;
  std::string temporary_key;
  std::size_t bytes = 0;

  // The pusher's own.
  std::chrono::steady_clock::time_point since;
  PushedDocument* pushed_document = nullptr;  // as long as the push waits, or its lane's call lasts
  bool alone = false;  // a call with this and others failed as a whole
};

}  // namespace converge::bridge
