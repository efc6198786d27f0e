// Presence between the workers of one bridge that read the replication stream:
// there is no background worker between them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "change_source.h"

namespace converge::bridge {

class PresenceRelay {
 public:
  // From here on the listener hears what others send, on its own thread, until
  // leave(). The number is the sender's to the others.
  std::uint64_t join(asio::io_context& io, ChangeSource::Listener& listener) {
    std::lock_guard lock(mutex_);
    members_[++last_] = {&io, &listener};
    return last_;
  }

  // Called on the listener's thread, which then hears nothing any more.
  void leave(std::uint64_t member) {
    std::lock_guard lock(mutex_);
    members_.erase(member);
    for (auto& [other, to] : members_)
      post(other, to, [member](ChangeSource::Listener& listener) { listener.on_bridge_detached(member); });
  }

  void send(std::uint64_t member, wire::DocumentPresence presence) {
    presence.set_bridge(member);
    std::lock_guard lock(mutex_);
    for (auto& [other, to] : members_)
      if (other != member)
        post(other, to, [presence](ChangeSource::Listener& listener) { listener.on_presence(presence); });
  }

 private:
  struct Member {
    asio::io_context* io;
    ChangeSource::Listener* listener;
  };

  template <class Tell>
  void post(std::uint64_t number, const Member& to, Tell tell) {
    asio::post(*to.io, [this, number, listener = to.listener, tell = std::move(tell)] {
      {
        std::lock_guard lock(mutex_);
        if (members_.count(number) == 0) return;  // it has left meanwhile
      }
      tell(*listener);
    });
  }

  std::mutex mutex_;
  std::map<std::uint64_t, Member> members_;
  std::uint64_t last_ = 0;
};

}  // namespace converge::bridge
