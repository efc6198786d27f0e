#include "worker/background/bridge_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

extern "C" {
#include "storage/fd.h"
}

#include "extension/security/ticket.h"
#include "worker/background/message_length.h"
#include "worker/background/worker_reply.h"

namespace converge::worker {

namespace {

constexpr uint32 kProtocol = 1;
constexpr int kInputBytes = 64 * 1024;
constexpr int kMaxRequestBytes = kInputBytes - kLengthBytes;
// A connection has to say what it is within this time.
constexpr int kAttachMilliseconds = 5000;
// After the server could not accept one, for want of file descriptors mostly.
constexpr int kAcceptAgainMilliseconds = 1000;
constexpr uint64 kListenerEvent = PG_UINT64_MAX;

char listening_at[sizeof(sockaddr_un::sun_path)];

void remove_socket(int, Datum) { unlink(listening_at); }

void* allocate(void*, size_t size) { return palloc(size); }

// The whole context is reset after a message.
void release(void*, void*) {}

ProtobufCAllocator allocator = {allocate, release, nullptr};

}  // namespace

// ------------------------------------------------------------- connections

void BridgeServer::open(MemoryContext context, const char* path) {
  sockaddr_un address = {};
  epoll_event event = {};

  context_ = context;
  request_context_ = AllocSetContextCreate(context, "converge request", ALLOCSET_SMALL_SIZES);
  watches_.create(context, watch_timeout);
  unsettled_.create(context);
  memset(static_cast<void*>(bridges_), 0, sizeof(bridges_));
  for (Bridge& bridge : bridges_) bridge.socket = -1;

  if (strlen(path) >= sizeof(address.sun_path))
    ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
                    errmsg("path of the stream worker's socket \"%s\" is too long", path),
                    errdetail("It has %zu bytes, of at most %zu.", strlen(path),
                              sizeof(address.sun_path) - 1),
                    errhint("Put a shorter directory first in unix_socket_directories.")));
  address.sun_family = AF_UNIX;
  strlcpy(address.sun_path, path, sizeof(address.sun_path));

  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  // One that a crash has left is in the way; that no other worker uses it is
  // known by the slot, which is this process's.
  unlink(path);
  if (listener_ < 0 || epoll_ < 0 ||
      bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    ereport(ERROR, (errcode_for_socket_access(),
                    errmsg("could not make the stream worker's socket \"%s\": %m", path)));
  strlcpy(listening_at, path, sizeof(listening_at));
  // Runs before the registry hears that this worker is gone: a later removal
  // would take the next worker's socket.
  on_shmem_exit(remove_socket, 0);

  event.events = EPOLLIN;
  event.data.u64 = kListenerEvent;
  // Open to everybody on this host, as the server's own socket: what may be
  // read there, tickets say.
  if (chmod(path, 0777) != 0 || listen(listener_, kMaxBridges) != 0 ||
      epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0)
    ereport(ERROR, (errcode_for_socket_access(),
                    errmsg("could not listen on the stream worker's socket \"%s\": %m", path)));
}

void BridgeServer::accept_bridges() {
  for (int i = 0; i < kMaxBridges; i++) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (socket < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED) {
        ereport(LOG, (errcode_for_socket_access(),
                      errmsg("could not accept a bridge's connection: %m")));
        // It is still there to be accepted: the worker would find it at once, again and again.
        poll_listener(false);
      }
      return;
    }
    admit(socket);
  }
}

void BridgeServer::poll_listener(bool wanted) {
  epoll_event event = {};

  if (wanted) event.events = EPOLLIN;
  event.data.u64 = kListenerEvent;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event) == 0)
    accept_again_at_ =
        wanted ? 0 : TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kAcceptAgainMilliseconds);
}

// Of the one that uses this place now, and of no other.
uint64 BridgeServer::bridge_number(int index) const {
  return static_cast<uint64>(bridges_[index].generation) << 32 | static_cast<uint32>(index);
}

