// The commands: each takes what the command line said and returns an exit code.
// A lost or refused connection leaves as an exception, which main() reports.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "options.h"

namespace converge::cli {

struct EditOptions {
  std::string document;
  std::string field;
  std::string operation;
  std::vector<std::string> arguments;
  bool expect = false;  // only if nobody else writes in between
};

struct CreateOptions {
  std::string collection;
  std::string key;            // as DocumentPush has it
  std::string temporary_key;  // empty: the key is the client's
};

struct ReplayOptions {
  std::string trace;
  std::string document;
  std::string field;
  unsigned clients = 2;
  unsigned turn = 16;          // consecutive edits a client makes before the next one's turn
  std::uint64_t limit = 0;     // only so many edits; 0: all
  bool verify = false;         // the text must be the trace's at the end
  bool progress = false;
};

struct PresenceOptions {
  std::string document;
  std::string state;  // JSON to show to the others; empty: nothing
  std::string field;  // what it is about; empty: the document
};

int tail(const Options& options, const std::string& document);
int create(const Options& options, const CreateOptions& create);
int edit(const Options& options, const EditOptions& edit);
int replay(const Options& options, const ReplayOptions& replay);
int presence(const Options& options, const PresenceOptions& presence);
int shell(const Options& options, const std::string& document);

}  // namespace converge::cli
