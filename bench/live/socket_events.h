// What happens on thousands of non-blocking sockets, one edge-triggered epoll for
// all: a socket is entered once, and no system call but its own reads and writes
// follows for it. The generator's processor time is taken from the servers that it
// shares the machine with.
#pragma once

#include <chrono>
#include <cstdint>

namespace bench {

class SocketEvents {
 public:
  using Time = std::chrono::steady_clock::time_point;

  class Handler {
   public:
    // `events` are epoll's. What is there to be read has to be read to its end.
    virtual void on_events(std::uint32_t events) = 0;

   protected:
    ~Handler() = default;
  };

  SocketEvents();
  ~SocketEvents();
  SocketEvents(const SocketEvents&) = delete;
  SocketEvents& operator=(const SocketEvents&) = delete;

  // Until the socket is closed; the handler has to live as long, and through the
  // wait() in which that happens.
  void add(int socket, Handler& handler);

  // Handles some of what has happened; if nothing has, waits for it until `until`. Gives
  // whether there may be more.
  bool wait(Time until);

 private:
  int epoll_;
};

}  // namespace bench
