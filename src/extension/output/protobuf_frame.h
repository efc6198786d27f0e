// wire.StreamFrame in protobuf, piece by piece: a frame is its header followed
// by its changes, in the order of their field numbers, which readers that
// filter frames without unpacking them rely on.
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

}  // namespace converge::output
