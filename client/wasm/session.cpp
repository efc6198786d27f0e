// DocumentSession (src/core/session/document_session.h) for a JavaScript host.
// A session is named by its address. Text positions are in UTF-16 units.
#include "core/session/document_session.h"

#include "abi.h"
#include "packing.h"

using namespace converge;
using namespace converge::session;
using namespace converge::wasm;

namespace {

const Error kShortRecord{ErrorCode::invalid, "record from the host is cut short", ""};

std::vector<FieldDelta> unpack_fields(Unpacker& in) {
  std::vector<FieldDelta> fields;
  for (std::uint32_t n = in.u32(); n > 0 && in.whole(); n--) {
    const std::string_view field = in.bytes();
    fields.push_back({std::string(field), std::string(in.bytes())});
  }
  return fields;
}

void pack_fields(Packer& out, const std::vector<FieldDelta>& fields) {
  out.size(fields.size());
  for (const FieldDelta& field : fields) out.bytes(field.field).bytes(field.delta);
}

void pack_update(Packer& out, const Update& update) {
  out.size(update.fields.size());
  for (const Update::Field& field : update.fields) {
    out.bytes(field.field).size(field.splices.size());
    for (const TextSplice& splice : field.splices) {
      out.size(splice.at_utf16).size(splice.deleted_utf16).bytes(splice.inserted);
    }
  }
  out.u32(update.deleted).u32(update.needs_pull);
}

Status finish_update(const Result<Update>& update) {
  if (!update) return failed(update.error());
  Packer out(output());
  pack_update(out, *update);
  return 0;
}

// 0 without one; otherwise 1, seq, code, message, the lost fields, how many were
// reapplied, and an update.
Status finish_refusal(const std::optional<Refusal>& refusal) {
  Packer out(output());
  if (!refusal) {
    out.u32(0);
    return 0;
  }
  out.u32(1).u64(refusal->seq).u32(refusal->code).bytes(refusal->message);
  pack_fields(out, refusal->lost);
  out.size(refusal->reapplied);
  pack_update(out, refusal->update);
  return 0;
}

Status finish_text(Result<std::string> text) {
  if (!text) return failed(text.error());
  output() = *std::move(text);
  return 0;
}

Status finish_texts(const Result<std::vector<std::string>>& texts) {
  if (!texts) return failed(texts.error());
  Packer out(output());
  out.size(texts->size());
  for (const std::string& text : *texts) out.bytes(text);
  return 0;
}

}  // namespace

CONVERGE_EXPORT(converge_session_new) DocumentSession* converge_session_new() {
  auto* session = new DocumentSession(draw_replica);
  session->observe_text(true);
  return session;
}

CONVERGE_EXPORT(converge_session_free) void converge_session_free(DocumentSession* session) {
  delete session;
}

// ---- what the server says

CONVERGE_EXPORT(converge_session_on_epoch)
Status converge_session_on_epoch(DocumentSession* session, std::uint64_t epoch) {
  session->on_epoch(epoch);
  return done();
}

// A list of (name, type).
CONVERGE_EXPORT(converge_session_on_fields)
Status converge_session_on_fields(DocumentSession* session, const char* packed, std::uint32_t size) {
  Unpacker in({packed, size});
  std::vector<FieldInfo> fields;
  for (std::uint32_t n = in.u32(); n > 0 && in.whole(); n--) {
    const std::string_view field = in.bytes();
    fields.push_back({std::string(field), static_cast<FieldType>(in.u32())});
  }
  return in.whole() ? finish(session->on_fields(fields)) : failed(kShortRecord);
}

// A list of (name, state), and a log_version. Gives an update.
CONVERGE_EXPORT(converge_session_on_state)
Status converge_session_on_state(DocumentSession* session, const char* packed, std::uint32_t size,
                                 const char* version, std::uint32_t version_size) {
  Unpacker in({packed, size});
  const std::vector<FieldDelta> fields = unpack_fields(in);
  if (!in.whole()) return failed(kShortRecord);
  return finish_update(session->on_state(fields, {version, version_size}));
}

