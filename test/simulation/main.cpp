// simulate: runs of the simulator by hand. The exit code is 1 if an invariant
// was violated.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "simulation.h"

using namespace converge::simulation;

namespace {

constexpr const char* kUsage =
    R"(usage: simulate [--seed N] [--seeds COUNT] [--events COUNT] [--fault NAME] [--only I,J,…]
                [--trace] [--shrink]

  --seed N        the first seed (1)
  --seeds COUNT   so many runs, of consecutive seeds (1)
  --events COUNT  of each run (500)
  --fault NAME    plants a fault: one of fault.h
  --only I,J,…    leaves out all other events
  --trace         tells what happens
  --shrink        for the first run that violates an invariant: finds the fewest
                  events that do, and tells them
)";

void tell(const RunOptions& options, const Violation& violation) {
  std::printf("seed %llu violates %s: %s\n  %s --trace\n",
              static_cast<unsigned long long>(options.seed),
              std::string(invariant_name(violation.invariant)).c_str(), violation.what.c_str(),
              command(options).c_str());
}

[[noreturn]] void fail(const char* message, const char* what) {
  std::fprintf(stderr, "simulate: %s \"%s\"\n%s", message, what, kUsage);
  std::exit(2);
}

std::uint64_t number(const char* text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0') fail("not a number:", text);
  return value;
}

std::vector<std::size_t> numbers(const char* text) {
  std::vector<std::size_t> list;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) list.push_back(number(item.c_str()));
  return list;
}

}  // namespace

int main(int argc, char** argv) {
  RunOptions options;
  std::uint64_t seeds = 1;
  bool trace = false, shrinks = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--trace") {
      trace = true;
      continue;
    }
    if (option == "--shrink") {
      shrinks = true;
      continue;
    }
    if (option == "--help") {
      std::fputs(kUsage, stdout);
      return 0;
    }
    if (i + 1 == argc) fail("unknown option, or one without its value:", argv[i]);
    const char* value = argv[++i];
    if (option == "--seed") {
      options.seed = number(value);
    } else if (option == "--seeds") {
      seeds = number(value);
    } else if (option == "--events") {
      options.events = number(value);
    } else if (option == "--fault") {
      options.fault = fault_named(value);
      if (!options.fault) fail("no such fault:", value);
    } else if (option == "--only") {
      options.only = numbers(value);
    } else {
      fail("unknown option:", argv[i - 1]);
    }
  }
  const auto tell_line = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  if (trace) options.trace = tell_line;

  const auto began = std::chrono::steady_clock::now();
  std::uint64_t violations = 0, changes = 0, refused = 0, compacted = 0;
  const std::uint64_t first = options.seed;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    options.seed = first + i;
    const RunResult result = run(options);
    changes += result.changes;
    refused += result.refused;
    compacted += result.compacted;
    if (!result.violation) continue;
    ++violations;
    tell(options, *result.violation);
    if (!shrinks) continue;
    RunOptions small = shrink(options, result.violation->invariant);
    std::printf("\nits shortest part:\n");
    small.trace = tell_line;
    const RunResult told = run(small);
    if (told.violation) tell(small, *told.violation);
    break;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%llu runs of %zu events: %llu changes, %llu refusals, %llu compacted; %llu violations; %.1f s\n",
              static_cast<unsigned long long>(seeds), options.events,
              static_cast<unsigned long long>(changes), static_cast<unsigned long long>(refused),
              static_cast<unsigned long long>(compacted), static_cast<unsigned long long>(violations),
              seconds);
  return violations == 0 ? 0 : 1;
}
