// What a worker process of either kind does about its place in the registry,
// from the moment the launcher made it until the process ends.
#pragma once

#include "worker/background/registry.h"

namespace converge::worker {

// This process's place, while it has one.
struct Place {
  Entry* entry;
  Worker* worker;
  // What `leave` is told; `failed` until the worker says otherwise.
  Outcome outcome;
};
extern Place place;

// The life of a worker process: takes the place that the launcher made, which is
// given back when the process ends, connects to the database, makes `*context`,
// which lasts as long as the process, and calls `run` in it. `prepare`, which may
// be null, is called before there is a connection. An error shows as the worker's
// problem. Ends the process; at once, if it is not wanted any more.
//
// SIGTERM is `die`, and SIGHUP asks for the configuration to be read again; `run`
// and the caller may set others.
[[noreturn]] void run_worker(Oid database, Kind kind, const char* name, MemoryContext* context, void (*prepare)(),
                       void (*run)());

void set_phase(Phase phase);
void set_problem(const char* problem);

// Whether an extension came or went since this was last asked.
bool take_recheck();

// The database's extension of this name, now; outside of a transaction.
Oid converge_extension();

}  // namespace converge::worker
