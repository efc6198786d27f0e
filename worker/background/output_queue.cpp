#include "worker/background/output_queue.h"

#include <sys/socket.h>

#include <cerrno>

namespace converge::worker {
namespace {

constexpr int kSmall = 16 * 1024;

}  // namespace

char* OutputQueue::reserve(MemoryContext context, int bytes) {
  if (head_ > 0 && tail_ + bytes > capacity_) {
    // What was sent makes room first.
    memmove(data_, data_ + head_, static_cast<size_t>(size()));
    tail_ -= head_;
    head_ = 0;
  }
  if (tail_ + bytes > capacity_) {
    int capacity = Max(capacity_, kSmall);

    while (tail_ + bytes > capacity) capacity *= 2;
    data_ = static_cast<char*>(data_ == nullptr
                                   ? MemoryContextAlloc(context, static_cast<Size>(capacity))
                                   : repalloc(data_, static_cast<Size>(capacity)));
    capacity_ = capacity;
  }
  return data_ + tail_;
}

OutputQueue::Sent OutputQueue::send_to(int socket) {
  while (!empty()) {
    const ssize_t sent =
        send(socket, data_ + head_, static_cast<size_t>(size()), MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent >= 0) {
      head_ += static_cast<int>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Sent::some : Sent::failed;
  }
  head_ = tail_ = 0;
  // A burst's memory is not kept.
  if (capacity_ > kSmall * 16) free();
  return Sent::all;
}

void OutputQueue::free() {
  if (data_ != nullptr) pfree(data_);
  data_ = nullptr;
  capacity_ = head_ = tail_ = 0;
}

}  // namespace converge::worker
