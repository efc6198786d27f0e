// One client's connection: reads bytes for whatever protocol it speaks at the
// moment, and writes what is queued, many parts in one call. While nothing
// happens it holds no buffer.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connections.h"
#include "stream.h"

namespace converge::bridge {

class Connection;
class Worker;

// What the bytes mean: HTTP at first, then perhaps WebSocket.
class Protocol {
 public:
  virtual ~Protocol() = default;
  // Takes some bytes from the beginning, and says how many: the rest comes
  // again, with more behind it. May change what it takes.
  virtual std::size_t on_bytes(std::span<char> bytes) = 0;
  // Whether more bytes are to be read. After a no, Connection::resume() asks again.
  virtual bool wants_bytes() const { return true; }
  // All that was queued has been written.
  virtual void on_drained() {}
  // Now and then, for whoever waits for something.
  virtual void on_tick(std::chrono::steady_clock::time_point now) = 0;
  // The connection is gone, and about to forget this object.
  virtual void on_ended(const std::string& why) = 0;
};

// Bytes to be written, shared by all who are sent the same.
using Bytes = std::shared_ptr<const std::string>;

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Connection(Worker& worker, Stream stream, std::unique_ptr<Connections::Place> place, std::string peer, bool local);
  ~Connection();

  // Begins to read for the protocol.
  void start(std::unique_ptr<Protocol> protocol);

  // ---- for the protocol

  // From the next byte on another protocol reads: in on_bytes() only, whose
  // caller goes on.
  void become(std::unique_ptr<Protocol> protocol);
  void send(Bytes bytes);
  std::size_t queued_bytes() const { return queued_bytes_; }
  void resume();
  bool assign(const std::string& tenant) { return place_->assign(tenant); }
  // Writes what is queued, then ends the sending side and waits a little for
  // the peer to end its own. Nothing is read, and nothing sent, any more.
  void finish();
  // Ends it at once.
  void abort(const std::string& why);

  Worker& worker() { return worker_; }
  const std::string& peer() const { return peer_; }
  bool is_local() const { return local_; }  // whether the peer is on this host
  // When something was last read, or written to a client that takes it slowly.
  Time last_life() const { return last_life_; }

  // ---- for the worker

  void flush();  // what was queued in this turn
  void tick(Time now);

 private:
  void wait_readable(Stream::Status what = Stream::Status::wait_read);
  void on_readable();
  std::size_t offer(std::span<char> bytes);
  void take();
  bool wants_bytes() const;
  void end(const std::string& why);

  Worker& worker_;
  Stream stream_;
  std::unique_ptr<Connections::Place> place_;  // held until the end
  const std::string peer_;
  const bool local_;
  std::unique_ptr<Protocol> protocol_;
  std::unique_ptr<Protocol> next_protocol_;
  std::string unread_;         // came, and was not taken yet
  std::vector<Bytes> queue_;
  std::size_t first_ = 0;      // of the queue that is not written yet,
  std::size_t written_ = 0;    // and what of it is
  std::size_t queued_bytes_ = 0;
  Time last_life_;
  Time finish_by_{};
  bool reading_ = false;
  bool taking_ = false;
  bool writing_ = false;       // waits until it may
  bool flush_queued_ = false;
  bool finishing_ = false;
  bool sent_end_ = false;
  bool ended_ = false;
};

}  // namespace converge::bridge
