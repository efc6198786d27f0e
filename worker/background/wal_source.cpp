#include "worker/background/wal_source.h"

extern "C" {
#include "access/xlog.h"
}

namespace converge::worker {
namespace {

WalSourceCallbacks callbacks;

// Waits until the WAL is flushed up to `wanted`, and gives how far it is.
bool wait_for_flush(XLogRecPtr wanted, XLogRecPtr* flushed, TimeLineID* timeline) {
  for (;;) {
    *flushed = GetFlushRecPtr(timeline);
    if (wanted <= *flushed) return true;
    // From here on a commit's wake-up is not lost.
    ResetLatch(MyLatch);
    *flushed = GetFlushRecPtr(timeline);
    if (wanted <= *flushed) return true;
    if (!callbacks.wait()) return false;
  }
}

int read_page(XLogReaderState* reader, XLogRecPtr page, int wanted, XLogRecPtr, char* buffer) {
  XLogRecPtr end;
  TimeLineID timeline;
  WALReadError error;

  if (!callbacks.poll()) return -1;
  if (!wait_for_flush(page + wanted, &end, &timeline)) return -1;

  // After a promotion the slot may start on the timeline before.
  XLogReadDetermineTimeline(reader, page, static_cast<uint32>(wanted), timeline);
  if (reader->currTLI != timeline) {
    end = reader->currTLIValidUntil;
    timeline = reader->currTLI;
  }

  const int count = page + XLOG_BLCKSZ <= end ? XLOG_BLCKSZ : static_cast<int>(end - page);
  if (count < wanted) return -1;
  // The page is there as a whole, padded with zeroes.
  if (!WALRead(reader, buffer, page, XLOG_BLCKSZ, timeline, &error)) WALReadRaiseError(&error);
  return count;
}

}  // namespace

XLogReaderRoutine* wal_source(const WalSourceCallbacks& process) {
  static XLogReaderRoutine routine = {read_page, wal_segment_open, wal_segment_close};

  callbacks = process;
  return &routine;
}

}  // namespace converge::worker
