#include "yjs_source.h"

#include <sqlite3.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "database.h"

namespace converge::cli {

namespace fs = std::filesystem;

namespace {

// ---- files ---------------------------------------------------------------

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return bytes;
}

// .v1 and .v2 say what is in a file.
std::optional<UpdateFormat> format_of(const fs::path& path) {
  if (path.extension() == ".v1") return UpdateFormat::v1;
  if (path.extension() == ".v2") return UpdateFormat::v2;
  return {};
}

std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().front() != '.') entries.push_back(entry);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

class Files final : public YjsSource {
 public:
  explicit Files(fs::path path) : path_(std::move(path)) {
    if (!fs::exists(path_)) throw std::runtime_error("there is no " + path_.string());
  }

  void for_each(const std::function<void(const KeptDocument&)>& take) override {
    if (!fs::is_directory(path_)) return take(file(path_));
    for (const fs::directory_entry& entry : entries_of(path_)) {
      take(entry.is_directory() ? folder(entry.path()) : file(entry.path()));
    }
  }

 private:
  static KeptDocument file(const fs::path& path) {
    KeptDocument document{document_of_file(path.stem().string()), {}, format_of(path)};
    document.updates.push_back({read_file(path), path.string()});
    return document;
  }

  static KeptDocument folder(const fs::path& path) {
    KeptDocument document{document_of_file(path.filename().string()), {}, {}};
    std::optional<std::optional<UpdateFormat>> format;
    for (const fs::directory_entry& entry : entries_of(path)) {
      if (entry.is_directory()) throw std::runtime_error(entry.path().string() + " is a folder, not an update");
      if (format && *format != format_of(entry.path())) {
        throw std::runtime_error(path.string() + " holds updates of different formats");
      }
      format = document.format = format_of(entry.path());
      document.updates.push_back({read_file(entry.path()), entry.path().string()});
    }
    return document;
  }

  fs::path path_;
};

// ---- Hocuspocus in SQLite ------------------------------------------------

class Sqlite final : public YjsSource {
 public:
  Sqlite(const std::string& path, const SourceTable& table) : path_(path), database_(nullptr, &sqlite3_close) {
    if (!fs::exists(path)) throw std::runtime_error("there is no " + path);
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
    database_.reset(opened);
    if (code != SQLITE_OK) fail();
    const std::string data = quoted(table.data_column);
    statement_ = "SELECT " + quoted(table.name_column) + ", " + data + " FROM " + quoted(table.table) + " WHERE " +
                 data + " IS NOT NULL ORDER BY 1";
  }

  void for_each(const std::function<void(const KeptDocument&)>& take) override {
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(database_.get(), statement_.c_str(), -1, &prepared, nullptr) != SQLITE_OK) fail();
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared, &sqlite3_finalize);
    int code;
    while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
      KeptDocument document{column(prepared, 0), {}, UpdateFormat::v1};
      document.updates.push_back({column(prepared, 1), path_});
      take(document);
    }
    if (code != SQLITE_DONE) fail();
  }

 private:
  static std::string quoted(const std::string& name) {
    std::string out = "\"";
    for (const char c : name) out.append(c == '"' ? 2 : 1, c);
    return out + '"';
  }

  static std::string column(sqlite3_stmt* statement, int number) {
    const void* bytes = sqlite3_column_blob(statement, number);
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement, number))};
  }

  [[noreturn]] void fail() const {
    throw std::runtime_error(path_ + ": " + sqlite3_errmsg(database_.get()));
  }

  std::string path_;
  std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database_;
  std::string statement_;
};

// ---- Hocuspocus in PostgreSQL --------------------------------------------

class Postgres final : public YjsSource {
 public:
  Postgres(const std::string& conninfo, const SourceTable& table) : database_(conninfo), table_(table) {}

  void for_each(const std::function<void(const KeptDocument&)>& take) override {
    std::string table;  // with its schema, if one is given
    for (std::size_t from = 0; from != std::string::npos;) {
      const std::size_t dot = table_.table.find('.', from);
      if (from > 0) table += '.';
      table += database_.identifier(table_.table.substr(from, dot - from));
      from = dot == std::string::npos ? dot : dot + 1;
    }
    const std::string name = database_.identifier(table_.name_column);
    const std::string data = database_.identifier(table_.data_column);
    database_.for_each(
        "SELECT " + name + "::text, " + data + "::bytea FROM " + table + " WHERE " + data + " IS NOT NULL ORDER BY 1",
        [&](const Database::Rows& row) {
          KeptDocument document{std::string(row.bytes(0, 0)), {}, UpdateFormat::v1};
          document.updates.push_back({std::string(row.bytes(0, 1)), table_.table});
          take(document);
        });
  }

 private:
  Database database_;
  SourceTable table_;
};

constexpr char kHex[] = "0123456789ABCDEF";

bool stands_for_itself(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.';
}

}  // namespace

std::unique_ptr<YjsSource> open_files(const std::string& path) { return std::make_unique<Files>(path); }
std::unique_ptr<YjsSource> open_sqlite(const std::string& path, const SourceTable& table) {
  return std::make_unique<Sqlite>(path, table);
}
std::unique_ptr<YjsSource> open_postgres(const std::string& conninfo, const SourceTable& table) {
  return std::make_unique<Postgres>(conninfo, table);
}

std::string file_name_of(const std::string& document) {
  std::string name;
  for (const char c : document) {
    if (stands_for_itself(c) && !(name.empty() && c == '.')) {
      name += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      name.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return name;
}

std::string document_of_file(const std::string& name) {
  std::string document;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '%' && i + 2 < name.size() && std::isxdigit(static_cast<unsigned char>(name[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(name[i + 2]))) {
      document += static_cast<char>(std::stoi(name.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      document += name[i];
    }
  }
  return document;
}

}  // namespace converge::cli
