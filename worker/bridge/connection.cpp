#include "connection.h"

#include <sys/uio.h>

#include <array>

#include "log.h"
#include "worker.h"

namespace converge::bridge {

namespace {

// Parts that are written in one call.
constexpr std::size_t kParts = 64;
// Queues and buffers beyond this are given back when they are empty.
constexpr std::size_t kKeptQueue = 8;
constexpr std::size_t kKeptBytes = 256;
// For what is queued to be written and the peer to end its side, at the end.
constexpr std::chrono::seconds kFinishTime{2};

}  // namespace

Connection::Connection(Worker& worker, Stream stream, std::unique_ptr<Connections::Place> place, std::string peer,
                       bool local)
    : worker_(worker),
      stream_(std::move(stream)),
      place_(std::move(place)),
      peer_(std::move(peer)),
      local_(local),
      last_life_(std::chrono::steady_clock::now()) {}

Connection::~Connection() = default;

void Connection::start(std::unique_ptr<Protocol> protocol) {
  protocol_ = std::move(protocol);
  worker_.add(shared_from_this());
  wait_readable();
}

void Connection::become(std::unique_ptr<Protocol> protocol) { next_protocol_ = std::move(protocol); }

// ------------------------------------------------------------------- reading

bool Connection::wants_bytes() const { return !ended_ && !finishing_ && protocol_->wants_bytes(); }

void Connection::wait_readable(Stream::Status what) {
  reading_ = true;
  if (stream_.has_unread()) {  // in TLS's own buffer, of which the socket knows nothing
    asio::post(worker_.io(), [self = shared_from_this()] {
      self->reading_ = false;
      if (!self->ended_) self->on_readable();
    });
    return;
  }
  stream_.async_wait(what, [self = shared_from_this()](boost::system::error_code error) {
    self->reading_ = false;
    if (!error && !self->ended_) self->on_readable();
  });
}

// One read a turn: whoever has said more comes again at once, after the others.
void Connection::on_readable() {
  std::span<char> room = worker_.read_buffer();
  Stream::Result got = stream_.read(room);
  if (got.status == Stream::Status::wait_read || got.status == Stream::Status::wait_write)
    return wait_readable(got.status);
  if (got.status == Stream::Status::ended) return end("the client ended the connection");
  if (got.status == Stream::Status::failed) return end(got.error);
  worker_.metrics().bytes_in.Increment(static_cast<double>(got.bytes));
  if (finishing_) return wait_readable();  // until the peer's end
  last_life_ = std::chrono::steady_clock::now();

  auto self = shared_from_this();
  if (unread_.empty()) {
    std::size_t used = offer(room.first(got.bytes));
    if (ended_) return;
    unread_.assign(room.data() + used, got.bytes - used);
  } else {
    unread_.append(room.data(), got.bytes);
    take();
    if (ended_) return;
  }
  if (finishing_ || (wants_bytes() && !reading_)) wait_readable();
}

// Gives the protocol what it takes of the bytes; how much that was.
std::size_t Connection::offer(std::span<char> bytes) {
  taking_ = true;
  std::size_t used = 0;
  while (used < bytes.size() && wants_bytes()) {
    std::size_t taken = protocol_->on_bytes(bytes.subspan(used));
    used += taken;
    if (next_protocol_) {
      protocol_ = std::move(next_protocol_);
    } else if (taken == 0) {
      break;
    }
  }
  taking_ = false;
  return used;
}

// Offers what has come and was not taken.
void Connection::take() {
  std::size_t used = offer(unread_);
  if (ended_) return;
  unread_.erase(0, used);
  if (unread_.empty() && unread_.capacity() > kKeptBytes) unread_ = {};
}

void Connection::resume() {
  // The loop that is taking asks by itself.
  if (taking_ || reading_ || !wants_bytes()) return;
  auto self = shared_from_this();
  take();
  if (!ended_ && !reading_ && (finishing_ || wants_bytes())) wait_readable();
}

// ------------------------------------------------------------------- writing

void Connection::send(Bytes bytes) {
  if (ended_ || finishing_) return;
  queued_bytes_ += bytes->size();
  queue_.push_back(std::move(bytes));
  if (flush_queued_ || writing_) return;
  flush_queued_ = true;
  worker_.flush_later(shared_from_this());
}

void Connection::flush() {
  flush_queued_ = false;
  if (ended_ || writing_) return;
  while (first_ < queue_.size()) {
    std::array<iovec, kParts> parts;
    std::size_t count = 0;
    for (std::size_t i = first_; i < queue_.size() && count < kParts; ++i, ++count) {
      std::size_t skipped = i == first_ ? written_ : 0;
      parts[count] = {const_cast<char*>(queue_[i]->data()) + skipped, queue_[i]->size() - skipped};
    }
    Stream::Result sent = stream_.write({parts.data(), count});
    if (sent.status == Stream::Status::ok) {
      queued_bytes_ -= sent.bytes;
      written_ += sent.bytes;
      while (first_ < queue_.size() && written_ >= queue_[first_]->size()) {
        written_ -= queue_[first_]->size();
        queue_[first_++].reset();
      }
      worker_.metrics().bytes_out.Increment(static_cast<double>(sent.bytes));
      continue;
    }
    if (sent.status == Stream::Status::failed || sent.status == Stream::Status::ended) return end(sent.error);
    if (first_ > kParts) {  // else a queue that is never empty would keep the places of all that it has written
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    writing_ = true;
    stream_.async_wait(sent.status, [self = shared_from_this()](boost::system::error_code error) {
      self->writing_ = false;
      if (error || self->ended_) return;
      self->last_life_ = std::chrono::steady_clock::now();
      self->flush();
    });
    return;
  }
  queue_.clear();
  first_ = 0;
  if (queue_.capacity() > kKeptQueue) queue_.shrink_to_fit();
  if (finishing_) {
    if (!sent_end_) stream_.end_writing();
    sent_end_ = true;
  } else {
    protocol_->on_drained();
  }
}

// -------------------------------------------------------------------- the end

void Connection::finish() {
  if (ended_ || finishing_) return;
  finishing_ = true;
  finish_by_ = std::chrono::steady_clock::now() + kFinishTime;
  unread_ = {};
  if (!flush_queued_ && !writing_) {
    flush_queued_ = true;
    worker_.flush_later(shared_from_this());
  }
  if (!reading_ && !taking_) wait_readable();
}

void Connection::abort(const std::string& why) { end(why); }

void Connection::end(const std::string& why) {
  if (ended_) return;
  ended_ = true;
  auto self = shared_from_this();
  stream_.close();
  worker_.remove(*this);
  queue_ = {};
  queued_bytes_ = 0;
  unread_ = {};
  place_.reset();
  log(Severity::debug, peer_, " left: ", why);
  protocol_->on_ended(why);
}

void Connection::tick(Time now) {
  if (ended_) return;
  if (finishing_) {
    if (now >= finish_by_) end("it did not end its side in time");
    return;
  }
  protocol_->on_tick(now);
}

}  // namespace converge::bridge