// A list of (replica, seq, hlc, operation, refused, fields). Gives an update.
CONVERGE_EXPORT(converge_session_on_changes)
Status converge_session_on_changes(DocumentSession* session, const char* packed, std::uint32_t size) {
  Unpacker in({packed, size});
  std::vector<Change> changes;
  for (std::uint32_t n = in.u32(); n > 0 && in.whole(); n--) {
    Change& change = changes.emplace_back();
    change.replica = in.u64();
    change.seq = in.u64();
    change.hlc = in.u64();
    change.operation = static_cast<Operation>(in.u32());
    change.refused = in.u32() != 0;
    change.fields = unpack_fields(in);
  }
  return in.whole() ? finish_update(session->on_changes(changes)) : failed(kShortRecord);
}

CONVERGE_EXPORT(converge_session_on_caught_up)
Status converge_session_on_caught_up(DocumentSession* session, const char* version, std::uint32_t size) {
  return finish(session->on_caught_up({version, size}));
}

// Gives 1 and a refusal of changes on terms that are lost without a verdict, or 0.
CONVERGE_EXPORT(converge_session_take_refusal)
Status converge_session_take_refusal(DocumentSession* session) {
  return finish_refusal(session->take_refusal());
}

CONVERGE_EXPORT(converge_session_on_ack)
Status converge_session_on_ack(DocumentSession* session, std::uint64_t replica, std::uint64_t seq) {
  return finish(session->on_ack(replica, seq));
}

// Gives 1 and the refusal, or 0 where the verdict is none.
CONVERGE_EXPORT(converge_session_on_reject)
Status converge_session_on_reject(DocumentSession* session, std::uint64_t replica, std::uint64_t seq,
                                  std::uint32_t code, const char* message, std::uint32_t size,
                                  std::uint64_t expected_seq) {
  const Result<std::optional<Refusal>> refusal =
      session->on_reject(replica, seq, code, {message, size}, expected_seq);
  if (!refusal) return failed(refusal.error());
  return finish_refusal(*refusal);
}

// ---- local edits

CONVERGE_EXPORT(converge_session_begin_change)
Status converge_session_begin_change(DocumentSession* session, std::uint64_t now_ms, std::uint32_t once,
                                     std::uint32_t expect) {
  return finish(session->begin_change(now_ms, {once != 0, expect != 0}));
}

CONVERGE_EXPORT(converge_session_begin_creation)
Status converge_session_begin_creation(DocumentSession* session, std::uint64_t now_ms) {
  return finish(session->begin_creation(now_ms));
}

CONVERGE_EXPORT(converge_session_creating)
std::uint32_t converge_session_creating(DocumentSession* session) { return session->creating(); }

// Gives 1, replica and seq if there is a change to send now, 0 if the edits changed
// nothing.
CONVERGE_EXPORT(converge_session_commit_change)
Status converge_session_commit_change(DocumentSession* session) {
  const Result<const Change*> change = session->commit_change();
  if (!change) return failed(change.error());
  Packer out(output());
  out.u32(*change != nullptr);
  if (*change != nullptr) out.u64((*change)->replica).u64((*change)->seq);
  return 0;
}

CONVERGE_EXPORT(converge_session_text_splice)
Status converge_session_text_splice(DocumentSession* session, const char* field, std::uint32_t field_size,
                                    std::uint32_t at, std::uint32_t count, const char* text,
                                    std::uint32_t text_size) {
  const std::string_view name(field, field_size);
  const Text* value = session->find_text(name);
  // Without such a text the edit itself gives the error.
  if (value == nullptr) return finish(session->text_splice(name, at, count, {text, text_size}));
  const Result<std::uint64_t> from = value->char_of_utf16(at);
  if (!from) return failed(from.error());
  const Result<std::uint64_t> to = value->char_of_utf16(std::uint64_t{at} + count);
  if (!to) return failed(to.error());
  return finish(session->text_splice(name, *from, *to - *from, {text, text_size}));
}

CONVERGE_EXPORT(converge_session_map_set)
Status converge_session_map_set(DocumentSession* session, const char* field, std::uint32_t field_size,
                                const char* key, std::uint32_t key_size, const char* json,
                                std::uint32_t json_size) {
  return finish(session->map_set({field, field_size}, {key, key_size}, {json, json_size}));
}

CONVERGE_EXPORT(converge_session_map_unset)
Status converge_session_map_unset(DocumentSession* session, const char* field, std::uint32_t field_size,
                                  const char* key, std::uint32_t key_size) {
  return finish(session->map_unset({field, field_size}, {key, key_size}));
}

