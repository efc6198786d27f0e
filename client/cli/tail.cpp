#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <iostream>

#include "commands.h"
#include "document_client.h"
#include "field_value.h"
#include "rethrow.h"

namespace converge::cli {

using nlohmann::ordered_json;

namespace {

void print(const ordered_json& line) { std::cout << line.dump() << std::endl; }

// What a change did, field by field: a text's splices, another field's value; null for one that is
// not shown.
ordered_json effects(const session::DocumentSession& session, const session::Update& update) {
  ordered_json fields = ordered_json::object();
  for (const session::Update::Field& field : update.fields) {
    if (field.splices.empty()) {
      fields[field.field] = is_shown(session, field.field) ? field_value(session, field.field) : ordered_json();
      continue;
    }
    ordered_json splices = ordered_json::array();
    for (const session::TextSplice& splice : field.splices)
      splices.push_back(
          {{"at", splice.at}, {"deleted", splice.deleted}, {"inserted", splice.inserted}});
    fields[field.field] = splices;
  }
  return fields;
}

// The plain columns that a change set.
ordered_json set_columns(const wire::Change& change) {
  ordered_json columns = ordered_json::object();
  wire::Payload payload;
  if (!payload.ParseFromString(change.payload())) return columns;
  for (const wire::ColumnValue& column : payload.columns())
    columns[column.column()] = ordered_json::parse(column.value());
  return columns;
}

}  // namespace

int tail(const Options& options, const std::string& document) {
  boost::asio::io_context io;
  DocumentClient* self = nullptr;
  DocumentClient::Events events;
  events.updated = [&self](const session::Update& update, const wire::Change* change) {
    if (change == nullptr) {
      ordered_json line = {{"document", all_values(self->session())}};
      if (!self->columns().values().empty()) line["columns"] = self->columns().values();
      print(line);
      return;
    }
    ordered_json line = {{"replica", change->replica()},
                         {"seq", change->seq()},
                         {"principal", change->principal()},
                         {"fields", effects(self->session(), update)}};
    if (const ordered_json columns = set_columns(*change); !columns.empty()) line["columns"] = columns;
    print(line);
    if (update.deleted) print({{"deleted", true}});
  };
  events.disconnected = [](const std::string& why) {
    std::cerr << "converge: connection lost (" << why << "), trying again\n";
  };
  events.noticed = [](const std::string& what) { std::cerr << "converge: " << what << "\n"; };
  DocumentClient client(io, options, parse_document(document), events);
  self = &client;
  client.session().observe_text(true);

  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { client.stop(); });
  boost::asio::co_spawn(io, client.run(), rethrow_and([&] { signals.cancel(); }));
  io.run();
  return kExitOk;
}

}  // namespace converge::cli
