// The benchmarks with more than one author.
#pragma once

#include "editing_trace.h"

namespace bench {

// A session of one author, typed in bursts with corrections, from a fixed seed.
EditingTrace generated_session();

// friends_ms: a recorded concurrent session, update by update.
void two_authors(const EditingTrace& trace);

// text_authors_per_s, text_shuffled_per_s: 50 authors who meet now and then.
void many_authors();

// Insertions at one place: by authors who have seen each other, and by authors
// who have not.
void one_place();

}  // namespace bench
