#include "workloads.h"

#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace bench {

namespace {

constexpr double kHighestP99 = 50;    // ms
constexpr double kMostLost = 0.001;
constexpr double kLeastSent = 0.97;   // of the rate that was wanted
constexpr double kStep = 1.35;
constexpr int kRefinements = 2;
constexpr unsigned kMissed = 1000;
constexpr unsigned kWriters = 10;
constexpr double kMissedRate = 1000;  // a second
constexpr double kSample = 5;         // seconds of load between two looks at memory

using std::chrono::milliseconds;

void warm_up(Fleet& fleet, const Load& load) {
  fleet.drive(fleet.all_writers(), fleet.followers() - 1, load.rate, std::min(1.0, load.seconds));
}

}  // namespace

Typing measure_typing(Fleet& fleet, const Load& load) {
  warm_up(fleet, load);
  const Traffic traffic = fleet.drive(fleet.all_writers(), fleet.followers() - 1, load.rate, load.seconds);
  Recorder& recorder = fleet.recorder();
  const Typing result{recorder.delivery(0.5), recorder.delivery(0.99), recorder.acknowledgement(0.5),
                      recorder.acknowledgement(0.99), traffic.cores};
  std::printf("  %.0f updates/s, late by p50 %.2f p99 %.2f ms: delivery p50 %.2f p99 %.2f ms, ack p50 %.2f p99 %.2f ms, %.2f cores, "
              "generator %.2f, lost %.2f %%, machine stolen for %.0f ms\n",
              traffic.sent_per_s, recorder.lateness(0.5), recorder.lateness(0.99), result.p50_ms, result.p99_ms, result.ack_p50_ms, result.ack_p99_ms, result.cores,
              traffic.generator_cores, 100 * traffic.lost, 1000 * traffic.stolen);
  return result;
}

Broadcast measure_broadcast(Fleet& fleet, const Load& load) {
  const std::vector<unsigned> writer = {0};
  const unsigned receivers = fleet.size() - 1;
  fleet.drive(writer, receivers, load.rate, 1);
  const Traffic traffic = fleet.drive(writer, receivers, load.rate, load.seconds);
  const Recorder& recorder = fleet.recorder();
  const Broadcast result{recorder.last_receiver(receivers, 0.5), recorder.last_receiver(receivers, 0.99)};
  std::printf("  %u clients: last receiver p50 %.2f p99 %.2f ms, %.2f cores, lost %.2f %%\n", fleet.size(), result.p50_ms,
              result.p99_ms, traffic.cores, 100 * traffic.lost);
  return result;
}

double find_highest_rate(Fleet& fleet, const Load& load) {
  warm_up(fleet, load);
  auto holds = [&](double rate) {
    const Traffic traffic = fleet.drive(fleet.all_writers(), fleet.followers() - 1, rate, load.seconds);
    const double p99 = fleet.recorder().delivery(0.99);
    const bool ok = p99 < kHighestP99 && traffic.lost < kMostLost && traffic.sent_per_s > kLeastSent * rate;
    std::printf("  %.0f updates/s: %s, sent %.0f, late by p99 %.2f ms, delivery p50 %.2f p99 %.2f ms, %.2f cores, generator %.2f, lost %.2f %%\n",
                rate, ok ? "held" : "not held", traffic.sent_per_s, fleet.recorder().lateness(0.99),
                fleet.recorder().delivery(0.5), p99, traffic.cores, traffic.generator_cores, 100 * traffic.lost);
    // What did not come yet is not to be counted for the next rate.
    if (!ok) fleet.rest(milliseconds(500));
    return ok;
  };
  // Something else on the machine may have spoilt one measurement.
  auto holds_after_all = [&](double rate) { return holds(rate) || holds(rate); };
  double held = 0;
  double rate = load.rate;
  while (holds_after_all(rate)) {
    held = rate;
    rate *= kStep;
  }
  double refused = rate;
  while (held == 0 && refused > 10) {  // it was too much to begin with
    rate = refused / 2;
    if (holds_after_all(rate)) {
      held = rate;
    } else {
      refused = rate;
    }
  }
  for (int i = 0; i < kRefinements && held != 0; ++i) {
    const double between = std::sqrt(held * refused);
    (holds_after_all(between) ? held : refused) = between;
  }
  return held;
}

double measure_idle(Fleet& fleet, const Load& load) {
  const double before = resident_kilobytes(fleet.processes());
  fleet.connect();
  fleet.rest(milliseconds(1000));
  const double each = (resident_kilobytes(fleet.processes()) - before) / load.clients;
  std::printf("  %u idle clients of %u documents: %.2f kB each\n", load.clients, load.documents, each);
  return each;
}

double measure_return(Fleet& fleet) {
  if (fleet.size() != kWriters + 2) throw std::runtime_error("W5 wants twelve clients");
  std::vector<unsigned> writers;
  for (unsigned i = 0; i < kWriters; ++i) writers.push_back(i);
  // The last client is the one that goes; everybody else has to have it all.
  fleet.drive(writers, fleet.size() - 1, kMissedRate, 0.1);
  LoadClient& returning = fleet.client(kWriters + 1);
  returning.disconnect();
  fleet.rest(milliseconds(200));
  const Traffic traffic = fleet.drive(writers, fleet.size() - 2, kMissedRate, kMissed / kMissedRate);
  if (traffic.lost != 0) throw std::runtime_error("the clients that stayed lack updates");
  fleet.rest(milliseconds(300));

  const std::uint64_t wanted = fleet.recorder().receipts() + kMissed;
  const auto begin = Recorder::Clock::now();
  returning.connect();
  Recorder::Time end{};
  const bool all = fleet.pump(
      [&] {
        end = Recorder::Clock::now();
        return fleet.recorder().receipts() >= wanted;
      },
      milliseconds(20000));
  if (!all) throw std::runtime_error("the client that came back lacks updates");
  const double time = std::chrono::duration<double, std::milli>(end - begin).count();
  std::printf("  came back to %u missed updates: %.2f ms\n", kMissed, time);
  return time;
}

Growth measure_growth(Fleet& fleet, const Load& load) {
  const auto samples = std::max(6, static_cast<int>(load.seconds / kSample));
  Growth first{};
  Growth last{};
  for (int i = 1; i <= samples; ++i) {
    const Traffic traffic =
        fleet.drive(fleet.all_writers(), fleet.followers() - 1, load.rate, load.seconds / samples, milliseconds(10000));
    if (traffic.lost != 0) throw std::runtime_error("updates were lost");
    last = {resident_kilobytes(fleet.processes()), postgres_private_kilobytes(fleet.processes())};
    std::printf("  after %.0f s: server %.0f kB, PostgreSQL %.0f kB, %.0f updates/s, delivery p50 %.2f p99 %.2f ms, %.2f cores\n",
                load.seconds * i / samples, last.server_kB, last.postgres_kB, traffic.sent_per_s,
                fleet.recorder().delivery(0.5), fleet.recorder().delivery(0.99), traffic.cores);
    std::fflush(stdout);
    if (i == samples / 6) first = last;
  }
  return {last.server_kB - first.server_kB, last.postgres_kB - first.postgres_kB};
}

}  // namespace bench
