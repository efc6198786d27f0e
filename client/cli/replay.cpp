#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <numeric>

#include "commands.h"
#include "document_client.h"
#include "rethrow.h"
#include "trace.h"

namespace converge::cli {

using namespace std::chrono_literals;

namespace {

constexpr auto kLimit = 60s;

using Clients = std::vector<std::unique_ptr<DocumentClient>>;

// The number that `client` has of each replica it knows.
LogVersion known(DocumentClient& client) {
  return LogVersion::decode(client.session().log_version()).value();
}

// An edit of a trace assumes the text that all edits before it made, so a
// client's turn begins when it has the last change of the turn before.
boost::asio::awaitable<void> wait_for_turn(DocumentClient& next, DocumentClient& last) {
  // Its own unacknowledged changes count: they are in what it shows.
  if (&next == &last) co_return;
  if (!co_await last.wait_until([&] { return last.settled(); }, kLimit))
    throw std::runtime_error("a client's changes were not acknowledged within 60 s");
  const LogVersion made = known(last);
  if (!co_await next.wait_until(
          [&] {
            const LogVersion has = known(next);
            return std::all_of(made.entries().begin(), made.entries().end(), [&](const auto& entry) {
              return has.get(entry.replica) >= entry.counter;
            });
          },
          kLimit))
    throw std::runtime_error("a client did not receive another's changes within 60 s");
}

Result<void> apply(session::DocumentSession& session, const std::string& field,
                   const TraceEdit& edit) {
  // Others may have shortened the text meanwhile.
  const Text* text = session.find_text(field);
  const std::uint64_t length = text == nullptr ? 0 : text->char_length();
  const std::uint64_t at = std::min(edit.at, length);
  return session.text_splice(field, at, std::min(edit.deleted, length - at), edit.inserted);
}

boost::asio::awaitable<int> replay_trace(Clients& clients, const Trace& trace,
                                         const ReplayOptions& options) {
  for (const auto& client : clients)
    if (!co_await client->wait_until([&] { return client->caught_up(); }, kLimit))
      throw std::runtime_error("the document did not come within 60 s");
  const std::size_t count = options.limit == 0
                                ? trace.edits.size()
                                : std::min<std::size_t>(options.limit, trace.edits.size());
  const auto started = std::chrono::steady_clock::now();
  DocumentClient* last = clients.front().get();
  for (std::size_t done = 0; done < count;) {
    DocumentClient& next = *clients[done / options.turn % clients.size()];
    co_await wait_for_turn(next, *last);
    const std::size_t end = std::min<std::size_t>(count, done + options.turn);
    for (; done < end; ++done)
      next.change([&](session::DocumentSession& session) {
        return apply(session, options.field, trace.edits[done]);
      });
    last = &next;
    if (options.progress && done % 1000 < options.turn)
      std::cerr << done << " of " << count << " edits\n";
  }
  for (const auto& client : clients) co_await wait_for_turn(*client, *last);
  if (!co_await last->wait_until([&] { return last->settled(); }, kLimit))
    throw std::runtime_error("the last changes were not acknowledged within 60 s");
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();

  std::vector<double> latencies;
  std::uint64_t bytes = 0;
  std::size_t refused = 0;
  for (const auto& client : clients) {
    const auto& own = client->ack_latencies_ms();
    latencies.insert(latencies.end(), own.begin(), own.end());
    bytes += client->bytes_sent();
    refused += client->refusals().size();
  }
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](double part) {
    return latencies.empty()
               ? 0.0
               : latencies[static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1))];
  };
  std::cout << count << " edits by " << clients.size() << " clients in " << seconds << " s ("
            << static_cast<std::uint64_t>(static_cast<double>(count) / seconds) << "/s), "
            << static_cast<double>(bytes) / static_cast<double>(std::max<std::size_t>(count, 1))
            << " bytes sent an edit, acknowledged after " << percentile(0.5) << " ms (p50), "
            << percentile(0.99) << " ms (p99)\n";
  if (refused > 0) {
    std::cerr << "converge: " << refused << " changes were refused: "
              << "the document may not be what the trace makes\n";
    co_return kExitFailed;
  }
  const std::string text = clients.front()->session().text(options.field).value();
  for (const auto& client : clients)
    if (client->session().text(options.field).value() != text) {
      std::cerr << "converge: the clients' texts differ\n";
      co_return kExitFailed;
    }
  if (options.verify && text != trace.end) {
    std::cerr << "converge: the text is not the trace's end\n";
    co_return kExitFailed;
  }
  co_return kExitOk;
}

}  // namespace

int replay(const Options& options, const ReplayOptions& replay) {
  const Trace trace = read_trace(replay.trace);
  boost::asio::io_context io;
  Clients clients;
  for (unsigned i = 0; i < replay.clients; ++i) {
    clients.push_back(
        std::make_unique<DocumentClient>(io, options, parse_document(replay.document)));
    boost::asio::co_spawn(io, clients.back()->run(), rethrow_and([] {}));
  }
  int exit = kExitFailed;
  boost::asio::co_spawn(io, replay_trace(clients, trace, replay),
                        [&](std::exception_ptr error, int code) {
                          exit = code;
                          for (const auto& client : clients) client->stop();
                          if (error) std::rethrow_exception(error);
                        });
  io.run();
  return exit;
}

}  // namespace converge::cli
