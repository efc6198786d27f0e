// The files of the page: which file a request's path means, and its type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace converge::bridge {

struct StaticFile {
  std::string content;
  std::string_view type;  // for Content-Type
  std::string etag;       // changes with the file's size or time
};

// The file that `target` (a request target as received, query included) means
// under `root`; a path that ends in '/' means its index.html. Nothing for a
// path that does not exist, is no regular file, is longer than 32 MB, is not
// well formed, or leaves the root, be it by "..", by escapes or by a symbolic
// link.
std::optional<StaticFile> find_static_file(const std::string& root, std::string_view target);

}  // namespace converge::bridge
