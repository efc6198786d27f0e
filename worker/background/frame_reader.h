// Takes an encoded wire.StreamFrame apart without unpacking it: the header's
// bytes, each change's bytes with the document it is of, and each AccessChange's
// with its tenant. Reads what
// converge_output writes (its protobuf_frame.h promises the order of fields).
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

// A part of a frame's bytes.
struct Slice {
  const char* data;
  int length;
};

// An entry of a frame after its header.
struct FrameEntry {
  enum class Kind { change, access };

  Kind kind;
  Slice bytes;      // with tag and length
  uint64 document;  // of a change
  Slice tenant;     // of an AccessChange; empty: all
};

class FrameReader {
 public:
  // `frame` has to stay as long as the reader and its slices.
  FrameReader(const char* frame, int length) : at_(frame), end_(frame + length) {}

  // Reads the fields before the changes. False if it is no such frame.
  bool read_header();
  Slice header() const { return header_; }
  bool last() const { return last_; }

  // The next change, or change of access. False at the end, or when the bytes are
  // no frame: then failed().
  bool next(FrameEntry* entry);
  bool failed() const { return failed_; }

 private:
  bool read_varint(const char** at, const char* end, uint64* value);
  bool read_change(const char* at, const char* end, FrameEntry* entry);
  bool read_access(const char* at, const char* end, FrameEntry* entry);
  bool skip(const char** at, const char* end, uint32 wire_type);

  const char* at_;
  const char* end_;
  Slice header_ = {nullptr, 0};
  bool last_ = false;
  bool failed_ = false;
};

}  // namespace converge::worker
