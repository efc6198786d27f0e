#include "protobuf_frame.h"

#include "converge.pb-c.h"

namespace converge::output {
namespace {

// Field 5 of StreamFrame, length-delimited.
constexpr char kChangesTag = (5 << 3) | 2;
// Field 6, likewise.
constexpr char kAccessTag = (6 << 3) | 2;

void* allocate(void*, size_t size) { return palloc(size); }

void release(void*, void* pointer) {
  if (pointer != nullptr) pfree(pointer);
}

void append_varint(StringInfo out, uint64 value) {
  while (value >= 0x80) {
    appendStringInfoCharMacro(out, static_cast<char>(value | 0x80));
    value >>= 7;
  }
  appendStringInfoCharMacro(out, static_cast<char>(value));
}

// Packs into the buffer's own memory.
void append_packed(StringInfo out, const ProtobufCMessage* message, size_t size) {
  enlargeStringInfo(out, static_cast<int>(size));
  protobuf_c_message_pack(message, reinterpret_cast<uint8_t*>(out->data + out->len));
  out->len += static_cast<int>(size);
  out->data[out->len] = '\0';
}

}  // namespace

void append_protobuf_header(StringInfo out, const FrameHeader& header) {
  Converge__Wire__StreamFrame frame = CONVERGE__WIRE__STREAM_FRAME__INIT;

  frame.commit_lsn = header.commit_lsn;
  frame.xid = header.xid;
  frame.commit_time = header.commit_time;
  frame.last = header.last;
  append_packed(out, &frame.base, protobuf_c_message_get_packed_size(&frame.base));
}

void append_protobuf_change(StringInfo out, const ChangeRow& row, const DocumentName* name,
                            const char* payload, int length, bool continues) {
  Converge__Wire__Change change = CONVERGE__WIRE__CHANGE__INIT;
  Converge__Wire__DocumentRef ref = CONVERGE__WIRE__DOCUMENT_REF__INIT;
  Converge__Wire__StreamChange stream_change = CONVERGE__WIRE__STREAM_CHANGE__INIT;

  change.replica = row.replica;
  change.seq = row.seq;
  change.hlc = row.hlc;
  change.payload.data = reinterpret_cast<uint8_t*>(const_cast<char*>(payload));
  change.payload.len = static_cast<size_t>(length);
  change.principal = row.principal;

  stream_change.tenant = row.tenant;
  stream_change.document = row.document;
  stream_change.change = &change;
  stream_change.continues = continues;
  if (name != nullptr) {
    ref.collection = const_cast<char*>(name->collection);
    ref.key = const_cast<char*>(name->key);
    stream_change.ref = &ref;
  }

  const size_t size = protobuf_c_message_get_packed_size(&stream_change.base);
  appendStringInfoCharMacro(out, kChangesTag);
  append_varint(out, size);
  append_packed(out, &stream_change.base, size);
}

void append_protobuf_access(StringInfo out, const char* change, int length) {
  appendStringInfoCharMacro(out, kAccessTag);
  append_varint(out, static_cast<uint64>(length));
  appendBinaryStringInfo(out, change, length);
}

const char* tenant_of_access(const char* change, int length) {
  ProtobufCAllocator allocator = {allocate, release, nullptr};
  Converge__Wire__AccessChange* message = converge__wire__access_change__unpack(
      &allocator, static_cast<size_t>(length), reinterpret_cast<const uint8_t*>(change));

  if (message == nullptr) return nullptr;
  const char* tenant = pstrdup(message->tenant);
  converge__wire__access_change__free_unpacked(message, &allocator);
  return tenant;
}

}  // namespace converge::output
