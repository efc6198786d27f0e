// The bytes that a bridge has still to be sent.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

class OutputQueue {
 public:
  // At most this many bytes wait for one bridge.
  static constexpr int kLimit = 8 * 1024 * 1024;

  enum class Sent { all, some, failed };

  bool empty() const { return head_ == tail_; }
  int size() const { return tail_ - head_; }
  bool has_room(int bytes) const { return size() + bytes <= kLimit; }

  // Memory for `bytes` more at the queue's end, in `context`; the caller has
  // checked has_room(), fills it, and calls commit().
  char* reserve(MemoryContext context, int bytes);
  void commit(int bytes) { tail_ += bytes; }

  // Sends as much as the socket takes without blocking. `failed`: the other
  // side is gone.
  Sent send_to(int socket);

  void free();

 private:
  char* data_;
  int capacity_;
  int head_;
  int tail_;
};

}  // namespace converge::worker
