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

// What PostgreSQL's processes have resident in kB beside files and shared
// memory: the buffer cache fills up, and is meant to.
double postgres_private_kilobytes(const ServerProcesses& processes);

// For how long, since it was started, the machine had something to do and its
// host did not let it. It shows as latency that no server is to blame for.
double stolen_seconds();

}  // namespace bench
