// The load generator of bench/live: drives one server with one workload, some
// times over, and prints figures. bench/live/run starts the servers.
#include <sys/resource.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../core/figure.h"
#include "converge_dialect.h"
#include "reference_dialect.h"
#include "workloads.h"
#include "yjs_dialect.h"

namespace {

using namespace bench;

struct Options {
  std::string dialect = "converge";
  std::string workload;
  std::string label;  // in the figures' names; none for the bridge itself
  unsigned port = 0;
  unsigned clients = 1000;
  unsigned documents = 100;
  double rate = 1000;
  double seconds = 3;
  unsigned runs = 3;
  ServerProcesses processes;
  ConvergeAccount account{"acme", "bench", "", "note", "d"};
};

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::unique_ptr<Dialect> make_dialect(const Options& options) {
  if (options.dialect == "converge") return std::make_unique<ConvergeDialect>(options.account, options.clients);
  if (options.dialect == "reference") return std::make_unique<ReferenceDialect>(options.clients);
  return std::make_unique<YjsDialect>(options.account.key_prefix, options.clients);
}

void run(const Options& options) {
  auto name = [&](const char* workload, const char* what) {
    return std::string(workload) + (options.label.empty() ? "" : "_" + options.label) + what;
  };
  LoadClient::Shared shared;
  shared.server = {boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(options.port)};
  auto dialect = make_dialect(options);
  shared.dialect = dialect.get();
  const Load load{shared, options.processes, options.clients, options.documents, options.rate, options.seconds};

  if (options.workload == "idle") {
    figure(name("idle", "_kB").c_str(), measure_idle(load), "kB");
    return;
  }
  Fleet fleet(shared, load.processes, load.clients, load.documents);
  fleet.connect();
  fleet.rest(std::chrono::milliseconds(300));
  std::map<std::string, std::vector<double>> measured;
  for (unsigned i = 0; i < options.runs; ++i) {
    if (options.workload == "w1") {
      const Typing typing = measure_typing(fleet, load);
      measured[name("w1", "_p50_ms")].push_back(typing.p50_ms);
      measured[name("w1", "_p99_ms")].push_back(typing.p99_ms);
      measured[name("w1", "_ack_p99_ms")].push_back(typing.ack_p99_ms);
      measured[name("w1", "_cores")].push_back(typing.cores);
    } else if (options.workload == "w2") {
      measured[name("w2", "_last_p99_ms")].push_back(measure_broadcast(fleet, load).p99_ms);
    } else if (options.workload == "w3") {
      measured[name("w3", "_per_s")].push_back(find_highest_rate(fleet, load));
    } else {
      measured[name("w5", "_ms")].push_back(measure_return(fleet));
    }
  }
  for (auto& [figure_name, values] : measured) {
    const std::string_view view = figure_name;
    figure(figure_name.c_str(), median(values),
           view.ends_with("_ms") ? "ms" : view.ends_with("_cores") ? "cores" : "updates/s");
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Drives one server with one workload and prints figures.");
  app.add_option("--dialect", options.dialect, "the server's protocol")
      ->check(CLI::IsMember({"converge", "reference", "yjs"}));
  app.add_option("--workload", options.workload)->required()->check(CLI::IsMember({"w1", "w2", "w3", "idle", "w5"}));
  app.add_option("--label", options.label, "in the figures' names: wN_LABEL_…");
  app.add_option("--port", options.port, "on 127.0.0.1")->required();
  app.add_option("--clients", options.clients)->capture_default_str();
  app.add_option("--documents", options.documents)->capture_default_str();
  app.add_option("--rate", options.rate, "updates a second, of all clients together")->capture_default_str();
  app.add_option("--seconds", options.seconds, "of one measurement")->capture_default_str();
  app.add_option("--runs", options.runs, "of which the median is taken")->capture_default_str();
  app.add_option("--server", options.processes.server, "the server's process");
  app.add_option("--postmaster", options.processes.postmaster, "its PostgreSQL's first process");
  app.add_option("--tenant", options.account.tenant)->capture_default_str();
  app.add_option("--key-id", options.account.key_id, "of the key that signs the tokens")->capture_default_str();
  app.add_option("--secret", options.account.secret, "that key");
  app.add_option("--collection", options.account.collection)->capture_default_str();
  app.add_option("--prefix", options.account.key_prefix, "of the documents' keys")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  raise_descriptor_limit();
  try {
    run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-live: %s: %s\n", options.workload.c_str(), error.what());
    return 1;
  }
  return 0;
}
