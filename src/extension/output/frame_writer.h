// Gathers the rows a transaction added to the log into StreamFrames of at most
// kFrameLimit bytes and hands each to the decoding context's writer as soon as
// the next row does not fit, so that a transaction of any size takes the
// memory of one frame.
#pragma once

#include "document_cache.h"
#include "frame_header.h"
#include "log_tables.h"
#include "options.h"

namespace converge::output {

// A frame's size, encoded, without the length that framing=length puts before
// it. Exceeded only by the names of a document that are themselves that long.
constexpr int kFrameLimit = 1024 * 1024;

class FrameWriter {
 public:
  // Keeps its buffer in `parent`.
  static FrameWriter* create(MemoryContext parent, const Options& options);

  void begin(LogicalDecodingContext* context, ReorderBufferTXN* transaction);

  // Adds a row; `name` is null for a document that has none any more. Works in
  // the current memory context, which the caller resets.
  void add(const ChangeRow& row, const DocumentName* name);

  // Adds an encoded AccessChange. Only with format protobuf.
  void add_access(const char* change, int length);

  // Writes the last frame, if there is anything to write; says whether the
  // transaction had any frame at all.
  bool finish();

 private:
  void append(const ChangeRow& row, const DocumentName* name, const char* payload, int length,
              bool continues);
  void append_in_pieces(const ChangeRow& row, const DocumentName* name, const char* payload,
                        int length);
  void write(bool last);

  Options options_;
  LogicalDecodingContext* context_;
  ReorderBufferTXN* transaction_;
  StringInfoData changes_;  // encoded, of the frame being gathered, and changes of access
  int count_;               // of both
  bool any_written_;
};

}  // namespace converge::output
