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

// Takes the place that the launcher made, and gives it back when the process
// ends. False: it is not wanted any more.
bool enter(Oid database, Kind kind);

void set_phase(Phase phase);
void set_problem(const char* problem);

// Whether an extension came or went since this was last asked.
bool take_recheck();

// The database's extension of this name, now; outside of a transaction.
Oid converge_extension();

}  // namespace converge::worker
