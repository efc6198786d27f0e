#include "process_usage.h"

#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace bench {

namespace {

struct Stat {
  pid_t parent = 0;
  double seconds = 0;
};

Stat read_stat(const std::string& process) {
  Stat stat;
  std::ifstream file("/proc/" + process + "/stat");
  std::string line;
  if (!std::getline(file, line)) return stat;
  // The name, in parentheses, may hold anything.
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string state;
  std::string skipped;
  fields >> state >> stat.parent;
  for (int field = 5; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  stat.seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return stat;
}

// A line of /proc/PROCESS/status, in kB.
double status_kilobytes(const std::string& process, std::string_view name) {
  std::ifstream file("/proc/" + process + "/status");
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with(name)) return std::atof(line.c_str() + name.size());
  return 0;
}

template <class Visit>
void for_each_child(pid_t parent, Visit&& visit) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!std::isdigit(static_cast<unsigned char>(name[0]))) continue;
    const Stat stat = read_stat(name);
    if (stat.parent == parent) visit(name, stat);
  }
}

}  // namespace

double processor_seconds(const ServerProcesses& processes) {
  double seconds = read_stat(std::to_string(processes.server)).seconds;
  if (processes.postmaster == 0) return seconds;
  seconds += read_stat(std::to_string(processes.postmaster)).seconds;
  for_each_child(processes.postmaster, [&](const std::string&, const Stat& stat) { seconds += stat.seconds; });
  return seconds;
}

double resident_kilobytes(const ServerProcesses& processes) {
  return status_kilobytes(std::to_string(processes.server), "VmRSS:");
}

double postgres_private_kilobytes(const ServerProcesses& processes) {
  if (processes.postmaster == 0) return 0;
  double sum = status_kilobytes(std::to_string(processes.postmaster), "RssAnon:");
  for_each_child(processes.postmaster,
                 [&](const std::string& child, const Stat&) { sum += status_kilobytes(child, "RssAnon:"); });
  return sum;
}

double stolen_seconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  double ticks = 0;
  for (int field = 0; field < 8; ++field) file >> ticks;  // user nice system idle iowait irq softirq steal
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace bench
