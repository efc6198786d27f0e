// `converge yjs import` and `converge yjs export`: Yjs documents from elsewhere into a
// column of type ydoc, and out of it. They talk SQL, as the role that connects or, with
// a token, as the token's principal, under the table's policies; edits that reach
// clients live as any edit in SQL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/ydoc/update_reader.h"
#include "yjs_source.h"

namespace converge::cli {

// The column.
struct YjsTarget {
  std::string database;  // libpq's conninfo
  std::string token;     // none: the role itself
  std::string table;
  std::string field;   // none: the table's only ydoc
  std::string tenant;  // the tenant of the rows
  std::string tenant_column;  // none: the first column of the primary key
  std::string prefix;  // of the documents' names, which the keys do not have
};

struct YjsImport {
  YjsTarget target;
  std::string from = "files";  // leveldb, sqlite, postgres
  std::string source;
  SourceTable table;
  std::optional<UpdateFormat> format;
  bool dry_run = false;
  bool progress = false;
};

struct YjsExport {
  YjsTarget target;
  std::string folder;
  std::vector<std::string> keys;  // none: all of the tenant's
  UpdateFormat format = UpdateFormat::v1;
  bool progress = false;
};

// Both give an exit code. A document that cannot be imported, or exported, is named on the
// standard error, and the others are.
int yjs_import(const YjsImport& what);
int yjs_export(const YjsExport& what);

}  // namespace converge::cli
