#include "session_wire.h"

#include <chrono>
#include <random>
#include <stdexcept>
#include <utility>

namespace converge::cli {

ReplicaId draw_replica() {
  std::random_device device;
  std::uniform_int_distribution<ReplicaId> replicas(1, kReplicaLimit - 1);
  return replicas(device);
}

std::uint64_t now_ms() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

void write_change(const session::Change& change, wire::Change* out) {
  out->set_replica(change.replica);
  out->set_seq(change.seq);
  out->set_hlc(change.hlc);
  wire::Payload payload;
  payload.set_operation(static_cast<wire::Operation>(change.operation));
  for (const session::FieldDelta& field : change.fields) {
    wire::FieldDelta* delta = payload.add_fields();
    delta->set_field(field.field);
    delta->set_delta(field.delta);
  }
  payload.SerializeToString(out->mutable_payload());
}

session::Change read_change(const wire::Change& in) {
  session::Change change;
  change.replica = in.replica();
  change.seq = in.seq();
  change.hlc = in.hlc();
  change.refused = in.payload().empty();
  wire::Payload payload;
  if (!payload.ParseFromString(in.payload()))
    throw std::runtime_error("the bridge sent a change whose payload is not protobuf");
  change.operation = static_cast<session::Operation>(payload.operation());
  for (wire::FieldDelta& field : *payload.mutable_fields())
    change.fields.push_back(
        {std::move(*field.mutable_field()), std::move(*field.mutable_delta())});
  return change;
}

std::vector<session::Change> read_changes(
    const google::protobuf::RepeatedPtrField<wire::Change>& in) {
  std::vector<session::Change> changes;
  changes.reserve(static_cast<std::size_t>(in.size()));
  for (const wire::Change& change : in) changes.push_back(read_change(change));
  return changes;
}

std::vector<session::FieldInfo> read_fields(const wire::PullResponse& in) {
  std::vector<session::FieldInfo> fields;
  for (const wire::FieldInfo& field : in.fields())
    fields.push_back({field.field(), static_cast<FieldType>(field.type())});
  return fields;
}

std::vector<session::FieldDelta> read_state(const wire::DocumentState& in) {
  std::vector<session::FieldDelta> fields;
  for (const wire::FieldDelta& field : in.fields())
    fields.push_back({field.field(), field.delta()});
  return fields;
}

}  // namespace converge::cli
