#include "static_files.h"

#include <sys/stat.h>

#include <climits>
#include <cstdlib>
#include <fstream>
#include <memory>

namespace converge::bridge {

namespace {

constexpr off_t kLongestFile = 32 << 20;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> unescaped(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      if (i + 2 >= path.size()) return {};
      int high = hex_digit(path[i + 1]);
      int low = hex_digit(path[i + 2]);
      if (high < 0 || low < 0) return {};
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return {};
    out += c;
  }
  return out;
}

// A hidden file or a step upwards.
bool has_dotted_part(std::string_view path) { return path.find("/.") != std::string_view::npos; }

std::string_view type_of(std::string_view path) {
  struct Type {
    std::string_view ending;
    std::string_view type;
  };
  static constexpr Type types[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".wasm", "application/wasm"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const Type& type : types)
    if (path.ends_with(type.ending)) return type.type;
  return "application/octet-stream";
}

std::string real_path(const std::string& path) {
  std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), &free);
  return real ? std::string(real.get()) : std::string();
}

}  // namespace

std::optional<StaticFile> StaticFiles::find(std::string_view target) {
  if (root_.empty()) return {};
  auto path = unescaped(target.substr(0, target.find_first_of("?#")));
  if (!path || path->empty() || path->front() != '/' || has_dotted_part(*path)) return {};
  if (path->back() == '/') *path += "index.html";

  std::string real_root = real_path(root_);
  std::string real = real_path(root_ + *path);
  if (real_root.empty() || real.empty() || real.size() <= real_root.size() || !real.starts_with(real_root) ||
      real[real_root.size()] != '/')
    return {};
  struct stat status {};
  if (stat(real.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > kLongestFile) return {};

  StaticFile file;
  file.type = type_of(real);
  file.etag = "\"" + std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) + "." +
              std::to_string(status.st_mtim.tv_nsec) + "\"";
  Known& known = known_[real];
  if (known.etag == file.etag) file.content = known.content.lock();
  if (file.content) return file;

  std::ifstream in(real, std::ios::binary);
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  in.read(content.data(), status.st_size);
  if (!in) return {};
  file.content = std::make_shared<const std::string>(std::move(content));
  known = {file.etag, file.content};
  return file;
}

}  // namespace converge::bridge