void BridgeServer::admit(int socket) {
  int index = 0;
  epoll_event event = {};

  if (!AcquireExternalFD()) {
    ereport(LOG, (errmsg("could not accept a bridge's connection: too many open files")));
    close(socket);
    return;
  }
  if (bridge_count_ >= max_bridges) make_room();
  while (index < kMaxBridges && bridges_[index].socket >= 0) index++;
  event.events = EPOLLIN;
  if (index < kMaxBridges) {
    bridges_[index].generation++;
    event.data.u64 = bridge_number(index);
  }
  if (index == kMaxBridges || epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
    close(socket);
    ReleaseExternalFD();
    return;
  }

  Bridge& bridge = bridges_[index];
  bridge.socket = socket;
  bridge.attached = bridge.proven = bridge.closing = bridge.wants_out = false;
  bridge.name[0] = '\0';
  bridge.connected_at = GetCurrentTimestamp();
  bridge.watches = 0;
  bridge.pending = 0;
  bridge.input = static_cast<char*>(MemoryContextAlloc(context_, kInputBytes));
  bridge.input_length = 0;
  bridge.pace.begin();
  bridge.held_milliseconds = 0;
  if (++bridge_count_ > max_bridges) {
    char reason[128];

    snprintf(reason, sizeof(reason),
             "%d bridges are attached, of at most %d (converge.max_bridges)", bridge_count_ - 1,
             max_bridges);
    fail(index, CONVERGE__WIRE__CODE__CODE_LIMIT, reason);
  }
}

// Drops the longest connected bridge that has shown no ticket yet. The socket is
// open to everybody on this host: without this, somebody who may read nothing
// could take all the places.
void BridgeServer::make_room() {
  int oldest = -1;

  for (int index = 0; index < kMaxBridges; index++)
    if (bridges_[index].socket >= 0 && !bridges_[index].proven &&
        (oldest < 0 || bridges_[index].connected_at < bridges_[oldest].connected_at))
      oldest = index;
  if (oldest >= 0) drop(oldest, "it has shown no ticket, and another needs the place");
}

void BridgeServer::drop(int index, const char* reason) {
  Bridge& bridge = bridges_[index];

  if (bridge.socket < 0) return;
  if (reason != nullptr) {
    bridges_dropped_++;
    ereport(LOG, (errmsg("dropped bridge \"%s\": %s", bridge.name, reason)));
  } else
    elog(DEBUG1, "bridge \"%s\" has gone", bridge.name);
  close(bridge.socket);  // which takes it out of the epoll set
  ReleaseExternalFD();
  bridge.socket = -1;
  pfree(bridge.input);
  bridge.output.free();
  if (bridge.watches > 0) watches_.remove_all(index);
  watch_count_ -= bridge.watches;
  bridge.watches = 0;
  in_transaction_ &= ~only(index);
  if (bridge.pending > 0) forget_pending(index);
  bridge_count_--;
  if (bridge.proven) announce_detached(index);
}

// The number of those that wait is bounded for each bridge that is there: who comes and
// goes, while a transaction stays in progress, leaves none.
void BridgeServer::forget_pending(int index) {
  int kept = pending_head_;

  for (int i = pending_head_; i < pending_tail_; i++)
    if (pending_[i].bridge != index) pending_[kept++] = pending_[i];
  pending_tail_ = kept;
  bridges_[index].pending = 0;
}

// Drops connections that do not say what they are.
void BridgeServer::close_late_comers() {
  const TimestampTz now = GetCurrentTimestamp();

  for (int index = 0; index < kMaxBridges; index++) {
    const Bridge& bridge = bridges_[index];

    if (bridge.socket >= 0 && (!bridge.attached || bridge.closing) &&
        TimestampDifferenceExceeds(bridge.connected_at, now, kAttachMilliseconds))
      drop(index, bridge.closing ? nullptr : "it did not attach in time");
  }
}

