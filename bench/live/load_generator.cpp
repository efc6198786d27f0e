// The load generator of bench/live: drives servers with one workload, one after
// the other and that some times over, so that what disturbs the machine disturbs
// all of them, and prints figures. bench/live/run starts the servers.
#include <sys/resource.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/figure.h"
#include "converge_dialect.h"
#include "naive_dialect.h"
#include "reference_dialect.h"
#include "workloads.h"
#include "yjs_dialect.h"

namespace {

using namespace bench;

struct Options {
  std::string workload;
  std::vector<std::string> servers;
  std::string suffix;
  bool by_server = false;
  Load load{1000, 100, 1000, 3};
  unsigned runs = 3;
  ConvergeAccount account{"acme", "bench", "", "note", "d"};
};

// A server under measurement, and its clients.
struct Subject {
  std::string name;
  std::unique_ptr<Dialect> dialect;
  LoadClient::Shared shared;
  std::unique_ptr<Fleet> fleet;
  std::map<std::string, std::vector<double>> measured;  // by figure
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

std::unique_ptr<Dialect> make_dialect(const std::string& name, const Options& options) {
  const unsigned clients = options.load.clients;
  const std::string& prefix = options.account.key_prefix;
  if (name == "converge") return std::make_unique<ConvergeDialect>(options.account, clients);
  if (name == "open" || name == "isolated") {
    ConvergeAccount account = options.account;
    account.collection = name + "_" + account.collection;
    return std::make_unique<ConvergeDialect>(account, clients);
  }
  if (name == "reference") return std::make_unique<ReferenceDialect>(clients);
  if (name == "naive") return std::make_unique<NaiveDialect>(prefix, clients);
  if (name == "yws") return std::make_unique<YjsDialect>(YjsDialect::Server::y_websocket, options.account, clients);
  if (name == "hocuspocus") return std::make_unique<YjsDialect>(YjsDialect::Server::hocuspocus, options.account, clients);
  if (name == "yjs") return std::make_unique<YjsDialect>(YjsDialect::Server::bridge, options.account, clients);
  throw std::runtime_error("no protocol \"" + name + "\"");
}

// NAME:PORT:PROCESS[:POSTMASTER]
std::unique_ptr<Subject> make_subject(const std::string& text, const Options& options) {
  auto subject = std::make_unique<Subject>();
  std::istringstream fields(text);
  std::string field;
  std::vector<int> numbers;
  std::getline(fields, subject->name, ':');
  while (std::getline(fields, field, ':')) numbers.push_back(std::stoi(field));
  if (numbers.size() < 2 || numbers.size() > 3) throw std::runtime_error("\"" + text + "\" is no NAME:PORT:PROCESS[:POSTMASTER]");
  subject->dialect = make_dialect(subject->name, options);
  subject->shared.dialect = subject->dialect.get();
  subject->shared.port = static_cast<std::uint16_t>(numbers[0]);
  const ServerProcesses processes{numbers[1], numbers.size() == 3 ? numbers[2] : 0};
  subject->fleet = std::make_unique<Fleet>(subject->shared, processes, options.load.clients, options.load.documents);
  return subject;
}

void measure(Subject& subject, const Options& options) {
  Fleet& fleet = *subject.fleet;
  const Load& load = options.load;
  auto record = [&](const char* what, double value) { subject.measured[what].push_back(value); };
  if (options.workload == "idle") return record("idle_kB", measure_idle(fleet, load));
  fleet.connect();
  fleet.rest(std::chrono::milliseconds(300));
  if (options.workload == "w1") {
    const Typing typing = measure_typing(fleet, load);
    record("w1_p50_ms", typing.p50_ms);
    record("w1_p99_ms", typing.p99_ms);
    if (!std::isnan(typing.ack_p99_ms)) record("w1_ack_p99_ms", typing.ack_p99_ms);
    record("w1_cores", typing.cores);
  } else if (options.workload == "w2") {
    record("w2_last_p99_ms", measure_broadcast(fleet, load).p99_ms);
  } else if (options.workload == "w3") {
    record("w3_per_s", find_highest_rate(fleet, load));
  } else if (options.workload == "w5") {
    record("w5_ms", measure_return(fleet));
  } else {
    const Growth growth = measure_growth(fleet, load);
    record((options.workload + "_server_growth_kB").c_str(), growth.server_kB);
    record((options.workload + "_postgres_growth_kB").c_str(), growth.postgres_kB);
  }
  fleet.disconnect();
}

const char* unit_of(std::string_view figure_name) {
  if (figure_name.ends_with("_ms")) return "ms";
  if (figure_name.ends_with("_kB")) return "kB";
  return figure_name.ends_with("_cores") ? "cores" : "updates/s";
}

// A figure's name without the unit of a time.
std::string base_of(const std::string& name) { return name.ends_with("_ms") ? name.substr(0, name.rfind('_')) : name; }

// w1_p50_ms for Converge, w1_reference_p50_ms for the reference; and how many
// times the reference's figure Converge's is, w1_p50_ratio. By server:
// yjs_w1_p50_ms, yws_w1_p50_ms. Beside the collection that has no policy, the same for those
// that have some: converge_w1_p50_policies_ratio.
void print_figures(const std::vector<std::unique_ptr<Subject>>& subjects, const Options& options) {
  const std::string& suffix = options.suffix;
  std::map<std::string, std::map<std::string, double>> medians;  // by figure, by server
  for (auto& subject : subjects)
    for (auto& [name, values] : subject->measured) {
      const double value = median(values);
      medians[name][subject->name] = value;
      if (options.by_server) {
        figure((subject->name + "_" + name + suffix).c_str(), value, unit_of(name));
        continue;
      }
      const std::size_t workload = name.find('_');
      const std::string whose = subject->name == "converge" ? std::string() : "_" + subject->name;
      figure((name.substr(0, workload) + whose + name.substr(workload) + suffix).c_str(), value, unit_of(name));
    }
  for (auto& [name, by_server] : medians) {
    if (auto open = by_server.find("open"); open != by_server.end() && open->second > 0)
      for (const char* whose : {"converge", "isolated"})
        if (auto with = by_server.find(whose); with != by_server.end())
          figure((std::string(whose) + "_" + base_of(name) + "_policies_ratio" + suffix).c_str(), with->second / open->second, "×");
    auto own = by_server.find("converge");
    auto floor = by_server.find("reference");
    if (own == by_server.end() || floor == by_server.end() || name.find("growth") != std::string::npos) continue;
    if (floor->second > 0) figure((base_of(name) + "_ratio" + suffix).c_str(), own->second / floor->second, "×");
  }
}

void run(const Options& options) {
  std::vector<std::unique_ptr<Subject>> subjects;
  for (const std::string& server : options.servers) subjects.push_back(make_subject(server, options));
  for (unsigned i = 0; i < options.runs; ++i)
    for (auto& subject : subjects) {
      std::printf("%s, %s:\n", options.workload.c_str(), subject->name.c_str());
      measure(*subject, options);
    }
  print_figures(subjects, options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Drives servers with one workload and prints figures.");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--workload", options.workload)
      ->required()
      ->check(CLI::IsMember({"w1", "w2", "w3", "idle", "w5", "crowd", "soak"}));
  app.add_option("--server", options.servers,
                 "NAME:PORT:PROCESS[:POSTMASTER]: converge (or open, isolated: with other policies), reference, yjs (the bridge for Yjs), "
                 "yws, hocuspocus or naive on 127.0.0.1, its process, "
                 "and its PostgreSQL's first; may be given again")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->required();
  app.add_option("--suffix", options.suffix, "of the figures' names");
  app.add_flag("--by-server", options.by_server, "the figures' names begin with the server's");
  app.add_option("--clients", options.load.clients)->capture_default_str();
  app.add_option("--documents", options.load.documents)->capture_default_str();
  app.add_option("--rate", options.load.rate, "updates a second, of all clients together")->capture_default_str();
  app.add_option("--seconds", options.load.seconds, "of one measurement")->capture_default_str();
  app.add_option("--runs", options.runs, "of each server, of which the median is taken")->capture_default_str();
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
