#include "socket_events.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace bench {

namespace {

// At a time: so that who has to send something meanwhile is not late.
constexpr int kEvents = 64;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

SocketEvents::SocketEvents() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) fail("epoll_create1");
  // Waits end up to 50 µs late otherwise, and every latency is so much longer.
  if (prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL) != 0) fail("prctl");
}

SocketEvents::~SocketEvents() { close(epoll_); }

void SocketEvents::add(int socket, Handler& handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll_ctl");
}

bool SocketEvents::wait(Time until) {
  const auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(until - std::chrono::steady_clock::now()));
  const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000), static_cast<long>(left.count() % 1'000'000'000)};
  std::array<epoll_event, kEvents> events;
  const int count = epoll_pwait2(epoll_, events.data(), kEvents, &timeout, nullptr);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2");
  for (int i = 0; i < count; ++i) static_cast<Handler*>(events[i].data.ptr)->on_events(events[i].events);
  return count == kEvents;
}

}  // namespace bench
