// Where Yjs documents are kept elsewhere, for `converge yjs import`: files, y-leveldb,
// and the tables that Hocuspocus writes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ydoc/update_reader.h"

namespace converge::cli {

// What a source has of a document: its updates, in the order in which they are kept.
struct KeptDocument {
  std::string name;
  struct Update {
    std::string bytes;
    std::string origin;  // for messages: a file's name, an entry's number
  };
  std::vector<Update> updates;
  std::optional<UpdateFormat> format;  // none: either, told apart by reading
};

class YjsSource {
 public:
  virtual ~YjsSource() = default;
  // Gives each document. Throws std::runtime_error naming what cannot be read.
  virtual void for_each(const std::function<void(const KeptDocument&)>& take) = 0;
};

// The table and columns in which documents are kept.
struct SourceTable {
  std::string table = "documents";
  std::string name_column = "name";
  std::string data_column = "data";
};

// A file with an update, named for the document (its extension does not count, and
// %XX stands for a byte); or a folder of such files, and of folders that hold the
// updates of one document each, in the order of the files' names.
std::unique_ptr<YjsSource> open_files(const std::string& path);
// The folder of a y-leveldb database, which nobody else has open. It stays as it is: a copy
// of it in $TMPDIR is read.
std::unique_ptr<YjsSource> open_leveldb(const std::string& path);
std::unique_ptr<YjsSource> open_sqlite(const std::string& path, const SourceTable& table);
std::unique_ptr<YjsSource> open_postgres(const std::string& conninfo, const SourceTable& table);

// A document's name as the name of a file, without an extension, and back. Letters,
// digits, `_`, `-` and, but for the first, `.` stand for themselves.
std::string file_name_of(const std::string& document);
std::string document_of_file(const std::string& name);

}  // namespace converge::cli
