#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "options.h"
#include "yjs.h"
#include "yjs_column.h"

namespace converge::cli {

namespace fs = std::filesystem;

namespace {

// A file holds a whole document or is not there.
void write_file(const fs::path& path, const std::string& bytes) {
  const fs::path unfinished = path.string() + ".unfinished";
  {
    std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) throw std::runtime_error("cannot write " + unfinished.string());
  }
  fs::rename(unfinished, path);
}

}  // namespace

int yjs_export(const YjsExport& what) {
  YjsColumn column(what.target);
  fs::create_directories(what.folder);
  const std::vector<std::string> keys = what.keys.empty() ? column.keys() : what.keys;
  const char* extension = what.format == UpdateFormat::v2 ? ".v2" : ".v1";
  const bool tell = what.progress || isatty(STDERR_FILENO) != 0;
  auto said = std::chrono::steady_clock::now();
  std::size_t written = 0;
  for (const std::string& key : keys) {
    const std::string name = file_name_of(what.target.prefix + key) + extension;
    write_file(fs::path(what.folder) / name, column.update(key, what.format));
    ++written;
    if (const auto now = std::chrono::steady_clock::now(); tell && now - said > std::chrono::seconds(1)) {
      said = now;
      std::cerr << written << " of " << keys.size() << " documents\n";
    }
  }
  std::cout << written << " documents in " << what.folder << "\n";
  return kExitOk;
}

}  // namespace converge::cli
