#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cctype>
#include <iostream>

#include "commands.h"
#include "document_client.h"
#include "field_edit.h"
#include "rethrow.h"

namespace converge::cli {

using nlohmann::ordered_json;
using namespace std::chrono_literals;

namespace {

constexpr auto kLimit = 30s;

bool is_number(const std::string& word) {
  if (word.empty()) return false;
  for (const char c : word)
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return false;
  return true;
}

// The words of the command line as edit_field() takes them: positions and
// counts are numbers, the value of `set` is JSON, all else is a string.
ordered_json arguments_of(const EditOptions& edit) {
  ordered_json arguments = ordered_json::array();
  const bool is_text = edit.operation == "insert" || edit.operation == "delete" ||
                       edit.operation == "splice";
  const std::size_t numbers = edit.operation == "insert" ? 1 : is_text ? 2 : 0;
  for (std::size_t i = 0; i < edit.arguments.size(); ++i) {
    const std::string& word = edit.arguments[i];
    if (i < numbers && is_number(word)) {
      arguments.push_back(std::stoull(word));
    } else if (edit.operation == "set" && i == 1) {
      arguments.push_back(ordered_json::parse(word, nullptr, false));
      if (arguments.back().is_discarded())
        throw std::invalid_argument("the value is not JSON: " + word);
    } else {
      arguments.push_back(word);
    }
  }
  return arguments;
}

boost::asio::awaitable<int> make_edit(DocumentClient& client, const EditOptions& edit) {
  if (!co_await client.wait_until([&] { return client.caught_up(); }, kLimit)) {
    std::cerr << "converge: the document did not come within 30 s\n";
    co_return kExitConnection;
  }
  const ordered_json arguments = arguments_of(edit);
  client.change([&](session::DocumentSession& session) {
    return edit_field(session, edit.field, edit.operation, arguments);
  }, {.once = false, .expect = edit.expect});
  if (!co_await client.wait_until([&] { return client.settled(); }, kLimit)) {
    std::cerr << "converge: the change was not acknowledged within 30 s\n";
    co_return kExitConnection;
  }
  if (!client.refusals().empty()) {
    std::cerr << "converge: refused: " << client.refusals().front().message << "\n";
    co_return kExitFailed;
  }
  co_return kExitOk;
}

}  // namespace

int edit(const Options& options, const EditOptions& edit) {
  boost::asio::io_context io;
  DocumentClient client(io, options, parse_document(edit.document));
  int exit = kExitFailed;
  boost::asio::co_spawn(io, client.run(), rethrow_and([] {}));
  boost::asio::co_spawn(io, make_edit(client, edit), [&](std::exception_ptr error, int code) {
    exit = code;
    client.stop();
    if (error) std::rethrow_exception(error);
  });
  io.run();
  return exit;
}

}  // namespace converge::cli
