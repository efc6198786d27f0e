// The files of the page: which file a request's path means, its type, and its content,
// which all who are sent it share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace converge::bridge {

struct StaticFile {
  std::shared_ptr<const std::string> content;
  std::string_view type;  // for Content-Type
  std::string etag;       // changes with the file's size or time
};

class StaticFiles {
 public:
  explicit StaticFiles(std::string root) : root_(std::move(root)) {}

  // The file that `target` (a request target as received, query included) means
  // under the root; a path that ends in '/' means its index.html. Nothing for a
  // path that does not exist, is no regular file, is longer than 32 MB, is not
  // well formed, or leaves the root, be it by "..", by escapes or by a symbolic
  // link; and nothing at all if the root is empty.
  std::optional<StaticFile> find(std::string_view target);

 private:
  // A content that somebody is being sent still is not read again.
  struct Known {
    std::string etag;
    std::weak_ptr<const std::string> content;
  };

  const std::string root_;
  std::unordered_map<std::string, Known> known_;  // by path, of files that there are
};

}  // namespace converge::bridge
