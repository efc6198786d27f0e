#include "extension/documents/payload.h"

#include <cstring>

#include "extension/documents/wire_memory.h"
#include "extension/sha256.h"
#include "proto/converge.pb-c.h"

extern "C" {
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
}

namespace converge {
namespace {

// Unfolded, a payload of kMaxPayloadBytes with kMaxFields fields stays below.
constexpr std::size_t kUnfoldedBytes = 64 * 1024;

bool malformed(boundary::Failure* failure, const char* detail) {
  boundary::describe(ERRCODE_INVALID_BINARY_REPRESENTATION, "payload is malformed", detail, failure);
  return false;
}

}  // namespace

struct varlena* encode_payload(const Payload& payload) {
  Converge__Wire__FieldDelta fields[kMaxFields];
  Converge__Wire__FieldDelta* pointers[kMaxFields];
  for (int i = 0; i < payload.count; i++) {
    converge__wire__field_delta__init(&fields[i]);
    fields[i].field = const_cast<char*>(payload.fields[i].field);
    fields[i].delta.data =
        reinterpret_cast<uint8_t*>(const_cast<char*>(payload.fields[i].delta.data()));
    fields[i].delta.len = payload.fields[i].delta.size();
    pointers[i] = &fields[i];
  }
  Converge__Wire__Payload message;
  converge__wire__payload__init(&message);
  message.operation = static_cast<Converge__Wire__Operation>(payload.operation);
  message.n_fields = static_cast<size_t>(payload.count);
  message.fields = pointers;
  Converge__Wire__ColumnValue columns[kMaxIncluded];
  Converge__Wire__ColumnValue* column_pointers[kMaxIncluded];
  for (int i = 0; i < payload.column_count; i++) {
    converge__wire__column_value__init(&columns[i]);
    columns[i].column = const_cast<char*>(payload.columns[i].column);
    columns[i].value = pnstrdup(payload.columns[i].value.data(), payload.columns[i].value.size());
    column_pointers[i] = &columns[i];
  }
  message.n_columns = static_cast<size_t>(payload.column_count);
  message.columns = column_pointers;
  return pack_message(&message.base);
}

bool decode_payload(std::string_view bytes, Payload* payload, boundary::Failure* failure) {
  // The deltas themselves are copied once.
  WireMemory memory(CurrentMemoryContext, bytes.size() + kUnfoldedBytes);
  const Converge__Wire__Payload* message = converge__wire__payload__unpack(
      &memory.allocator, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  if (message == nullptr) {
    return malformed(failure, memory.exhausted ? "It names too many fields." : "It is not a Payload message.");
  }
  // A name that holds U+0000 would be another one to whoever reads it in a
  // language with counted strings: what does not pack to the same length is refused.
  if (message->base.n_unknown_fields > 0 ||
      converge__wire__payload__get_packed_size(message) != bytes.size()) {
    return malformed(failure, "It is not in the canonical encoding.");
  }
  if (message->n_columns > kMaxIncluded) return malformed(failure, "It names too many columns.");
  payload->column_count = static_cast<int>(message->n_columns);
  for (int i = 0; i < payload->column_count; i++) {
    payload->columns[i] = {message->columns[i]->column, message->columns[i]->value};
  }
  if (message->n_fields > kMaxFields) return malformed(failure, "It names too many fields.");
  switch (static_cast<int>(message->operation)) {
    case CONVERGE__WIRE__OPERATION__OPERATION_UPDATE: payload->operation = Operation::update; break;
    case CONVERGE__WIRE__OPERATION__OPERATION_INSERT: payload->operation = Operation::insert; break;
    case CONVERGE__WIRE__OPERATION__OPERATION_DELETE: payload->operation = Operation::remove; break;
    default: return malformed(failure, "Its operation is not known.");
  }
  payload->count = static_cast<int>(message->n_fields);
  for (int i = 0; i < payload->count; i++) {
    const Converge__Wire__FieldDelta* field = message->fields[i];
    // Which pack to the same length.
    if (field->base.n_unknown_fields > 0) return malformed(failure, "It is not in the canonical encoding.");
    if (!pg_verify_mbstr(PG_UTF8, field->field, static_cast<int>(std::strlen(field->field)), true)) {
      return malformed(failure, "A field's name is not UTF-8.");
    }
    payload->fields[i] = {field->field,
                          {reinterpret_cast<const char*>(field->delta.data), field->delta.len}};
    for (int j = 0; j < i; j++) {
      if (std::strcmp(payload->fields[j].field, field->field) == 0) {
        return malformed(failure, "It names a field twice.");
      }
    }
  }
  return true;
}

void decode_logged_payload(std::string_view bytes, Payload* payload) {
  boundary::Failure failure;
  if (decode_payload(bytes, payload, &failure)) return;
  ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a change in the log is damaged"),
                  errdetail_internal("%s", failure.detail)));
}

void hash_change(std::uint64_t hlc, std::string_view payload, unsigned char* hash) {
  const std::uint64_t hlc_bytes = pg_hton64(hlc);
  unsigned char digest[kSha256Bytes];
  sha256({{reinterpret_cast<const char*>(&hlc_bytes), sizeof hlc_bytes}, payload}, digest);
  std::memcpy(hash, digest, kHashBytes);
}

}  // namespace converge