// A transaction that a watch waits for wakes the worker when it has ended. Not
// one whose rows came some other way than through this extension's functions (a
// subscription's apply worker): so the worker looks by itself too, the more seldom
// the longer the watch has waited.
long BridgeServer::patience() const {
  const long longest = bridge_count_ > 0 ? 200 : 1000;
  if (pending_head_ == pending_tail_) return longest;
  const long waited = TimestampDifferenceMilliseconds(pending_[pending_head_].since, GetCurrentTimestamp());
  return Min(Max(waited, 1), longest);
}

void BridgeServer::service() {
  epoll_event events[kMaxBridges + 1];

  if (!is_open()) return;
  if (accept_again_at_ != 0 && accept_again_at_ <= GetCurrentTimestamp()) poll_listener(true);
  const int count = epoll_wait(epoll_, events, lengthof(events), 0);
  for (int i = 0; i < count; i++) {
    if (events[i].data.u64 == kListenerEvent) {
      accept_bridges();
      continue;
    }
    const int index = static_cast<int>(events[i].data.u64 & PG_UINT32_MAX);
    const auto generation = static_cast<uint32>(events[i].data.u64 >> 32);

    if (events[i].events & EPOLLOUT && bridges_[index].socket >= 0 &&
        bridges_[index].generation == generation)
      send(index);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && bridges_[index].socket >= 0 &&
        bridges_[index].generation == generation)
      receive(index);
  }
  answer_watches();
  if (watch_count_ > 0) end_watches();
  if (bridge_count_ > 0) close_late_comers();
  flush();
}

// A bridge is given a document only while it shows that a client may read it.
void BridgeServer::end_watches() {
  const TimestampTz now = GetCurrentTimestamp();
  int index;
  uint64 document;

  while (watches_.expired(now, &index, &document)) {
    watches_.remove(index, document);
    bridges_[index].watches--;
    watch_count_--;
    refuse(index, document, "the watch was not renewed in time");
  }
}

// ------------------------------------------------------------------ requests

void BridgeServer::receive(int index) {
  Bridge& bridge = bridges_[index];
  const ssize_t received =
      recv(bridge.socket, bridge.input + bridge.input_length,
           static_cast<size_t>(kInputBytes - bridge.input_length), MSG_DONTWAIT);

  if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (received <= 0) {
    drop(index, nullptr);
    return;
  }
  bridge.input_length += static_cast<int>(received);

  int at = 0;
  while (bridge.socket >= 0 && !bridge.closing && bridge.input_length - at >= kLengthBytes) {
    const uint32 length = get_length(bridge.input + at);

    if (length > kMaxRequestBytes) {
      char reason[128];

      snprintf(reason, sizeof(reason), "a request has %u bytes, of at most %d", length,
               kMaxRequestBytes);
      fail(index, CONVERGE__WIRE__CODE__CODE_TOO_LARGE, reason);
      return;
    }
    if (bridge.input_length - at - kLengthBytes < static_cast<int>(length)) break;

    MemoryContext old = MemoryContextSwitchTo(request_context_);
    const bool going_on = handle(index, bridge.input + at + kLengthBytes, static_cast<int>(length));
    MemoryContextSwitchTo(old);
    MemoryContextReset(request_context_);
    if (!going_on) return;
    at += kLengthBytes + static_cast<int>(length);
  }
  if (bridge.socket < 0) return;
  if (bridge.closing)
    bridge.input_length = 0;
  else {
    bridge.input_length -= at;
    memmove(bridge.input, bridge.input + at, static_cast<size_t>(bridge.input_length));
  }
}

