// The forwarding half of BridgeServer: who gets which part of a frame, and the
// queues to the bridges.
#include "worker/background/bridge_server.h"

#include <sys/epoll.h>

#include "worker/background/message_length.h"
#include "worker/background/settings.h"

namespace converge::worker {
namespace {

// A queue this long is sent at once, a shorter one before the worker sleeps.
constexpr int kSendAt = 64 * 1024;

// The tag of WorkerReply.frame.
constexpr char kFrameTag = (4 << 3) | 2;

int varint_length(uint64 value) {
  int length = 1;

  for (; value >= 0x80; value >>= 7) length++;
  return length;
}

char* put_varint(char* at, uint64 value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

char* put(char* at, const Slice& slice) {
  memcpy(at, slice.data, static_cast<size_t>(slice.length));
  return at + slice.length;
}

}  // namespace

void BridgeServer::select(FrameReader* reader, BridgeSet* receivers) {
  FrameEntry entry;

  selected_count_ = 0;
  while (reader->next(&entry)) {
    BridgeSet bridges;

    if (entry.kind == FrameEntry::Kind::change)
      bridges = watches_.watchers(entry.document);
    else if (entry.tenant.length > 0)
      bridges = watches_.tenant_watchers(entry.tenant.data, entry.tenant.length);
    else
      bridges = proven_bridges();
    if (bridges == 0) continue;
    if (selected_count_ == selected_capacity_) {
      selected_capacity_ = Max(256, selected_capacity_ * 2);
      const Size size = sizeof(Selected) * static_cast<Size>(selected_capacity_);
      selected_ = static_cast<Selected*>(selected_ == nullptr ? MemoryContextAlloc(context_, size)
                                                              : repalloc(selected_, size));
    }
    selected_[selected_count_++] = {entry.bytes, bridges};
    *receivers |= bridges;
  }
}

BridgeSet BridgeServer::proven_bridges() const {
  BridgeSet bridges = 0;

  for (int index = 0; index < kMaxBridges; index++)
    if (bridges_[index].socket >= 0 && bridges_[index].proven) bridges |= only(index);
  return bridges;
}

void BridgeServer::forward(const char* frame, int length, TransactionId transaction,
                           XLogRecPtr before) {
  FrameReader reader(frame, length);
  BridgeSet receivers = 0;

  frames_++;
  unsettled_.note(transaction, before);
  if (bridge_count_ == 0) return;
  if (!reader.read_header()) elog(ERROR, "converge_output gave a frame that is none");
  select(&reader, &receivers);
  if (reader.failed()) elog(ERROR, "converge_output gave a frame with a change that is none");

  // Who had frames of this transaction learns that it is over.
  if (reader.last()) receivers |= in_transaction_;
  in_transaction_ = reader.last() ? 0 : in_transaction_ | receivers;
  for (int index = 0; index < kMaxBridges; index++) {
    if ((receivers & only(index)) == 0) continue;
    Bridge& bridge = bridges_[index];

    if (bridge.closing) continue;
    queue_frame(index, reader.header());
    if (bridge.socket >= 0 && bridge.output.size() >= kSendAt) send(index);
  }
}

void BridgeServer::queue_frame(int index, const Slice& header) {
  int frame = header.length;

  for (int i = 0; i < selected_count_; i++)
    if (selected_[i].bridges & only(index)) frame += selected_[i].entry.length;

  const int message = 1 + varint_length(static_cast<uint64>(frame)) + frame;
  char* at = reserve(index, kLengthBytes + message);
  if (at == nullptr) return;
  at = put_length(at, message);
  *at++ = kFrameTag;
  at = put_varint(at, static_cast<uint64>(frame));
  at = put(at, header);
  for (int i = 0; i < selected_count_; i++)
    if (selected_[i].bridges & only(index)) at = put(at, selected_[i].entry);
  bridges_[index].output.commit(kLengthBytes + message);
  bytes_forwarded_ += static_cast<uint64>(kLengthBytes + message);
}

// Room for a message at the end of a bridge's queue, or null if the bridge had
// to be dropped, or was while another was waited for: what is queued at its place
// then would be the next one's.
char* BridgeServer::reserve(int index, int bytes) {
  if (bridges_[index].socket < 0) return nullptr;
  if (!bridges_[index].output.has_room(bytes) && !wait_for_room(index, bytes)) {
    char reason[128];

    snprintf(reason, sizeof(reason), "it does not read fast enough, the others have waited %ld ms for it",
             bridges_[index].held_milliseconds);
    drop(index, reason);
    return nullptr;
  }
  return bridges_[index].output.reserve(context_, bytes);
}

// Gives a bridge that reads the while that it needs; the others, which wait too, get
// what they have queued meanwhile.
bool BridgeServer::wait_for_room(int index, int bytes) {
  Bridge& bridge = bridges_[index];

  while (true) {
    flush();
    if (bridge.socket < 0) return false;
    if (bridge.output.has_room(bytes)) return true;
    if (bridge.pace.too_slow()) return false;

    const TimestampTz start = GetCurrentTimestamp();
    (void)WaitLatchOrSocket(MyLatch,
                            WL_LATCH_SET | WL_SOCKET_WRITEABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                            bridge.socket, Max(slow_bridge_timeout / 4, 1), PG_WAIT_EXTENSION);
    // Commits may wake the worker meanwhile: the reader looks for their WAL
    // itself before it sleeps.
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ShutdownRequestPending)
      ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
                      errmsg("terminating stream worker due to administrator command")));
    bridge.held_milliseconds += TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());
  }
}

void BridgeServer::flush() {
  for (int index = 0; index < kMaxBridges; index++)
    if (bridges_[index].socket >= 0 && (!bridges_[index].output.empty() || bridges_[index].closing))
      send(index);
}

void BridgeServer::send(int index) {
  Bridge& bridge = bridges_[index];
  const int before = bridge.output.size();
  const OutputQueue::Sent sent = bridge.output.send_to(bridge.socket);

  bridge.pace.note(before - bridge.output.size(), !bridge.output.empty(), GetCurrentTimestamp());
  switch (sent) {
    case OutputQueue::Sent::all:
      if (bridge.closing)
        drop(index, nullptr);
      else
        poll_for_room(index, false);
      break;
    case OutputQueue::Sent::some:
      poll_for_room(index, true);
      break;
    case OutputQueue::Sent::failed:
      drop(index, nullptr);
      break;
  }
}

void BridgeServer::poll_for_room(int index, bool wanted) {
  Bridge& bridge = bridges_[index];
  epoll_event event = {};

  if (bridge.wants_out == wanted) return;
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = bridge_number(index);
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, bridge.socket, &event) != 0)
    drop(index, "its socket cannot be polled");
  else
    bridge.wants_out = wanted;
}

}  // namespace converge::worker
