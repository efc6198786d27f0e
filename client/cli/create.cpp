#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <iostream>

#include "commands.h"
#include "connection.h"
#include "rethrow.h"
#include "session_wire.h"

namespace converge::cli {

namespace {

// The change that makes an empty document. Its replica is drawn anew by each call:
// under the same temporary key the document is made once all the same.
session::Change creation() {
  session::Change change;
  change.replica = draw_replica();
  change.seq = 1;
  change.hlc = now_ms() << 16;
  change.operation = session::Operation::insert;
  return change;
}

boost::asio::awaitable<int> make_document(std::shared_ptr<Connection> connection, const Options& options,
                                          const CreateOptions& create) {
  co_await connection->open(parse_url(options.url), options.token, 0);
  wire::ClientMessage message;
  wire::Create& request = *message.mutable_create();
  request.set_request(1);
  request.mutable_document()->set_collection(create.collection);
  request.mutable_document()->set_key(create.key);
  request.set_temporary_key(create.temporary_key);
  write_change(creation(), request.mutable_change());
  connection->send(message);
  while (true) {
    const wire::ServerMessage answer = co_await connection->read();
    if (answer.has_created()) {
      const wire::DocumentRef& document = answer.created().document();
      std::cout << document.collection() << "/" << document.key() << "\n";
      co_return kExitOk;
    }
    if (answer.has_problem()) {
      std::cerr << "converge: " << answer.problem().message() << "\n";
      co_return kExitFailed;
    }
  }
}

}  // namespace

int create(const Options& options, const CreateOptions& create) {
  boost::asio::io_context io;
  auto connection = std::make_shared<Connection>(io);
  int exit = kExitFailed;
  boost::asio::co_spawn(io, make_document(connection, options, create), [&](std::exception_ptr error, int code) {
    exit = code;
    connection->abort();
    if (error) std::rethrow_exception(error);
  });
  io.run();
  return exit;
}

}  // namespace converge::cli
