// wire.StreamFrame in protobuf, piece by piece: a frame is its header, in the order
// of the field numbers, followed by its changes and changes of access, in the order
// of the WAL, which readers that filter frames without unpacking them rely on.
#pragma once

#include "document_cache.h"
#include "frame_header.h"
#include "log_tables.h"

namespace converge::output {

// Appends fields 1 to 4 of a StreamFrame.
void append_protobuf_header(StringInfo out, const FrameHeader& header);

// Appends one entry of StreamFrame.changes, its tag and length included.
void append_protobuf_change(StringInfo out, const ChangeRow& row, const DocumentName* name,
                            const char* payload, int length, bool continues);

// Appends one entry of StreamFrame.access: an encoded AccessChange.
void append_protobuf_access(StringInfo out, const char* change, int length);

// The tenant of an encoded AccessChange, palloc'd. Null: the bytes are none.
const char* tenant_of_access(const char* change, int length);

}  // namespace converge::output
