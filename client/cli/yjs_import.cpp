#include <unistd.h>

#include <chrono>
#include <iostream>
#include <stdexcept>

#include "core/ydoc/ydoc.h"
#include "options.h"
#include "yjs.h"
#include "yjs_column.h"

namespace converge::cli {

namespace {

std::unique_ptr<YjsSource> open_source(const YjsImport& what) {
  if (what.from == "leveldb") return open_leveldb(what.source);
  if (what.from == "sqlite") return open_sqlite(what.source, what.table);
  if (what.from == "postgres") return open_postgres(what.source, what.table);
  return open_files(what.source);
}

// The document that the updates make. Throws std::runtime_error naming the update.
YDoc document_of(const KeptDocument& kept, std::optional<UpdateFormat> format) {
  YDoc document;
  if (!format) format = kept.format;
  for (const KeptDocument::Update& update : kept.updates) {
    Result<void> applied = document.apply_update(update.bytes, format.value_or(UpdateFormat::v1));
    if (!applied && !format && document.apply_update(update.bytes, UpdateFormat::v2).ok()) continue;
    if (applied) continue;
    throw std::runtime_error(update.origin + ": " + applied.error().message + ": " + applied.error().detail);
  }
  return document;
}

std::string key_of(const std::string& name, const std::string& prefix) { return name.substr(prefix.size()); }

}  // namespace

int yjs_import(const YjsImport& what) {
  YjsColumn column(what.target);
  const std::unique_ptr<YjsSource> source = open_source(what);
  std::size_t counts[3] = {};
  std::size_t waiting = 0;
  std::size_t failed = 0;
  auto said = std::chrono::steady_clock::now();
  const bool tell = what.progress || isatty(STDERR_FILENO) != 0;
  source->for_each([&](const KeptDocument& kept) {
    if (!kept.name.starts_with(what.target.prefix)) return;
    try {
      const YDoc document = document_of(kept, what.format);
      const Result<std::string> update = document.update_since("", UpdateFormat::v1);
      if (!update) throw std::runtime_error(update.error().message);
      const std::string key = key_of(kept.name, what.target.prefix);
      const YjsColumn::Outcome outcome = what.dry_run ? column.would_merge(key, *update) : column.merge(key, *update);
      ++counts[static_cast<int>(outcome)];
      if (document.has_pending()) {
        ++waiting;
        std::cerr << "converge: document \"" << kept.name << "\" lacks updates: some of it waits for them\n";
      }
    } catch (const DatabaseUnavailable&) {
      throw;
    } catch (const std::exception& error) {
      ++failed;
      std::cerr << "converge: document \"" << kept.name << "\": " << error.what() << "\n";
    }
    if (const auto now = std::chrono::steady_clock::now(); tell && now - said > std::chrono::seconds(1)) {
      said = now;
      std::cerr << counts[0] + counts[1] + counts[2] + failed << " documents so far\n";
    }
  });
  std::cout << counts[0] + counts[1] + counts[2] << " documents" << (what.dry_run ? " would be imported: " : ": ")
            << counts[0] << " new, " << counts[1] << " changed, " << counts[2] << " unchanged";
  if (waiting > 0) std::cout << ", " << waiting << " incomplete";
  if (failed > 0) std::cout << "; " << failed << " failed";
  std::cout << "\n";
  return failed > 0 ? kExitFailed : kExitOk;
}

}  // namespace converge::cli
