#include "json_frame.h"

#include "converge.pb-c.h"

extern "C" {
#include "common/base64.h"
#include "utils/json.h"
}

namespace converge::output {
namespace {

void append_base64(StringInfo out, const void* data, int length) {
  appendStringInfoChar(out, '"');
  if (length > 0) {
    const int room = pg_b64_enc_len(length);

    enlargeStringInfo(out, room);
    const int written = pg_b64_encode(static_cast<const BASE64_BYTE*>(data), length, out->data + out->len, room);
    if (written < 0) elog(ERROR, "could not encode %d bytes in base64", length);
    out->len += written;
    out->data[out->len] = '\0';
  }
  appendStringInfoChar(out, '"');
}

void* allocate(void*, size_t size) { return palloc(size); }

void release(void*, void* pointer) {
  if (pointer != nullptr) pfree(pointer);
}

// Appends the Payload's object, or says that the bytes are none.
bool append_payload(StringInfo out, const char* payload, int length) {
  ProtobufCAllocator allocator = {allocate, release, nullptr};
  Converge__Wire__Payload* message = converge__wire__payload__unpack(
      &allocator, static_cast<size_t>(length), reinterpret_cast<const uint8_t*>(payload));

  if (message == nullptr) return false;

  const ProtobufCEnumValue* operation = protobuf_c_enum_descriptor_get_value(
      &converge__wire__operation__descriptor, message->operation);
  appendStringInfoString(out, "{\"operation\":");
  // A number that has no name stays a number, as protobuf's mapping has it.
  if (operation != nullptr)
    escape_json(out, operation->name);
  else
    appendStringInfo(out, "%d", static_cast<int>(message->operation));
  appendStringInfoString(out, ",\"fields\":[");
  for (size_t i = 0; i < message->n_fields; i++) {
    const Converge__Wire__FieldDelta* field = message->fields[i];

    if (i > 0) appendStringInfoChar(out, ',');
    appendStringInfoString(out, "{\"field\":");
    escape_json(out, field->field);
    appendStringInfoString(out, ",\"delta\":");
    append_base64(out, field->delta.data, static_cast<int>(field->delta.len));
    appendStringInfoChar(out, '}');
  }
  appendStringInfoChar(out, ']');
  for (size_t i = 0; i < message->n_columns; i++) {
    const Converge__Wire__ColumnValue* column = message->columns[i];

    appendStringInfoString(out, i == 0 ? ",\"columns\":[" : ",");
    appendStringInfoString(out, "{\"column\":");
    escape_json(out, column->column);
    appendStringInfoString(out, ",\"value\":");
    escape_json(out, column->value);
    appendStringInfoString(out, i + 1 == message->n_columns ? "}]" : "}");
  }
  appendStringInfoChar(out, '}');
  converge__wire__payload__free_unpacked(message, &allocator);
  return true;
}

}  // namespace

void append_json_frame(StringInfo out, const FrameHeader& header, const StringInfoData& changes) {
  appendStringInfo(out,
                   "{\"commit_lsn\":\"" UINT64_FORMAT
                   "\",\"xid\":%u,\"commit_time\":\"" INT64_FORMAT "\",\"last\":%s,\"changes\":[",
                   static_cast<uint64>(header.commit_lsn), header.xid, header.commit_time,
                   header.last ? "true" : "false");
  appendBinaryStringInfo(out, changes.data, changes.len);
  appendStringInfoString(out, "]}");
}

void append_json_change(StringInfo out, const ChangeRow& row, const DocumentName* name,
                        const char* payload, int length, bool continues) {
  appendStringInfoString(out, "{\"tenant\":");
  escape_json(out, row.tenant);
  appendStringInfo(out, ",\"document\":\"" UINT64_FORMAT "\"", row.document);
  if (name != nullptr) {
    appendStringInfoString(out, ",\"ref\":{\"collection\":");
    escape_json(out, name->collection);
    appendStringInfoString(out, ",\"key\":");
    escape_json(out, name->key);
    appendStringInfoChar(out, '}');
  }
  appendStringInfo(out,
                   ",\"change\":{\"replica\":\"" UINT64_FORMAT "\",\"seq\":\"" UINT64_FORMAT
                   "\",\"hlc\":\"" UINT64_FORMAT "\",\"principal\":",
                   row.replica, row.seq, row.hlc);
  escape_json(out, row.principal);
  if (!row.refused) {
    appendStringInfoString(out, ",\"payload\":");
    if (continues || !append_payload(out, payload, length)) append_base64(out, payload, length);
  }
  appendStringInfoChar(out, '}');
  if (continues) appendStringInfoString(out, ",\"continues\":true");
  appendStringInfoChar(out, '}');
}

}  // namespace converge::output
