#include "log.h"

#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace converge::bridge {

namespace {

constexpr std::size_t kLongestLine = 2000;

Severity least_severity = Severity::info;

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::debug: return "debug";
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::error: return "error";
  }
  return "error";
}

}  // namespace

void set_log_severity(Severity least) { least_severity = least; }

bool log_enabled(Severity severity) { return severity >= least_severity; }

void log_line(Severity severity, std::string text) {
  if (text.size() > kLongestLine) {
    text.resize(kLongestLine);
    text += " …";
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';

  timeval now{};
  gettimeofday(&now, nullptr);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char stamp[40];
  std::size_t length = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(stamp + length, sizeof stamp - length, ".%03dZ ", static_cast<int>(now.tv_usec / 1000));

  std::string line = stamp;
  line += name_of(severity);
  line += ' ';
  line += text;
  line += '\n';
  // Nothing can be done about a standard error that cannot be written.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace converge::bridge
