// What every command that connects needs to know.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace converge::cli {

// Exit codes, the same for every command.
enum Exit {
  kExitOk = 0,
  kExitFailed = 1,   // the server refused something, or texts differ
  kExitUsage = 2,    // the command line makes no sense
  kExitConnection = 3,  // no connection, or it was lost for good
};

struct Target {
  std::string host;
  std::string port;
  std::string path;  // of the WebSocket, "/sync" unless the URL has one
};

// When a client's changes are sent.
struct PushTiming {
  std::chrono::milliseconds buffer{0};  // how long one waits for others; 0: at once
  // What has waited for so long, through an absence, is offered as one change.
  std::optional<std::chrono::milliseconds> reconcile_after;
};

struct Options {
  std::string url = "ws://127.0.0.1:8080/";
  std::string token;
  std::string token_file;  // instead of token: read anew whenever a token is needed
  PushTiming push;
};

// The token to present now. Throws std::runtime_error if the file cannot be read.
std::string read_token(const Options& options);

struct DocumentName {
  std::string collection;
  std::string key;
};

// Splits a ws:// URL. Throws std::invalid_argument naming what is wrong.
Target parse_url(const std::string& url);

// Splits COLLECTION/KEY at the first slash. Throws std::invalid_argument.
DocumentName parse_document(const std::string& name);

}  // namespace converge::cli
