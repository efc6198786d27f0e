// The command line of `converge yjs`.
#pragma once

#include <CLI/CLI.hpp>

#include "options.h"
#include "yjs.h"

namespace converge::cli {

class YjsCommands {
 public:
  // Adds the commands to `app`; both must stay where they are until it has parsed.
  explicit YjsCommands(CLI::App& app);
  YjsCommands(const YjsCommands&) = delete;
  YjsCommands& operator=(const YjsCommands&) = delete;

  bool parsed() const { return commands_->parsed(); }
  int run(const Options& options);

 private:
  void add_target(CLI::App& command, YjsTarget& target);
  CLI::App* commands_;
  CLI::App* import_command_;
  CLI::App* export_command_;
  YjsImport import_;
  YjsExport export_;
  std::string import_format_ = "any";
  std::string export_format_ = "v1";
};

}  // namespace converge::cli
