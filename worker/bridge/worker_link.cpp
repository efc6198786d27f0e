#include "worker_link.h"

#include <google/protobuf/arena.h>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cstring>
#include <endian.h>

#include "log.h"

namespace converge::bridge {

namespace {

constexpr std::uint32_t kProtocol = 1;
// The worker's frames are at most 1 MiB; beyond this the stream is no stream.
constexpr std::uint32_t kLongestReply = 4 << 20;
constexpr std::size_t kReadAhead = 256 << 10;
// Waiting for a worker that does not read, and for how long: beyond, it is as good as gone.
constexpr std::size_t kLongestOutgoing = 32 << 20;
constexpr std::chrono::seconds kLongestWrite{60};
constexpr std::chrono::seconds kRefusalPause{10};
// That a watch lasts, of a worker that does not say it.
constexpr std::chrono::seconds kWatchTime{60};
// In so many parts of its timeout it is looked whether the worker still says something.
constexpr int kLooks = 4;
// What a message from the worker is parsed into, unless it needs more.
constexpr std::size_t kParsed = 64 << 10;

std::string framed(const wire::WorkerRequest& request) {
  std::string bytes(4, '\0');
  request.AppendToString(&bytes);
  std::uint32_t length = htobe32(static_cast<std::uint32_t>(bytes.size() - 4));
  std::memcpy(bytes.data(), &length, 4);
  return bytes;
}

std::uint32_t length_at(const char* bytes) {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes, 4);
  return be32toh(length);
}

}  // namespace

WorkerLink::WorkerLink(asio::io_context& io, DatabasePool& database, Metrics& metrics, std::chrono::milliseconds timeout)
    : ChangeSource(io, metrics, "the background worker"),
      database_(database),
      timeout_(timeout),
      watch_time_(kWatchTime),
      socket_(io) {}

void WorkerLink::drop_connection() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  outgoing_.clear();
  auto watched = std::move(watched_);
  watched_.clear();
  for (auto& [document, state] : watched) {
    release(state.sent, WatchOutcome::lost);
    release(state.next, WatchOutcome::lost);
  }
}

awaitable<void> WorkerLink::attach_and_read(Listener& listener) {
  static constexpr Query kSocket = {"converge_socket", "SELECT converge.worker_socket()"};
  std::vector<Statement> statements(1);
  statements[0].query = &kSocket;
  auto answer = co_await database_.run(statements);
  std::string path(answer[0].bytes(0, 0));

  socket_ = asio::local::stream_protocol::socket(io_);
  co_await socket_.async_connect(asio::local::stream_protocol::endpoint(path), asio::use_awaitable);
  wire::WorkerRequest hello;
  hello.mutable_attach()->set_protocol(kProtocol);
  hello.mutable_attach()->set_bridge("converge-bridge");
  std::string first = framed(hello);
  co_await asio::async_write(socket_, asio::buffer(first), asio::use_awaitable);

  std::string buffer(kReadAhead, '\0');
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string parsed(kParsed, '\0');
  google::protobuf::ArenaOptions options;
  options.initial_block = parsed.data();
  options.initial_block_size = parsed.size();
  google::protobuf::Arena arena(options);
  for (;;) {
    // Everything that is there is taken before the listener flushes, so that
    // a burst of small frames becomes one message to each client.
    bool any = false;
    while (end - begin >= 4) {
      std::uint32_t length = length_at(buffer.data() + begin);
      if (length > kLongestReply)
        throw std::runtime_error("a message of " + std::to_string(length) + " bytes from the worker");
      if (end - begin < 4 + std::size_t{length}) {
        if (buffer.size() - begin < 4 + std::size_t{length}) {
          std::memmove(buffer.data(), buffer.data() + begin, end - begin);
          end -= begin;
          begin = 0;
          if (buffer.size() < 4 + std::size_t{length}) buffer.resize(4 + std::size_t{length});
        }
        break;
      }
      arena.Reset();
      auto& reply = *google::protobuf::Arena::CreateMessage<wire::WorkerReply>(&arena);
      if (!reply.ParseFromArray(buffer.data() + begin + 4, static_cast<int>(length)))
        throw std::runtime_error("a message from the worker that is no WorkerReply");
      begin += 4 + std::size_t{length};
      handle(reply, listener);
      any = true;
    }
    if (any) listener.on_pause();
    if (begin == end) {
      begin = end = 0;
    } else if (begin > 0 && end == buffer.size()) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    end += co_await socket_.async_read_some(asio::buffer(buffer.data() + end, buffer.size() - end),
                                            asio::use_awaitable);
    heard_ = true;
  }
}

void WorkerLink::handle(const wire::WorkerReply& reply, Listener& listener) {
  switch (reply.message_case()) {
    case wire::WorkerReply::kAttached:
      if (reply.attached().protocol() != kProtocol)
        throw std::runtime_error("the worker speaks protocol " + std::to_string(reply.attached().protocol()));
      watch_time_ = reply.attached().watch_ms() == 0 ? kWatchTime : std::chrono::milliseconds(reply.attached().watch_ms());
      ++attachments_;
      if (reply.attached().answers_ping() && timeout_.count() > 0) start(io_, expect_life(attachments_));
      now_attached(listener);
      break;
    case wire::WorkerReply::kWatching:
      answered(reply.watching().document(), WatchOutcome::watching);
      break;
    case wire::WorkerReply::kRefused:
      log_refusal(reply.refused());
      if (!answered(reply.refused().document(), WatchOutcome::refused))
        listener.on_watch_ended(reply.refused().document());
      break;
    case wire::WorkerReply::kFrame:
      for (const wire::AccessChange& change : reply.frame().access()) listener.on_access(reply.frame(), change);
      for (const wire::StreamChange& change : reply.frame().changes()) listener.on_change(reply.frame(), change);
      break;
    case wire::WorkerReply::kPresence:
      listener.on_presence(reply.presence());
      break;
    case wire::WorkerReply::kDetached:
      listener.on_bridge_detached(reply.detached().bridge());
      break;
    case wire::WorkerReply::kProblem:
      throw std::runtime_error(reply.problem().message());
    case wire::WorkerReply::kPong:  // that something came is what counts
    case wire::WorkerReply::MESSAGE_NOT_SET:
      break;  // of a later protocol: not for this bridge
  }
}

