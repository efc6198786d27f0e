// The Unix socket that bridges attach to, and what is forwarded to each of
// them: wire.WorkerRequest in, wire.WorkerReply out, each preceded by its length
// in four bytes, big endian.
//
// Nothing here blocks, but for the short while that forward() gives a bridge
// whose queue is full. Whatever is wrong with a bridge ends that bridge's
// connection and nothing else.
#pragma once

#include "worker/background/frame_reader.h"
#include "worker/background/output_queue.h"
#include "worker/background/postgres_headers.h"
#include "worker/background/reading_pace.h"
#include "worker/background/unsettled.h"
#include "worker/background/watch_table.h"

struct Converge__Wire__DocumentPresence;
struct Converge__Wire__Watch;

namespace converge::worker {

class BridgeServer {
 public:
  // Listens at `path`. Keeps its memory in `context`, for the process's life.
  // Raises if the socket cannot be made.
  void open(MemoryContext context, const char* path);
  bool is_open() const { return epoll_ >= 0; }

  // Readable when there is something for service() to do.
  int event_descriptor() const { return epoll_; }

  // Does what can be done without waiting: takes in connections and requests,
  // answers, sends.
  void service();

  // Forwards a decoded frame to the bridges that watch documents of it, each
  // getting the changes it watches. Runs inside the reorder buffer's
  // transaction: touches no catalog. `before` is a position in the WAL before
  // the transaction's commit.
  void forward(const char* frame, int length, TransactionId transaction, XLogRecPtr before);

  // Up to where the slot may be confirmed.
  XLogRecPtr confirmable(XLogRecPtr processed) { return unsettled_.confirmable(processed); }

  // Sends what is queued, as far as the sockets take it.
  void flush();

  // How long to wait at most before service() is due again though nothing
  // happens, in milliseconds.
  long patience() const;

  int bridge_count() const { return bridge_count_; }
  int64 watch_count() const { return watch_count_; }
  uint64 frames() const { return frames_; }
  uint64 bytes_forwarded() const { return bytes_forwarded_; }
  uint64 bridges_dropped() const { return bridges_dropped_; }

 private:
  struct Bridge {
    int socket;         // or -1: free
    uint32 generation;  // tells one user of this place from the next
    bool attached;
    bool proven;     // it has shown a valid ticket
    bool closing;    // once the queue is sent
    bool wants_out;  // the socket is polled for room
    char name[64];
    TimestampTz connected_at;
    int watches;
    int pending;  // of its watches that are not answered yet
    char* input;
    int input_length;
    OutputQueue output;
    ReadingPace pace;
    long held_milliseconds;  // for how long the others have waited for it
  };

  // A Watch that is not answered yet, of a bridge that is there.
  struct PendingWatch {
    int bridge;
    uint64 document;
    uint64 position;  // in the sequence of decoded transactions
    TimestampTz since;
  };

  // An entry of the frame at hand that concerns somebody.
  struct Selected {
    Slice entry;
    BridgeSet bridges;
  };

  void accept_bridges();
  void poll_listener(bool wanted);
  void admit(int socket);
  void make_room();
  void close_late_comers();
  void receive(int index);
  bool handle(int index, const char* message, int length);
  bool handle_watch(int index, const Converge__Wire__Watch& watch);
  void answer_watches();
  void select(FrameReader* reader, BridgeSet* receivers);
  BridgeSet proven_bridges() const;
  void end_watches();
  void queue_frame(int index, const Slice& header);
  char* reserve(int index, int bytes);
  bool wait_for_room(int index, int bytes);
  void reply(int index, const struct WorkerReplyMessage& message);
  void refuse(int index, uint64 document, const char* reason);
  void fail(int index, int code, const char* reason);
  void send(int index);
  void poll_for_room(int index, bool wanted);
  void drop(int index, const char* reason);
  void forget_pending(int index);
  bool handle_presence(int index, Converge__Wire__DocumentPresence* presence);
  uint64 bridge_number(int index) const;
  void pass_on(int index, const struct WorkerReplyMessage& message);
  void announce_detached(int index);

  int epoll_ = -1;
  int listener_ = -1;
  TimestampTz accept_again_at_ = 0;  // 0: it is polled
  MemoryContext context_ = nullptr;
  MemoryContext request_context_ = nullptr;  // reset after each message
  Bridge bridges_[kMaxBridges];
  int bridge_count_ = 0;
  int64 watch_count_ = 0;
  WatchTable watches_;
  Unsettled unsettled_;
  BridgeSet in_transaction_ = 0;  // had frames of it, and not the last
  PendingWatch* pending_ = nullptr;
  int pending_head_ = 0;
  int pending_tail_ = 0;
  int pending_capacity_ = 0;
  Selected* selected_ = nullptr;
  int selected_count_ = 0;
  int selected_capacity_ = 0;
  uint64 frames_ = 0;
  uint64 bytes_forwarded_ = 0;
  uint64 bridges_dropped_ = 0;
};

}  // namespace converge::worker
