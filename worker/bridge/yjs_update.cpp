#include "yjs_update.h"

#include <algorithm>
#include <functional>

#include "core/ydoc/ydoc.h"
#include "log.h"
#include "yjs_messages.h"

namespace converge::bridge {

namespace {

// Gathers a field's deltas, and gives the update that has them all.
class Gathered {
 public:
  explicit Gathered(const std::string& field) : field_(field) {}

  void add(const google::protobuf::RepeatedPtrField<wire::FieldDelta>& fields) {
    for (const wire::FieldDelta& field : fields) {
      if (field.field() != field_) continue;
      if (const auto merged = document_.merge_encoded(field.delta()); !merged) {
        log(Severity::error, "a delta of field \"", field_, "\" in the stream is not passed on: ", merged.error().message);
      }
    }
  }

  void add(const google::protobuf::RepeatedPtrField<wire::Change>& changes) {
    wire::Payload payload;
    for (const wire::Change& change : changes)
      if (payload.ParseFromString(change.payload())) add(payload.fields());
  }

  Frame frame(std::string_view prefix, YjsSync step) const {
    if (document_.empty()) return nullptr;
    const Result<std::string> update = document_.update_since({}, UpdateFormat::v1);
    return update ? yjs_sync_frame(prefix, step, *update) : nullptr;
  }

 private:
  const std::string& field_;
  YDoc document_;
};

}  // namespace

Result<YjsDelta> read_yjs_update(std::string_view update) {
  const Result<FlatDocument> read = read_update(update, UpdateFormat::v1);
  if (!read) return read.error();
  YjsDelta made;
  const FlatSequence& flat = read->flat;
  for (const LooseRun& run : flat.waiting) {
    const ReplicaId client = flat.replicas[run.id.client];
    const std::uint64_t from = run.id.clock;
    if (!made.structs.empty() && made.structs.back().client == client && made.structs.back().end == from) {
      made.structs.back().end += run.length;
    } else {
      made.structs.push_back({client, from, from + run.length});
    }
  }
  if (flat.waiting.empty() && flat.deleted.empty()) return made;
  Result<std::string> delta = YDoc::encode(*read);
  if (!delta) return delta.error();
  made.delta = std::move(*delta);
  return made;
}

YjsTold::YjsTold(const wire::YjsState& state) : state_vector_(state.state_vector()) {
  const std::string_view update = state.update();
  const std::string_view deletions = update.substr(update.size() - std::min<std::size_t>(update.size(), state.deletions()));
  deletions_bytes_ = deletions.size();
  deletions_hash_ = std::hash<std::string_view>()(deletions);
}

bool YjsTold::includes(std::string_view update) const {
  if (update.size() != 1 + deletions_bytes_ || update.front() != 0) return false;  // no structs
  return std::hash<std::string_view>()(update.substr(1)) == deletions_hash_;
}

std::uint64_t YjsTold::clock_of(ReplicaId client) const {
  const Result<VersionVector> vector = read_state_vector(state_vector_);
  return vector ? vector->get(client) : 0;
}

Result<wire::YjsState> yjs_state_since(std::string_view state, std::string_view state_vector) {
  const Result<YDoc> document = YDoc::decode(state);
  if (!document) return document.error();
  std::size_t deletions;
  Result<std::string> update = document->update_since(state_vector, UpdateFormat::v1, &deletions);
  if (!update) return update.error();
  wire::YjsState lacking;
  lacking.set_update(std::move(*update));
  lacking.set_state_vector(document->state_vector());
  lacking.set_deletions(deletions);
  return lacking;
}

Frame yjs_translation(std::string_view bytes, std::string_view prefix, const std::string& field) {
  wire::ServerMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return nullptr;
  Gathered gathered(field);
  if (message.has_changes()) {
    gathered.add(message.changes().changes());
  } else if (message.has_subscribed()) {
    const wire::PullResponse& pull = message.subscribed().pull();
    if (pull.has_yjs()) return yjs_sync_frame(prefix, YjsSync::step2, pull.yjs().update());
    gathered.add(pull.state().fields());
    gathered.add(pull.changes());
  }
  return gathered.frame(prefix, YjsSync::update);
}

}  // namespace converge::bridge
