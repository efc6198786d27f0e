#include "yjs_update.h"

#include <algorithm>
#include <functional>
#include <span>

#include "core/long_work.h"
#include "core/work_bound.h"
#include "core/ydoc/pending_update.h"
#include "core/ydoc/ydoc.h"
#include "log.h"
#include "yjs_messages.h"

namespace converge::bridge {

namespace {

// Before there is a thread that reads it.
[[maybe_unused]] const bool watched = (long_work_hook = check_work_bound, true);

Result<std::string> encode_bounded(const FlatDocument& update) try {
  const WorkBound bound(kMostWorkOfChange);
  return YDoc::encode(update);
} catch (const TooMuchWork&) {
  return Error{ErrorCode::too_large, "Yjs update takes too long to read",
               "too much of it was written at the same place at the same time"};
}

void add_deltas(const google::protobuf::RepeatedPtrField<wire::FieldDelta>& fields, const std::string& field,
                std::vector<std::string_view>& deltas) {
  for (const wire::FieldDelta& one : fields)
    if (one.field() == field) deltas.push_back(one.delta());
}

// One update with all the deltas of the field. Null where they say nothing.
Frame update_frame(std::span<const std::string_view> deltas, std::string_view prefix, const std::string& field) {
  if (deltas.empty()) return nullptr;
  if (const auto update = write_pending_update(deltas)) return yjs_sync_frame(prefix, YjsSync::update, *update);
  YDoc document;
  for (const std::string_view delta : deltas) {
    if (const auto merged = document.merge_encoded(delta); !merged) {
      log(Severity::error, "a delta of field \"", field, "\" in the stream is not passed on: ", merged.error().message);
    }
  }
  if (document.empty()) return nullptr;
  const Result<std::string> update = document.update_since({}, UpdateFormat::v1);
  return update ? yjs_sync_frame(prefix, YjsSync::update, *update) : nullptr;
}

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
  Result<std::string> delta = encode_bounded(*read);
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
  std::vector<std::string_view> deltas;
  if (const auto changes = changes_in(bytes)) {
    if (!find_deltas(*changes, field, deltas))
      log(Severity::error, "a change in the stream is malformed, and not passed on to Yjs providers");
    return update_frame(deltas, prefix, field);
  }
  wire::ServerMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !message.has_subscribed()) return nullptr;
  const wire::PullResponse& pull = message.subscribed().pull();
  if (pull.has_yjs()) return yjs_sync_frame(prefix, YjsSync::step2, pull.yjs().update());
  add_deltas(pull.state().fields(), field, deltas);
  std::vector<wire::Payload> payloads(static_cast<std::size_t>(pull.changes_size()));
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    if (payloads[i].ParseFromString(pull.changes(static_cast<int>(i)).payload()))
      add_deltas(payloads[i].fields(), field, deltas);
  }
  return update_frame(deltas, prefix, field);
}

}  // namespace converge::bridge
