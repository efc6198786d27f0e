// The workloads, each a function that measures once and prints a line about it.
#pragma once

#include "fleet.h"

namespace bench {

struct Load {
  unsigned clients;
  unsigned documents;
  double rate;     // updates a second; where it is searched for, to begin with
  double seconds;  // of one measurement
};

// W1: documents with ten clients each, everybody types.
struct Typing {
  double p50_ms, p99_ms, ack_p50_ms, ack_p99_ms, cores;
};
Typing measure_typing(Fleet& fleet, const Load& load);

// W2: one document that everybody follows and one client edits. The time to
// the last receiver.
struct Broadcast {
  double p50_ms, p99_ms;
};
Broadcast measure_broadcast(Fleet& fleet, const Load& load);

// W3: the highest rate at which the 99th percentile stays below 50 ms and
// nothing is lost.
double find_highest_rate(Fleet& fleet, const Load& load);

// W4: the server's resident memory for each client that follows a document
// and says nothing, in kB. Wants a fleet that is not connected, and connects it.
double measure_idle(Fleet& fleet, const Load& load);

// W5: a client that missed 1,000 updates connects again; milliseconds until
// it has them. Wants one document and twelve clients.
double measure_return(Fleet& fleet);

// Everybody types for the load's time, and memory is looked at every few
// seconds. How much more there is at the end than after a sixth of the time, in
// kB: a server that has what it needs needs no more.
struct Growth {
  double server_kB, postgres_kB;
};
Growth measure_growth(Fleet& fleet, const Load& load);

}  // namespace bench
