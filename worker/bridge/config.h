// The bridge's settings: one table of options, each of which can be given as a
// flag (--listen), in the environment (CONVERGE_LISTEN) or in a file
// (listen = …). A flag beats the environment, which beats the file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "origin.h"

namespace converge::bridge {

using Milliseconds = std::chrono::milliseconds;

// What is sent compressed to clients that offer permessage-deflate.
enum class Compress {
  off,     // the extension is not agreed on
  states,  // messages of 16 kB and more, where that saves 30 %
  all,     // everything but short messages
};

// Who may read /metrics.
enum class MetricsAccess { off, local, all };

enum class TlsVersion { v1_2, v1_3 };  // and later

// Where the stream of changes is read from.
enum class Source {
  worker,       // the background worker's socket, on the database's host
  replication,  // the replication protocol, from anywhere
};

struct Config {
  std::string database = "";                  // libpq connection string
  Source source = Source::worker;
  std::string slot;                           // for replication; empty: a temporary one
  std::string listen_address = "127.0.0.1";
  std::uint16_t listen_port = 8080;           // 0: any that is free
  std::string web;                            // folder served at /, or empty
  OriginRule origins;
  std::string sql_box;                        // libpq connection string of the SQL box; empty: there is none
  unsigned workers = 1;                       // threads, each a bridge of its own
  unsigned database_connections = 4;          // a worker, beside those that push
  unsigned push_connections = 2;              // a worker; another one is for locked rows
  Milliseconds gather{5};                     // longest, under load; 0: never

  std::size_t max_message = std::size_t{1} << 20;    // bytes of one WebSocket message
  std::size_t send_queue = std::size_t{1} << 20;     // bytes waiting for one client
  std::size_t push_queue = std::size_t{4} << 20;     // bytes of one client's pushes in the works
  std::size_t push_batch = std::size_t{8} << 20;     // bytes of one call of converge.push()
  std::size_t yjs_copies = std::size_t{16} << 20;    // bytes of a worker's copies of Yjs documents; 0: none
  unsigned max_connections = 10000;                  // of the process
  unsigned max_connections_per_address = 0;          // 0: no bound of its own
  unsigned max_connections_per_tenant = 0;           // the same
  unsigned max_subscriptions = 1000;                 // of one connection
  std::size_t max_presence = std::size_t{4} << 10;   // bytes of one presence's state
  unsigned max_presences_per_connection = 100;
  unsigned max_presences_per_document = 500;

  Milliseconds handshake_timeout{10000};      // from the TCP connection to a verified Hello
  Milliseconds idle_timeout{60000};           // without a sign of life; pinged at half of it
  Milliseconds subscribe_timeout{15000};      // until the worker watches the document
  Milliseconds push_timeout{15000};           // that a push waits for the database to come back
  Milliseconds statement_timeout{30000};      // of one database statement
  Milliseconds recheck_interval{30000};       // between two checks of a client's access
  Milliseconds worker_timeout{30000};         // that the background worker may be silent; 0: for ever
  Milliseconds presence_timeout{30000};       // that a presence lasts unless it is repeated
  Milliseconds close_delay{20000};            // longest, of the close of a Yjs provider that comes again; 0: none
  Milliseconds drain_timeout{10000};          // for a shutdown to be orderly
  Compress compress = Compress::states;
  MetricsAccess metrics = MetricsAccess::local;
  std::string tls_certificate;                // PEM, with its chain; empty: no TLS
  std::string tls_key;                        // PEM; empty: in the certificate's file
  TlsVersion tls_version = TlsVersion::v1_3;
  bool verbose = false;
};

struct ParsedConfig {
  Config config;
  bool help = false;
  bool version = false;
  bool check_only = false;
};

// Reads the arguments (without the program's name), the environment and the
// file that --config names. The error is one line for the user.
struct ConfigError {
  std::string message;
};
std::optional<ConfigError> parse_config(const std::vector<std::string>& arguments, ParsedConfig& parsed);

// The table of options, for --help.
std::string config_help();

// Every setting as the file would have it, for --check-config. Passwords in
// the connection string are not shown.
std::string config_text(const Config& config);

}  // namespace converge::bridge