// Does what a message asks. False: the bridge is not read any more.
bool BridgeServer::handle(int index, const char* message, int length) {
  Bridge& bridge = bridges_[index];
  const Converge__Wire__WorkerRequest* request = converge__wire__worker_request__unpack(
      &allocator, static_cast<size_t>(length), reinterpret_cast<const uint8_t*>(message));

  if (request == nullptr) {
    fail(index, CONVERGE__WIRE__CODE__CODE_PROTOCOL, "a request is not a WorkerRequest");
    return false;
  }
  if (bridge.attached ==
      (request->message_case == CONVERGE__WIRE__WORKER_REQUEST__MESSAGE_ATTACH)) {
    fail(index, CONVERGE__WIRE__CODE__CODE_PROTOCOL,
         bridge.attached ? "the bridge is attached already" : "the first request is not Attach");
    return false;
  }

  switch (request->message_case) {
    case CONVERGE__WIRE__WORKER_REQUEST__MESSAGE_ATTACH: {
      if (request->attach->protocol != kProtocol) {
        char reason[128];

        snprintf(reason, sizeof(reason), "protocol %u is not spoken here, %u is",
                 request->attach->protocol, kProtocol);
        fail(index, CONVERGE__WIRE__CODE__CODE_UNSUPPORTED_VERSION, reason);
        return false;
      }
      bridge.attached = true;
      strlcpy(bridge.name, request->attach->bridge, sizeof(bridge.name));
      // It goes to the log.
      for (char* c = bridge.name; *c != '\0'; c++)
        if (static_cast<unsigned char>(*c) < ' ' || static_cast<unsigned char>(*c) > '~') *c = '?';
      elog(DEBUG1, "bridge \"%s\" has attached", bridge.name);

      Converge__Wire__Attached attached = CONVERGE__WIRE__ATTACHED__INIT;
      WorkerReplyMessage answer = {CONVERGE__WIRE__WORKER_REPLY__INIT};
      attached.protocol = kProtocol;
      attached.watch_ms = static_cast<uint64>(watches_.milliseconds());
      attached.answers_ping = true;
      answer.wire.message_case = CONVERGE__WIRE__WORKER_REPLY__MESSAGE_ATTACHED;
      answer.wire.attached = &attached;
      reply(index, answer);
      return true;
    }
    case CONVERGE__WIRE__WORKER_REQUEST__MESSAGE_WATCH:
      return handle_watch(index, *request->watch);
    case CONVERGE__WIRE__WORKER_REQUEST__MESSAGE_UNWATCH:
      if (watches_.remove(index, request->unwatch->document)) {
        bridge.watches--;
        watch_count_--;
      }
      return true;
    case CONVERGE__WIRE__WORKER_REQUEST__MESSAGE_PRESENCE:
      return handle_presence(index, request->presence);
    case CONVERGE__WIRE__WORKER_REQUEST__MESSAGE_PING: {
      Converge__Wire__Pong pong = CONVERGE__WIRE__PONG__INIT;
      WorkerReplyMessage answer = {CONVERGE__WIRE__WORKER_REPLY__INIT};
      pong.nonce = request->ping->nonce;
      answer.wire.message_case = CONVERGE__WIRE__WORKER_REPLY__MESSAGE_PONG;
      answer.wire.pong = &pong;
      reply(index, answer);
      return true;
    }
    default:
      fail(index, CONVERGE__WIRE__CODE__CODE_PROTOCOL, "a request has no message");
      return false;
  }
}

bool BridgeServer::handle_watch(int index, const Converge__Wire__Watch& watch) {
  Bridge& bridge = bridges_[index];
  const uint64 document = watch.document;
  const bool watched = (watches_.watchers(document) & only(index)) != 0;
  Ticket ticket;

  // What would renew a watch that is over meanwhile comes too late.
  if (watch.renew && !watched) return true;
  if (!check_ticket(std::string_view(reinterpret_cast<const char*>(watch.ticket.data), watch.ticket.len), &ticket) ||
      static_cast<uint64>(ticket.document) != document) {
    if (watch.renew) return true;  // it lasts until it ends
    refuse(index, document, "the ticket is not valid for this document, or has ended");
    return true;
  }
  bridge.proven = true;
  if (watched) watches_.add(index, document, ticket.tenant, GetCurrentTimestamp());
  if (watch.renew) return true;
  if (bridge.pending >= max_watches) {
    fail(index, CONVERGE__WIRE__CODE__CODE_LIMIT, "too many watches wait for running transactions");
    return false;
  }
  if (!watched) {
    if (bridge.watches >= max_watches) {
      refuse(index, document,
             "the bridge watches as many documents as it may (converge.max_watches)");
      return true;
    }
    watches_.add(index, document, ticket.tenant, GetCurrentTimestamp());
    bridge.watches++;
    watch_count_++;
  }

  if (pending_head_ == pending_tail_) pending_head_ = pending_tail_ = 0;
  if (pending_tail_ == pending_capacity_) {
    if (pending_head_ > 0) {
      memmove(pending_, pending_ + pending_head_,
              sizeof(PendingWatch) * static_cast<size_t>(pending_tail_ - pending_head_));
      pending_tail_ -= pending_head_;
      pending_head_ = 0;
    } else {
      pending_capacity_ = Max(256, pending_capacity_ * 2);
      const Size size = sizeof(PendingWatch) * static_cast<Size>(pending_capacity_);
      pending_ =
          static_cast<PendingWatch*>(pending_ == nullptr ? MemoryContextAllocHuge(context_, size)
                                                         : repalloc_huge(pending_, size));
    }
  }
  bridge.pending++;
  pending_[pending_tail_++] = {index, document, unsettled_.position(), GetCurrentTimestamp()};
  return true;
}

