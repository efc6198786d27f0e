#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "options.h"
#include "yjs.h"
#include "yjs_column.h"

namespace converge::cli {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void cannot_write(const fs::path& path) {
  throw std::runtime_error("cannot write " + path.string() + ": " + std::strerror(errno));
}

// Throws unless what is written there, or the names in a folder, are on the disk.
void flush(const fs::path& path, int file) {
  const bool flushed = file >= 0 && fsync(file) == 0;
  if (file >= 0) close(file);
  if (!flushed) cannot_write(path);
}

// A file holds a whole document or is not there. `unfinished` is where it is written first.
void write_file(const fs::path& path, const fs::path& unfinished, std::string_view bytes) {
  const int file = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  while (file >= 0 && !bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int why = errno;
      close(file);
      errno = why;
      cannot_write(unfinished);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  flush(unfinished, file);
  if (rename(unfinished.c_str(), path.c_str()) == 0) return;
  const int why = errno;
  unlink(unfinished.c_str());
  errno = why;
  cannot_write(path);
}

}  // namespace

int yjs_export(const YjsExport& what) {
  YjsColumn column(what.target);
  const fs::path folder = what.folder;
  fs::create_directories(folder);
  // import takes no file whose name begins so.
  const fs::path unfinished = folder / (".unfinished-" + std::to_string(getpid()));
  const std::vector<std::string> keys = what.keys.empty() ? column.keys() : what.keys;
  const char* extension = what.format == UpdateFormat::v2 ? ".v2" : ".v1";
  const bool tell = what.progress || isatty(STDERR_FILENO) != 0;
  auto said = std::chrono::steady_clock::now();
  std::size_t written = 0;
  std::size_t failed = 0;
  for (const std::string& key : keys) {
    const std::string document = what.target.prefix + key;
    try {
      write_file(folder / (file_name_of(document) + extension), unfinished, column.update(key, what.format));
      ++written;
    } catch (const DatabaseUnavailable&) {
      throw;
    } catch (const std::exception& error) {
      ++failed;
      std::cerr << "converge: document \"" << document << "\": " << error.what() << "\n";
    }
    if (const auto now = std::chrono::steady_clock::now(); tell && now - said > std::chrono::seconds(1)) {
      said = now;
      std::cerr << written << " of " << keys.size() << " documents\n";
    }
  }
  flush(folder, open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::cout << written << " documents in " << what.folder;
  if (failed > 0) std::cout << "; " << failed << " failed";
  std::cout << "\n";
  return failed > 0 ? kExitFailed : kExitOk;
}

}  // namespace converge::cli