CONVERGE_EXPORT(converge_session_set_add)
Status converge_session_set_add(DocumentSession* session, const char* field, std::uint32_t field_size,
                                const char* element, std::uint32_t element_size) {
  return finish(session->set_add({field, field_size}, {element, element_size}));
}

CONVERGE_EXPORT(converge_session_set_remove)
Status converge_session_set_remove(DocumentSession* session, const char* field, std::uint32_t field_size,
                                   const char* element, std::uint32_t element_size) {
  return finish(session->set_remove({field, field_size}, {element, element_size}));
}

CONVERGE_EXPORT(converge_session_counter_increment)
Status converge_session_counter_increment(DocumentSession* session, const char* field,
                                          std::uint32_t field_size, std::uint64_t n) {
  return finish(session->counter_increment({field, field_size}, static_cast<std::int64_t>(n)));
}

CONVERGE_EXPORT(converge_session_register_assign)
Status converge_session_register_assign(DocumentSession* session, const char* field,
                                        std::uint32_t field_size, const char* json,
                                        std::uint32_t json_size) {
  return finish(session->register_assign({field, field_size}, {json, json_size}));
}

// ---- what to send

// A list of (replica, seq, hlc, operation, expect, fields).
CONVERGE_EXPORT(converge_session_unacknowledged)
Status converge_session_unacknowledged(DocumentSession* session, std::uint64_t from_seq,
                                       std::uint32_t max_bytes) {
  const std::vector<Change> changes = session->unacknowledged(from_seq, max_bytes);
  Packer out(output());
  out.size(changes.size());
  for (const Change& change : changes) {
    out.u64(change.replica).u64(change.seq).u64(change.hlc).u32(static_cast<std::uint32_t>(change.operation));
    out.bytes(change.expect);
    pack_fields(out, change.fields);
  }
  return 0;
}

CONVERGE_EXPORT(converge_session_pending)
std::uint32_t converge_session_pending(DocumentSession* session) {
  return static_cast<std::uint32_t>(session->pending());
}

CONVERGE_EXPORT(converge_session_awaits)
std::uint32_t converge_session_awaits(DocumentSession* session, std::uint64_t replica, std::uint64_t seq) {
  return session->awaits(replica, seq);
}

CONVERGE_EXPORT(converge_session_needs_pull)
std::uint32_t converge_session_needs_pull(DocumentSession* session) { return session->needs_pull(); }

CONVERGE_EXPORT(converge_session_reconcile)
void converge_session_reconcile(DocumentSession* session) { session->reconcile(); }

CONVERGE_EXPORT(converge_session_log_version)
Status converge_session_log_version(DocumentSession* session) {
  output() = session->log_version();
  return 0;
}

// ---- keeping it

CONVERGE_EXPORT(converge_session_save)
Status converge_session_save(DocumentSession* session) {
  output() = session->save();
  return 0;
}

CONVERGE_EXPORT(converge_session_load)
Status converge_session_load(DocumentSession* session, const char* bytes, std::uint32_t size) {
  return finish(session->load({bytes, size}));
}

// Gives an update.
CONVERGE_EXPORT(converge_session_adopt)
Status converge_session_adopt(DocumentSession* session, const char* bytes, std::uint32_t size) {
  return finish_update(session->adopt({bytes, size}));
}

// ---- what the user sees

CONVERGE_EXPORT(converge_session_text)
Status converge_session_text(DocumentSession* session, const char* field, std::uint32_t size) {
  return finish_text(session->text({field, size}));
}

CONVERGE_EXPORT(converge_session_map_json)
Status converge_session_map_json(DocumentSession* session, const char* field, std::uint32_t size) {
  return finish_text(session->map_json({field, size}));
}

CONVERGE_EXPORT(converge_session_counter_value)
Status converge_session_counter_value(DocumentSession* session, const char* field, std::uint32_t size) {
  const Result<std::int64_t> value = session->counter_value({field, size});
  if (!value) return failed(value.error());
  Packer(output()).u64(static_cast<std::uint64_t>(*value));
  return 0;
}

// A list of JSON texts.
CONVERGE_EXPORT(converge_session_register_values)
Status converge_session_register_values(DocumentSession* session, const char* field, std::uint32_t size) {
  return finish_texts(session->register_values({field, size}));
}

CONVERGE_EXPORT(converge_session_set_elements)
Status converge_session_set_elements(DocumentSession* session, const char* field, std::uint32_t size) {
  return finish_texts(session->set_elements({field, size}));
}