// Answers watches whose transactions that were passed over have all ended.
void BridgeServer::answer_watches() {
  if (pending_head_ == pending_tail_) return;
  const uint64 settled = unsettled_.settled();

  // An answer may have to wait for room, and bridges go meanwhile.
  while (pending_head_ < pending_tail_) {
    const PendingWatch watch = pending_[pending_head_];

    if (watch.position > settled) return;
    pending_head_++;
    bridges_[watch.bridge].pending--;

    Converge__Wire__Watching watching = CONVERGE__WIRE__WATCHING__INIT;
    WorkerReplyMessage answer = {CONVERGE__WIRE__WORKER_REPLY__INIT};
    watching.document = watch.document;
    answer.wire.message_case = CONVERGE__WIRE__WORKER_REPLY__MESSAGE_WATCHING;
    answer.wire.watching = &watching;
    reply(watch.bridge, answer);
  }
}

// ------------------------------------------------------------------- replies

void BridgeServer::reply(int index, const WorkerReplyMessage& message) {
  const auto size = static_cast<int>(converge__wire__worker_reply__get_packed_size(&message.wire));
  char* at = reserve(index, kLengthBytes + size);

  if (at == nullptr) return;
  at = put_length(at, size);
  converge__wire__worker_reply__pack(&message.wire, reinterpret_cast<uint8_t*>(at));
  bridges_[index].output.commit(kLengthBytes + size);
}

void BridgeServer::refuse(int index, uint64 document, const char* reason) {
  Converge__Wire__WatchRefused refused = CONVERGE__WIRE__WATCH_REFUSED__INIT;
  WorkerReplyMessage answer = {CONVERGE__WIRE__WORKER_REPLY__INIT};

  refused.document = document;
  refused.message = const_cast<char*>(reason);
  answer.wire.message_case = CONVERGE__WIRE__WORKER_REPLY__MESSAGE_REFUSED;
  answer.wire.refused = &refused;
  reply(index, answer);
}

// Tells a bridge what is wrong and ends its connection when that is sent.
void BridgeServer::fail(int index, int code, const char* reason) {
  Converge__Wire__WorkerProblem problem = CONVERGE__WIRE__WORKER_PROBLEM__INIT;
  WorkerReplyMessage answer = {CONVERGE__WIRE__WORKER_REPLY__INIT};

  ereport(LOG, (errmsg("turned away bridge \"%s\": %s", bridges_[index].name, reason)));
  problem.code = static_cast<Converge__Wire__Code>(code);
  problem.message = const_cast<char*>(reason);
  answer.wire.message_case = CONVERGE__WIRE__WORKER_REPLY__MESSAGE_PROBLEM;
  answer.wire.problem = &problem;
  bridges_[index].closing = true;
  bridges_[index].connected_at = GetCurrentTimestamp();  // from here it has that long to read this
  reply(index, answer);
}

}  // namespace converge::worker
