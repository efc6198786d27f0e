// Processor time and memory of the servers under load, from /proc.
#pragma once

#include <sys/types.h>

#include <vector>

namespace bench {

struct ServerProcesses {
  pid_t server = 0;      // the bridge, or whatever the clients talk to
  pid_t postmaster = 0;  // with all its children; 0: there is none
};

// Seconds since each process began. What children that have ended used is lost
// unless it was the postmaster's own to wait for.
double processor_seconds(const ServerProcesses& processes);

// The server's own resident memory in kB.
double resident_kilobytes(const ServerProcesses& processes);

}  // namespace bench
