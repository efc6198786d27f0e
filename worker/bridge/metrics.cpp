#include "metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cctype>

namespace converge::bridge {

namespace {

using prometheus::Histogram;
using prometheus::Registry;

prometheus::Counter& counter(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(std::string("converge_bridge_") + name).Help(help).Register(registry).Add({});
}

prometheus::Gauge& gauge(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(std::string("converge_bridge_") + name).Help(help).Register(registry).Add({});
}

Histogram& histogram(Registry& registry, const char* name, const char* help, Histogram::BucketBoundaries bounds) {
  return prometheus::BuildHistogram()
      .Name(std::string("converge_bridge_") + name)
      .Help(help)
      .Register(registry)
      .Add({}, bounds);
}

const Histogram::BucketBoundaries kSeconds = {0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                              0.05,    0.1,    0.25,  0.5,   1,     2.5,  10};
const Histogram::BucketBoundaries kChanges = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000};

// CODE_GAP as "gap".
std::string reason_name(wire::Code code) {
  std::string name = wire::Code_Name(code).substr(sizeof "CODE_" - 1);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

}  // namespace

Metrics::Metrics()
    : connections(gauge(registry_, "connections", "connections that are open")),
      connections_total(counter(registry_, "connections_total", "connections that were accepted")),
      subscriptions(gauge(registry_, "subscriptions", "documents followed, counted for each client")),
      documents(gauge(registry_, "documents", "documents followed, counted for each worker of the bridge")),
      changes_in(counter(registry_, "changes_in_total", "changes of clients that were committed")),
      changes_out(counter(registry_, "changes_out_total", "changes sent on to their documents' followers")),
      messages_out(counter(registry_, "messages_out_total", "messages sent to clients")),
      bytes_in(counter(registry_, "bytes_in_total", "bytes read from clients")),
      bytes_out(counter(registry_, "bytes_out_total", "bytes written to clients")),
      catch_ups(counter(registry_, "catch_ups_total", "times that a client was brought up to date from the log")),
      yjs_copy_answers(counter(registry_, "yjs_copy_answers_total", "times that a Yjs provider was told what it lacks from a copy of the document")),
      presences(gauge(registry_, "presences", "presences at the documents followed, counted for each worker of the bridge")),
      presences_out(counter(registry_, "presences_out_total", "presences sent on to their documents' followers")),
      push_queue_changes(gauge(registry_, "push_queue_changes", "changes that wait for converge.push()")),
      send_queue_bytes(gauge(registry_, "send_queue_bytes", "bytes that wait for clients to read")),
      gather_window_seconds(gauge(registry_, "gather_window_seconds", "for how long changes are gathered now, all workers added up")),
      push_changes(histogram(registry_, "push_changes", "changes in one call of converge.push()", kChanges)),
      ack_seconds(histogram(registry_, "ack_seconds", "from a push's arrival to its acknowledgement", kSeconds)),
      delivery_seconds(histogram(registry_, "delivery_seconds", "from a change's commit to its followers' queues", kSeconds)),
      worker_attached(gauge(registry_, "worker_attached", "workers of the bridge that read the stream of changes")),
      decode_lag_bytes(gauge(registry_, "decode_lag_bytes", "WAL that is flushed and not decoded")),
      slot_lag_bytes(gauge(registry_, "slot_lag_bytes", "WAL that the stream's replication slot keeps")),
      fold_backlog(gauge(registry_, "fold_backlog_changes", "changes that are not folded into their rows")),
      rejections_(prometheus::BuildCounter()
                      .Name("converge_bridge_rejections_total")
                      .Help("what was refused to clients, by reason")
                      .Register(registry_)) {}

std::string Metrics::text() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

// Looking a label up takes a lock and some allocations: once is enough.
prometheus::Counter& Metrics::rejections(wire::Code reason) {
  std::size_t index = std::min(static_cast<std::size_t>(reason), by_reason_.size() - 1);
  prometheus::Counter* known = by_reason_[index].load(std::memory_order_acquire);
  if (known == nullptr) {
    known = &rejections_.Add({{"reason", reason_name(static_cast<wire::Code>(index))}});
    by_reason_[index].store(known, std::memory_order_release);
  }
  return *known;
}

prometheus::Counter& Metrics::rejections(TurnedAway reason) {
  const char* name = "";
  switch (reason) {
    case TurnedAway::max_connections: name = "max_connections"; break;
    case TurnedAway::max_connections_per_address: name = "max_connections_per_address"; break;
    case TurnedAway::origin: name = "origin"; break;
    case TurnedAway::bad_request: name = "bad_request"; break;
  }
  return rejections_.Add({{"reason", name}});
}

void Metrics::set_slot(unsigned index, const std::string& name) {
  std::lock_guard lock(slots_mutex_);
  if (slots_.size() <= index) slots_.resize(index + 1);
  slots_[index] = name;
}

std::vector<std::string> Metrics::slots() const {
  std::lock_guard lock(slots_mutex_);
  return slots_;
}

}  // namespace converge::bridge
