#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

#include "commands.h"
#include "document_client.h"
#include "field_edit.h"
#include "field_value.h"
#include "rethrow.h"

namespace converge::cli {

using nlohmann::ordered_json;
using namespace std::chrono_literals;

namespace {

constexpr auto kLimit = 60s;  // for whatever is waited for

std::string text_argument(const ordered_json& command, std::size_t index) {
  if (command.size() <= index || !command[index].is_string())
    throw std::invalid_argument("argument " + std::to_string(index) + " must be a string");
  return command[index].get<std::string>();
}

boost::asio::awaitable<ordered_json> obey(DocumentClient& client, ordered_json command) {
  if (!command.is_array() || command.empty() || !command[0].is_string())
    throw std::invalid_argument("a command is a JSON array that begins with its name");
  const std::string name = command[0].get<std::string>();
  if (is_field_edit(name)) {
    const std::string field = text_argument(command, 1);
    const ordered_json arguments(command.begin() + 2, command.end());
    co_return client.change([&](session::DocumentSession& session) {
      return edit_field(session, field, name,
                        arguments.is_null() ? ordered_json::array() : arguments);
    });
  }
  if (name == "value") co_return field_value(client.session(), text_argument(command, 1));
  if (name == "columns") co_return client.columns().values();
  if (name == "received") {
    ordered_json list = ordered_json::array();
    for (const DocumentClient::Received& change : client.received())
      list.push_back({change.replica, change.seq, change.principal});
    co_return list;
  }
  if (name == "refused") {
    ordered_json list = ordered_json::array();
    for (const session::Refusal& refusal : client.refusals())
      list.push_back({{"seq", refusal.seq},
                      {"code", wire::Code_Name(static_cast<wire::Code>(refusal.code))},
                      {"message", refusal.message}});
    co_return list;
  }
  if (name == "offline" || name == "online") {
    client.set_online(name == "online");
    const bool done = co_await client.wait_until(
        [&] { return client.caught_up() == (name == "online"); }, kLimit);
    if (!done) throw std::runtime_error("the connection did not follow within 60 s");
    co_return true;
  }
  if (name == "settle") {
    if (!co_await client.wait_until([&] { return client.settled(); }, kLimit))
      throw std::runtime_error("not everything was acknowledged within 60 s");
    co_return true;
  }
  if (name == "wait") {
    const std::string field = text_argument(command, 1);
    if (command.size() != 3) throw std::invalid_argument("\"wait\" takes a field and a value");
    const bool done = co_await client.wait_until(
        [&] { return field_value(client.session(), field) == command[2]; }, kLimit);
    if (!done) throw std::runtime_error("the field did not get that value within 60 s");
    co_return true;
  }
  if (name == "version") {
    const LogVersion has = LogVersion::decode(client.session().log_version()).value();
    ordered_json version = ordered_json::object();
    for (const auto& entry : has.entries())
      version[std::to_string(entry.replica)] = entry.counter;
    co_return version;
  }
  if (name == "reach") {
    if (command.size() != 2 || !command[1].is_object())
      throw std::invalid_argument("\"reach\" takes a version, as \"version\" gives it");
    std::vector<std::pair<ReplicaId, std::uint64_t>> wanted;
    for (const auto& [replica, seq] : command[1].items())
      wanted.emplace_back(std::stoull(replica), seq.get<std::uint64_t>());
    const auto has_it = [&] {
      const LogVersion has = LogVersion::decode(client.session().log_version()).value();
      return std::all_of(wanted.begin(), wanted.end(), [&](const auto& change) {
        return has.get(change.first) >= change.second;
      });
    };
    if (!co_await client.wait_until(has_it, kLimit))
      throw std::runtime_error("that version was not reached within 60 s");
    co_return true;
  }
  throw std::invalid_argument("there is no command \"" + name + "\"");
}

boost::asio::awaitable<void> read_commands(boost::asio::io_context& io, DocumentClient& client) {
  if (!co_await client.wait_until([&] { return client.caught_up(); }, kLimit))
    throw std::runtime_error("the document did not come within 60 s");
  boost::asio::posix::stream_descriptor input(io, ::dup(STDIN_FILENO));
  boost::asio::streambuf buffer;
  while (true) {
    boost::system::error_code end;
    co_await boost::asio::async_read_until(
        input, buffer, '\n', boost::asio::redirect_error(boost::asio::use_awaitable, end));
    if (end) break;
    std::istream stream(&buffer);
    std::string line;
    std::getline(stream, line);
    ordered_json answer;
    try {
      ordered_json command = ordered_json::parse(line);
      if (command == ordered_json::array({"quit"})) break;
      answer["ok"] = co_await obey(client, std::move(command));
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception& error) {
      answer["error"] = error.what();
    }
    std::cout << answer.dump() << std::endl;
  }
}

}  // namespace

int shell(const Options& options, const std::string& document) {
  boost::asio::io_context io;
  DocumentClient client(io, options, parse_document(document));
  boost::asio::co_spawn(io, client.run(DocumentClient::FirstConnection::may_come_later), rethrow_and([] {}));
  boost::asio::co_spawn(io, read_commands(io, client), rethrow_and([&] { client.stop(); }));
  io.run();
  return kExitOk;
}

}  // namespace converge::cli