void WorkerLink::log_refusal(const wire::WatchRefused& refused) {
  ++unlogged_refusals_;
  const auto now = std::chrono::steady_clock::now();
  if (now - logged_refusal_ < kRefusalPause) return;
  logged_refusal_ = now;
  log(Severity::warning, "the worker refused to watch document ", refused.document(), ": ", refused.message(),
      unlogged_refusals_ > 1 ? ", and " + std::to_string(unlogged_refusals_ - 1) + " more" : std::string());
  unlogged_refusals_ = 0;
}

void WorkerLink::release(Waiters& waiters, WatchOutcome outcome) {
  for (auto& waiter : waiters) {
    waiter->done = true;
    waiter->outcome = outcome;
    waiter->signal.notify_all();
  }
  waiters.clear();
}

bool WorkerLink::answered(std::uint64_t document, WatchOutcome outcome) {
  auto found = watched_.find(document);
  if (found == watched_.end()) return false;
  Watched& state = found->second;
  const bool awaited = !state.sent.empty();
  release(state.sent, outcome);
  if (!state.next.empty()) {
    state.sent = std::move(state.next);
    state.next.clear();
    send_watch(document, state.ticket);
  } else if (state.unwatch) {
    watched_.erase(found);
    send_unwatch(document);
  }
  return awaited;
}

awaitable<WatchOutcome> WorkerLink::watch(std::uint64_t document, std::string ticket) {
  if (!attached()) co_return WatchOutcome::lost;
  auto waiter = std::make_shared<Waiter>(io_);
  Watched& state = watched_[document];
  state.unwatch = false;
  if (state.sent.empty()) {
    state.sent.push_back(waiter);
    send_watch(document, ticket);
  } else {
    state.next.push_back(waiter);
    state.ticket = std::move(ticket);
  }
  while (!waiter->done) co_await waiter->signal.wait();
  co_return waiter->outcome;
}

void WorkerLink::renew(std::uint64_t document, const std::string& ticket) {
  wire::WorkerRequest request;
  request.mutable_watch()->set_document(document);
  request.mutable_watch()->set_ticket(ticket);
  request.mutable_watch()->set_renew(true);
  send(request);
}

void WorkerLink::unwatch(std::uint64_t document) {
  auto found = watched_.find(document);
  if (found == watched_.end()) return;
  if (found->second.sent.empty()) {
    watched_.erase(found);
    send_unwatch(document);
  } else {
    found->second.unwatch = true;
  }
}

void WorkerLink::send_watch(std::uint64_t document, const std::string& ticket) {
  wire::WorkerRequest request;
  request.mutable_watch()->set_document(document);
  request.mutable_watch()->set_ticket(ticket);
  send(request);
}

void WorkerLink::send_unwatch(std::uint64_t document) {
  wire::WorkerRequest request;
  request.mutable_unwatch()->set_document(document);
  send(request);
}

void WorkerLink::send_presence(const wire::DocumentPresence& presence) {
  wire::WorkerRequest request;
  *request.mutable_presence() = presence;
  send(request);
}

void WorkerLink::send(const wire::WorkerRequest& request) {
  if (!attached()) return;
  outgoing_ += framed(request);
  if (outgoing_.size() > kLongestOutgoing ||
      (writing_ && std::chrono::steady_clock::now() - write_began_ > kLongestWrite)) {
    log(Severity::warning, "the background worker does not read: ", outgoing_.size(), " bytes wait for it");
    give_up();
    return;
  }
  if (!writing_) start(io_, write_queued());
}

void WorkerLink::give_up() {
  outgoing_.clear();
  boost::system::error_code ignored;
  socket_.shutdown(socket_.shutdown_both, ignored);  // the reader notices the loss
}

// A worker that is stopped keeps its sockets: that nothing comes may be because nothing happens.
// It is counted in looks and not by the clock, because this process may have been stopped itself.
awaitable<void> WorkerLink::expect_life(std::uint64_t attachment) {
  int silent = 0;
  wire::WorkerRequest ping;
  ping.mutable_ping();
  for (;;) {
    co_await sleep_for(io_, std::max(timeout_ / kLooks, std::chrono::milliseconds(1)));
    if (!attached() || attachment != attachments_) co_return;
    silent = std::exchange(heard_, false) ? 0 : silent + 1;
    if (silent == 1) send(ping);
    if (silent < kLooks) continue;
    log(Severity::warning, "the background worker gives no sign of life");
    give_up();
    co_return;
  }
}

awaitable<void> WorkerLink::write_queued() {
  writing_ = true;
  while (!outgoing_.empty()) {
    std::string bytes = std::exchange(outgoing_, {});
    write_began_ = std::chrono::steady_clock::now();
    boost::system::error_code error;
    co_await asio::async_write(socket_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;  // the reader notices the loss
  }
  writing_ = false;
}

}  // namespace converge::bridge
