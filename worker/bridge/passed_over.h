// The transactions of the stream that a new snapshot may not show yet: a commit
// record is flushed, and decoded, a moment before its transaction leaves the list
// of running ones, or long before, when it waits for a synchronous standby. (The
// background worker knows them by itself: worker/background/unsettled.h.)
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>

namespace converge::bridge {

class PassedOver {
 public:
  // A frame of a transaction has come; everything before `before` was there
  // already. Called again for the same one it does nothing.
  void note(std::uint32_t transaction, std::uint64_t before);

  // A position in the sequence of transactions: the present one.
  std::uint64_t position() const { return count_; }

  // A snapshot, as pg_current_snapshot() writes it: forgets what it shows. False if
  // it is none.
  bool take_snapshot(std::string_view snapshot);

  // Whether every transaction up to the position has been shown by a snapshot.
  bool settled(std::uint64_t position) const { return noted_.empty() || noted_.front().number > position; }

  bool empty() const { return noted_.empty(); }

  // Up to where the stream need not be read again when everything before
  // `processed` has been.
  std::uint64_t confirmable(std::uint64_t processed) const { return noted_.empty() ? processed : noted_.front().before; }

  void clear() { noted_.clear(); }

 private:
  struct Noted {
    std::uint32_t transaction;
    std::uint64_t number;  // from 1, as they came
    std::uint64_t before;
  };

  std::deque<Noted> noted_;
  std::uint64_t count_ = 0;
  std::uint32_t latest_ = 0;
};

}  // namespace converge::bridge
