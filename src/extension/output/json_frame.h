// wire.StreamFrame as one line of JSON: protobuf's own mapping to JSON with the
// schema's field names (64-bit numbers are strings, bytes are base64), except
// that a payload is written out as the wire.Payload that it encodes. A piece
// of a payload, and one that is no Payload, stays base64.
#pragma once

#include "document_cache.h"
#include "frame_header.h"
#include "log_tables.h"

namespace converge::output {

// Appends a whole frame around changes that are encoded already, separated by
// commas.
void append_json_frame(StringInfo out, const FrameHeader& header, const StringInfoData& changes);

// Appends one object of the list of changes.
void append_json_change(StringInfo out, const ChangeRow& row, const DocumentName* name,
                        const char* payload, int length, bool continues);

}  // namespace converge::output
