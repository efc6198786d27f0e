// converge-bridge: carries Converge's documents between PostgreSQL and
// WebSocket clients. See README.md in this folder.
#include <pthread.h>
#include <sys/resource.h>
#include <csignal>

#include <cstdio>
#include <thread>
#include <vector>

#include "config.h"
#include "log.h"
#include "metrics.h"
#include "tls.h"
#include "version.h"
#include "worker.h"

namespace {

using namespace converge::bridge;

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

// A socket for each client, and what the bridge itself has open: as many as the system
// allows, and a word where that is not enough.
void allow_descriptors(const Config& config) {
  constexpr rlim_t kOthers = 64;
  const rlim_t of_worker = config.database_connections + config.push_connections + 8;
  const rlim_t needed = config.max_connections + config.workers * of_worker + kOthers;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) return;
  log(Severity::warning, "max-connections is ", config.max_connections, ", for which ", needed,
      " file descriptors may be needed, but the system allows ", limit.rlim_cur, " (ulimit -n, LimitNOFILE)");
}

int run(const Config& config) {
  set_log_severity(config.verbose ? Severity::debug : Severity::info);
  signal(SIGPIPE, SIG_IGN);
  allow_descriptors(config);
  // Blocked here and in every thread started from here: taken by sigwait below.
  sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Connections connections(config);
  RateLimiter rates;
  Metrics metrics;
  PresenceRelay relay;
  SqlBoxPlaces sql_box_places;
  Tls tls(config);
  if (std::string problem = tls.load(); !problem.empty()) {
    log(Severity::error, problem);
    return 1;
  }
  std::vector<std::unique_ptr<Worker>> workers;
  std::uint16_t port = config.listen_port;
  try {
    for (unsigned i = 0; i < config.workers; ++i) {
      workers.push_back(std::make_unique<Worker>(config, connections, rates, metrics, tls, relay, sql_box_places, i));
      port = workers.back()->listen(config.listen_address, port);
    }
    workers.front()->sample();
  } catch (const std::exception& error) {
    log(Severity::error, "cannot listen on ", config.listen_address, ":", port, ": ", error.what());
    return 1;
  }
  std::vector<std::thread> threads;
  for (auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
  bool six = config.listen_address.find(':') != std::string::npos;
  log(Severity::info, "listening on ", six ? "[" : "", config.listen_address, six ? "]" : "", ":", port);

  int signal_number = 0;
  while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP) {
    if (!tls.wanted()) continue;
    if (std::string problem = tls.load(); problem.empty()) {
      log(Severity::info, "the certificate was read again");
    } else {
      log(Severity::error, problem, "; the one read before stays in use");
    }
  }
  log(Severity::info, "shutting down");
  for (auto& worker : workers) worker->request_drain();
  // A second signal ends at once.
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  for (auto& thread : threads) thread.join();
  log(Severity::info, "ended");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  ParsedConfig parsed;
  if (auto error = parse_config({argv + 1, argv + argc}, parsed)) {
    fprintf(stderr, "converge-bridge: %s\n", error->message.c_str());
    fprintf(stderr, "converge-bridge: try --help\n");
    return 2;
  }
  if (parsed.help) {
    fputs(config_help().c_str(), stdout);
    return 0;
  }
  if (parsed.version) {
    puts("converge-bridge " CONVERGE_VERSION);
    return 0;
  }
  if (parsed.check_only) {
    if (std::string problem = Tls(parsed.config).load(); !problem.empty()) {
      fprintf(stderr, "converge-bridge: %s\n", problem.c_str());
      return 2;
    }
    fputs(config_text(parsed.config).c_str(), stdout);
    return 0;
  }
  return run(parsed.config);
}
