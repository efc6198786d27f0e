#include "process_usage.h"

#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

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

}  // namespace

double processor_seconds(const ServerProcesses& processes) {
  double seconds = read_stat(std::to_string(processes.server)).seconds;
  if (processes.postmaster == 0) return seconds;
  seconds += read_stat(std::to_string(processes.postmaster)).seconds;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!std::isdigit(static_cast<unsigned char>(name[0]))) continue;
    const Stat stat = read_stat(name);
    if (stat.parent == processes.postmaster) seconds += stat.seconds;
  }
  return seconds;
}

double resident_kilobytes(const ServerProcesses& processes) {
  std::ifstream file("/proc/" + std::to_string(processes.server) + "/status");
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6);
  return 0;
}

}  // namespace bench
