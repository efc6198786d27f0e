// What the bridge counts, for Prometheus (/metrics). One for the process; every
// member may be used from any thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "converge.pb.h"

namespace converge::bridge {

// Why somebody was turned away with whom no message of the wire was spoken yet.
enum class TurnedAway { max_connections, max_connections_per_address, origin, bad_request };

class Metrics {
  prometheus::Registry registry_;  // before what it owns

 public:
  Metrics();

  // The text that Prometheus reads.
  std::string text() const;

  // A change that the database refused, something else that was refused to a client, or a
  // client that was turned away.
  prometheus::Counter& rejections(wire::Code reason);
  prometheus::Counter& rejections(TurnedAway reason);

  // The replication slots that this process reads from by itself: that of worker `index`.
  void set_slot(unsigned index, const std::string& name);
  std::vector<std::string> slots() const;

  prometheus::Gauge& connections;
  prometheus::Counter& connections_total;
  prometheus::Gauge& subscriptions;
  prometheus::Gauge& documents;
  prometheus::Counter& changes_in;    // committed, from clients of this bridge
  prometheus::Counter& changes_out;   // from the stream, once for each document they are sent on for
  prometheus::Counter& messages_out;  // once for each client
  prometheus::Counter& bytes_in;
  prometheus::Counter& bytes_out;
  prometheus::Counter& catch_ups;     // pulls, for a subscription or a client that was slow
  prometheus::Counter& yjs_copy_answers;  // Yjs providers told what they lack from a copy (yjs_copy.h)
  prometheus::Gauge& presences;       // known at documents followed here
  prometheus::Counter& presences_out; // sent on, once for each document
  prometheus::Gauge& push_queue_changes;
  prometheus::Gauge& send_queue_bytes;
  prometheus::Gauge& gather_window_seconds;  // the windows of all workers, added up
  prometheus::Histogram& push_changes;       // of one call of converge.push()
  prometheus::Histogram& ack_seconds;        // from the push's arrival to its acknowledgement
  prometheus::Histogram& delivery_seconds;   // from the commit to the clients' queues

  // What the database says of itself, now and then.
  prometheus::Gauge& worker_attached;
  prometheus::Gauge& decode_lag_bytes;  // flushed, and not decoded for the stream
  prometheus::Gauge& slot_lag_bytes;    // of WAL that the stream's slot keeps
  prometheus::Gauge& fold_backlog;      // changes that are not folded into their rows

 private:
  prometheus::Family<prometheus::Counter>& rejections_;
  std::array<std::atomic<prometheus::Counter*>, wire::Code_ARRAYSIZE> by_reason_{};
  mutable std::mutex slots_mutex_;
  std::vector<std::string> slots_;
};

}  // namespace converge::bridge
