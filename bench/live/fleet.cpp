#include "fleet.h"

#include <ctime>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

using Clock = Recorder::Clock;

// So many may be between connecting and following at a time.
constexpr unsigned kConnecting = 100;
constexpr std::chrono::seconds kConnectPatience{60};
// Sent in one go when the generator is late, before it looks for answers.
constexpr unsigned kBurst = 64;
// Where updates follow each other faster than this, the generator sends and reads what
// there is once in this time: to wake it for each would take a quarter of its
// processor time, and some of the server's, for which a client is elsewhere.
constexpr std::chrono::microseconds kTurn{250};

double own_processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double seconds_since(Recorder::Time begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

}  // namespace

Fleet::Fleet(LoadClient::Shared& shared, const ServerProcesses& processes, unsigned clients, unsigned documents)
    : shared_(shared), processes_(processes), documents_(documents) {
  const unsigned followers = std::max(1u, clients / documents);
  for (unsigned i = 0; i < clients; ++i)
    clients_.push_back(std::make_unique<LoadClient>(shared, i, std::min(i / followers, documents - 1)));
  shared_.recorder.begin(clients);
}

void Fleet::check() const {
  if (shared_.failed != 0)
    throw std::runtime_error(std::to_string(shared_.failed) + " clients failed, the first: " + shared_.failure);
}

bool Fleet::pump(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const Time deadline = Clock::now() + patience;
  while (!condition()) {
    check();
    if (Clock::now() >= deadline) return false;
    shared_.events.wait(std::min(deadline, Clock::now() + std::chrono::milliseconds(20)));
  }
  check();
  return true;
}

void Fleet::rest(std::chrono::milliseconds time) {
  pump([] { return false; }, time);
}

void Fleet::connect() {
  unsigned begun = shared_.ready;
  auto next = clients_.begin();
  const bool done = pump(
      [&] {
        for (; next != clients_.end() && begun - shared_.ready < kConnecting; ++next) {
          if ((*next)->connected()) continue;
          (*next)->connect();
          ++begun;
        }
        return shared_.ready == clients_.size();
      },
      kConnectPatience);
  if (!done)
    throw std::runtime_error("after a minute " + std::to_string(shared_.ready) + " of " +
                             std::to_string(clients_.size()) + " clients follow their documents");
}

void Fleet::disconnect() {
  for (auto& client : clients_) client->disconnect();
}

std::vector<unsigned> Fleet::all_writers() const {
  std::vector<unsigned> writers;
  for (unsigned follower = 0; follower < followers(); ++follower)
    for (unsigned document = 0; document < documents_; ++document) writers.push_back(document * followers() + follower);
  return writers;
}

Traffic Fleet::drive(const std::vector<unsigned>& writers, unsigned receivers, double rate, double seconds,
                     std::chrono::milliseconds patience) {
  recorder().begin(size());
  const auto updates = static_cast<std::uint64_t>(rate * seconds);
  const double servers_before = processor_seconds(processes_);
  const double own_before = own_processor_seconds();
  const double stolen_before = stolen_seconds();
  const Time begin = Clock::now() + std::chrono::milliseconds(1);
  auto intended = [&](std::uint64_t k) {
    return begin + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(k) * 1e9 / rate));
  };
  // Far beyond what it can do, the run ends early: what was not sent is not
  // missed, but the rate shows it.
  const Time give_up = intended(updates) + patience;

  const bool coarse = std::chrono::duration<double>(kTurn).count() * rate > 1;
  std::uint64_t k = 0;
  while (k < updates && Clock::now() < give_up) {
    for (unsigned burst = 0; burst < kBurst && k < updates && intended(k) <= Clock::now(); ++burst, ++k)
      clients_[writers[k % writers.size()]]->update(intended(k));
    check();
    if (coarse) {
      // Who is late does not rest.
      if (!shared_.events.wait(Clock::now()) && k < updates && intended(k) > Clock::now())
        std::this_thread::sleep_for(kTurn);
    } else if (k < updates) {
      shared_.events.wait(intended(k));
    }
  }

  Traffic traffic;
  const double elapsed = seconds_since(begin);
  traffic.sent_per_s = static_cast<double>(k) / elapsed;
  traffic.cores = (processor_seconds(processes_) - servers_before) / elapsed;
  traffic.generator_cores = (own_processor_seconds() - own_before) / elapsed;
  traffic.stolen = stolen_seconds() - stolen_before;
  const std::uint64_t expected = k * receivers;
  pump([&] { return recorder().receipts() >= expected; }, patience);
  if (expected != 0)
    traffic.lost = 1 - static_cast<double>(std::min(recorder().receipts(), expected)) / static_cast<double>(expected);
  return traffic;
}

}  // namespace bench
