#include "frame_writer.h"

#include "json_frame.h"
#include "protobuf_frame.h"

extern "C" {
#include "port/pg_bswap.h"
}

namespace converge::output {
namespace {

// What a frame's own fields take beside its changes, in either format.
constexpr int kHeaderRoom = 256;
constexpr int kChangesLimit = kFrameLimit - kHeaderRoom;

}  // namespace

FrameWriter* FrameWriter::create(MemoryContext parent, const Options& options) {
  auto* writer = static_cast<FrameWriter*>(MemoryContextAllocZero(parent, sizeof(FrameWriter)));
  MemoryContext old = MemoryContextSwitchTo(parent);

  writer->options_ = options;
  initStringInfo(&writer->changes_);
  MemoryContextSwitchTo(old);
  return writer;
}

void FrameWriter::begin(LogicalDecodingContext* context, ReorderBufferTXN* transaction) {
  // Also after a transaction whose decoding ended in an error.
  context_ = context;
  transaction_ = transaction;
  resetStringInfo(&changes_);
  count_ = 0;
  any_written_ = false;
}

void FrameWriter::add(const ChangeRow& row, const DocumentName* name) {
  const char* payload = nullptr;
  int length = 0;

  if (!row.refused) {
    struct varlena* value = PG_DETOAST_DATUM_PACKED(row.payload);

    payload = VARDATA_ANY(value);
    length = static_cast<int>(VARSIZE_ANY_EXHDR(value));
  }

  if (length < kChangesLimit) {
    const int before = changes_.len;

    append(row, name, payload, length, false);
    if (changes_.len <= kChangesLimit) return;

    // Too much: write what was there before, and this one in the next.
    changes_.len = before;
    changes_.data[before] = '\0';
    count_--;
    if (before > 0) {
      write(false);
      append(row, name, payload, length, false);
      if (changes_.len <= kChangesLimit) return;
      resetStringInfo(&changes_);
      count_ = 0;
    }
  }
  append_in_pieces(row, name, payload, length);
}

void FrameWriter::add_access(const char* change, int length) {
  if (changes_.len + length > kChangesLimit) write(false);
  append_protobuf_access(&changes_, change, length);
  count_++;
}

void FrameWriter::append_in_pieces(const ChangeRow& row, const DocumentName* name,
                                   const char* payload, int length) {
  if (count_ > 0) write(false);

  // What an empty piece takes, so that a piece fills its frame. A byte of
  // payload is 4/3 bytes in JSON, in groups of three.
  append(row, name, nullptr, 0, true);
  int room = kChangesLimit - changes_.len - 16;
  resetStringInfo(&changes_);
  count_ = 0;
  if (options_.format == Format::json) room = room / 4 * 3;
  room = Max(room, kChangesLimit / 16);

  while (length > room) {
    append(row, name, payload, room, true);
    write(false);
    payload += room;
    length -= room;
    CHECK_FOR_INTERRUPTS();
  }
  append(row, name, payload, length, false);
}

void FrameWriter::append(const ChangeRow& row, const DocumentName* name, const char* payload,
                         int length, bool continues) {
  if (options_.format == Format::json) {
    if (count_ > 0) appendStringInfoChar(&changes_, ',');
    append_json_change(&changes_, row, name, payload, length, continues);
  } else
    append_protobuf_change(&changes_, row, name, payload, length, continues);
  count_++;
}

void FrameWriter::write(bool last) {
  const FrameHeader header = {
      transaction_->final_lsn,
      transaction_->xid,
      transaction_->xact_time.commit_time +
          (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY,
      last,
  };

  OutputPluginPrepareWrite(context_, true);
  StringInfo out = context_->out;
  if (options_.format == Format::json)
    append_json_frame(out, header, changes_);
  else {
    const int start = out->len;

    if (options_.framing == Framing::length) appendStringInfoSpaces(out, sizeof(uint32));
    append_protobuf_header(out, header);
    appendBinaryStringInfo(out, changes_.data, changes_.len);
    if (options_.framing == Framing::length) {
      const uint32 size =
          pg_hton32(static_cast<uint32>(out->len - start - static_cast<int>(sizeof(uint32))));

      memcpy(out->data + start, &size, sizeof(size));
    }
  }
  OutputPluginWrite(context_, true);

  any_written_ = true;
  resetStringInfo(&changes_);
  count_ = 0;
}

bool FrameWriter::finish() {
  if (count_ > 0) write(true);
  return any_written_;
}

}  // namespace converge::output
