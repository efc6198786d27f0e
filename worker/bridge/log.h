// The bridge's log: one line an event on standard error.
//
//   2026-01-31T12:00:00.123Z warning lost the database: connection refused
#pragma once

#include <sstream>
#include <string>
#include <string_view>

namespace converge::bridge {

enum class Severity { debug, info, warning, error };

// Lines below `least` are dropped. Call before any thread is started.
void set_log_severity(Severity least);

// Writes one line in a single call, safe from any thread. Control characters
// in `text`, part of which clients may have chosen, are written as '?'.
void log_line(Severity severity, std::string text);
bool log_enabled(Severity severity);

template <class... Parts>
void log(Severity severity, const Parts&... parts) {
  if (!log_enabled(severity)) return;
  std::ostringstream text;
  (text << ... << parts);
  log_line(severity, std::move(text).str());
}

}  // namespace converge::bridge
