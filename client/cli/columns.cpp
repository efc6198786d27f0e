#include "columns.h"

namespace converge::cli {

bool Columns::on_pull(const wire::PullResponse& pull) {
  const nlohmann::ordered_json before = values();
  // A restored server may have forgotten what it said.
  if (pull.has_state() || pull.epoch() != epoch_) {
    held_.clear();
    known_ = LogVersion();
  }
  epoch_ = pull.epoch();
  if (pull.has_state()) {
    for (const wire::ColumnValue& column : pull.state().columns())
      held_[column.column()] = {nlohmann::ordered_json::parse(column.value()), 0, 0};
    if (auto version = LogVersion::decode(pull.log_version())) known_ = *version;
  }
  return values() != before;
}

bool Columns::on_change(const wire::Change& change) {
  if (change.seq() <= known_.get(change.replica())) return false;
  known_.set(change.replica(), change.seq());
  wire::Payload payload;
  if (!payload.ParseFromString(change.payload())) return false;
  bool altered = false;
  for (const wire::ColumnValue& column : payload.columns()) {
    Held& held = held_[column.column()];
    // A server that was restored or promoted writes under another replica: then
    // the clocks say which value is the later one.
    if (held.replica != change.replica() && held.hlc > change.hlc()) continue;
    held = {nlohmann::ordered_json::parse(column.value()), change.replica(), change.hlc()};
    altered = true;
  }
  return altered;
}

nlohmann::ordered_json Columns::values() const {
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  for (const auto& [column, held] : held_) values[column] = held.value;
  return values;
}

}  // namespace converge::cli
