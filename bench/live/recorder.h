// What became of every update of a run. Latencies count from the moment at
// which an update was to be sent (open loop): a server that holds up the
// generator pays for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class Recorder {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  // Begins a measurement: what was sent before it is not counted any more.
  void begin(unsigned clients);

  // It is being sent now.
  void sent(unsigned author, Time intended);
  // A client has the author's update `number`. Again counts once more: the
  // workloads look for losses, and the tests for duplicates.
  void received(unsigned author, std::uint32_t number);
  // The server has said that it keeps the author's updates up to `number`.
  void acknowledged(unsigned author, std::uint32_t number);

  std::uint64_t receipts() const { return receipts_; }

  // In milliseconds; NaN when there are none. `fraction` from 0 to 1.
  double delivery(double fraction) { return quantile(delivery_, fraction); }
  double acknowledgement(double fraction) { return quantile(acknowledgement_, fraction); }
  // How much later than intended updates were sent: the generator's part of the others.
  double lateness(double fraction) { return quantile(lateness_, fraction); }
  // Of the updates that came to `receivers` clients, the time to the last.
  double last_receiver(unsigned receivers, double fraction) const;

 private:
  struct Update {
    Time intended;
    Time last;                   // when it was received last
    std::uint32_t receipts = 0;
  };
  struct Author {
    std::vector<Update> updates;
    std::uint32_t measured_from = 0;
    std::uint32_t acknowledged = 0;
  };

  static double quantile(std::vector<float>& times, double fraction);

  std::vector<Author> authors_;
  std::vector<float> delivery_;         // milliseconds
  std::vector<float> acknowledgement_;
  std::vector<float> lateness_;
  std::uint64_t receipts_ = 0;
};

}  // namespace bench
