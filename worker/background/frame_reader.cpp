#include "worker/background/frame_reader.h"

namespace converge::worker {
namespace {

// Fields of proto/converge.proto.
constexpr uint32 kFrameLast = 4;
constexpr uint32 kFrameChanges = 5;
constexpr uint32 kFrameAccess = 6;
constexpr uint32 kChangeDocument = 2;
constexpr uint32 kAccessTenant = 1;

constexpr uint32 kVarint = 0;
constexpr uint32 kFixed64 = 1;
constexpr uint32 kLengthDelimited = 2;
constexpr uint32 kFixed32 = 5;

}  // namespace

bool FrameReader::read_varint(const char** at, const char* end, uint64* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && *at < end; shift += 7) {
    const auto byte = static_cast<uint8>(*(*at)++);

    *value |= static_cast<uint64>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool FrameReader::skip(const char** at, const char* end, uint32 wire_type) {
  uint64 length;

  switch (wire_type) {
    case kVarint:
      return read_varint(at, end, &length);
    case kFixed64:
      length = 8;
      break;
    case kFixed32:
      length = 4;
      break;
    case kLengthDelimited:
      if (!read_varint(at, end, &length)) return false;
      break;
    default:
      return false;
  }
  if (length > static_cast<uint64>(end - *at)) return false;
  *at += length;
  return true;
}

bool FrameReader::read_header() {
  const char* start = at_;

  while (at_ < end_) {
    const char* field = at_;
    uint64 tag, value;

    if (!read_varint(&at_, end_, &tag)) return false;
    if (tag >> 3 == kFrameChanges || tag >> 3 == kFrameAccess) {
      at_ = field;
      break;
    }
    if (tag >> 3 == kFrameLast) {
      if ((tag & 7) != kVarint || !read_varint(&at_, end_, &value)) return false;
      last_ = value != 0;
    } else if (!skip(&at_, end_, tag & 7))
      return false;
  }
  header_ = {start, static_cast<int>(at_ - start)};
  return true;
}

bool FrameReader::read_change(const char* at, const char* end, FrameEntry* entry) {
  uint64 tag;

  while (at < end) {
    if (!read_varint(&at, end, &tag)) return false;
    if (tag == ((kChangeDocument << 3) | kVarint)) return read_varint(&at, end, &entry->document);
    if (!skip(&at, end, tag & 7)) return false;
  }
  return false;
}

// A tenant that is empty is not encoded.
bool FrameReader::read_access(const char* at, const char* end, FrameEntry* entry) {
  uint64 tag, length;

  entry->tenant = {at, 0};
  while (at < end) {
    if (!read_varint(&at, end, &tag)) return false;
    if (tag == ((kAccessTenant << 3) | kLengthDelimited)) {
      if (!read_varint(&at, end, &length) || length > static_cast<uint64>(end - at)) return false;
      entry->tenant = {at, static_cast<int>(length)};
      return true;
    }
    if (!skip(&at, end, tag & 7)) return false;
  }
  return true;
}

bool FrameReader::next(FrameEntry* entry) {
  if (at_ >= end_) return false;

  const char* start = at_;
  uint64 tag, length;
  failed_ = true;
  if (!read_varint(&at_, end_, &tag) || !read_varint(&at_, end_, &length) ||
      length > static_cast<uint64>(end_ - at_))
    return false;

  const char* field = at_;
  at_ += length;
  entry->bytes = {start, static_cast<int>(at_ - start)};
  if (tag == ((kFrameChanges << 3) | kLengthDelimited)) {
    entry->kind = FrameEntry::Kind::change;
    failed_ = !read_change(field, at_, entry);
  } else if (tag == ((kFrameAccess << 3) | kLengthDelimited)) {
    entry->kind = FrameEntry::Kind::access;
    failed_ = !read_access(field, at_, entry);
  }
  return !failed_;
}

}  // namespace converge::worker
