#include "yjs_options.h"

namespace converge::cli {

YjsCommands::YjsCommands(CLI::App& app) {
  commands_ = app.add_subcommand("yjs", "move Yjs documents into and out of a column of type ydoc");
  commands_->require_subcommand(1);

  import_command_ = commands_->add_subcommand("import", "merge documents from elsewhere into rows");
  add_target(*import_command_, import_.target);
  import_command_->add_option("source", import_.source, "a file, a folder, or for postgres a conninfo")->required();
  import_command_->add_option("--from", import_.from, "what keeps them")
      ->check(CLI::IsMember({"files", "leveldb", "sqlite", "postgres"}))
      ->capture_default_str();
  import_command_->add_option("--format", import_format_, "of the updates")
      ->check(CLI::IsMember({"any", "v1", "v2"}))
      ->capture_default_str();
  import_command_->add_option("--source-table", import_.table.table, "sqlite, postgres: the table")->capture_default_str();
  import_command_->add_option("--name-column", import_.table.name_column, "sqlite, postgres: the documents' names")
      ->capture_default_str();
  import_command_->add_option("--data-column", import_.table.data_column, "sqlite, postgres: their states")
      ->capture_default_str();
  import_command_->add_flag("--dry-run", import_.dry_run, "only say what would be done");
  import_command_->add_flag("--progress", import_.progress, "say how far it is, every second");

  export_command_ = commands_->add_subcommand("export", "write rows' documents as files");
  add_target(*export_command_, export_.target);
  export_command_->add_option("folder", export_.folder, "where to")->required();
  export_command_->add_option("--key", export_.keys, "only these documents");
  export_command_->add_option("--format", export_format_, "of the updates")
      ->check(CLI::IsMember({"v1", "v2"}))
      ->capture_default_str();
  export_command_->add_flag("--progress", export_.progress, "say how far it is, every second");
}

void YjsCommands::add_target(CLI::App& command, YjsTarget& target) {
  command.add_option("--database", target.database, "libpq's conninfo; otherwise PGHOST, PGDATABASE and so on");
  command.add_option("--collection", target.table, "the table")->required();
  command.add_option("--field", target.field, "the column, if the table has several of type ydoc");
  command.add_option("--tenant", target.tenant, "the tenant of the rows")->required();
  command.add_option("--tenant-column", target.tenant_column, "if it is not the first of the primary key");
  command.add_option("--prefix", target.prefix, "what the documents' names have before the key; others are passed by");
}

int YjsCommands::run(const Options& options) {
  import_.target.token = export_.target.token = options.token;
  if (import_format_ != "any") import_.format = import_format_ == "v2" ? UpdateFormat::v2 : UpdateFormat::v1;
  export_.format = export_format_ == "v2" ? UpdateFormat::v2 : UpdateFormat::v1;
  return import_command_->parsed() ? yjs_import(import_) : yjs_export(export_);
}

}  // namespace converge::cli
