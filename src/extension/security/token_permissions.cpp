#include "extension/security/token_permissions.h"

#include <map>

namespace converge {
namespace {

struct LevelName {
  AccessLevel level;
  std::string_view name;
};
constexpr LevelName kLevels[] = {{AccessLevel::none, "none"},
                                 {AccessLevel::read, "read"},
                                 {AccessLevel::write, "write"},
                                 {AccessLevel::admin, "admin"}};

Error refuse(std::string detail) {
  return Error{ErrorCode::invalid, "token is malformed", std::move(detail)};
}

bool is_document(std::string_view name, std::string_view collection, std::string_view key) {
  return name.size() == collection.size() + 1 + key.size() && name.substr(0, collection.size()) == collection &&
         name[collection.size()] == '/' && name.substr(collection.size() + 1) == key;
}

AccessLevel level_of(char letter) {
  for (const LevelName& level : kLevels) {
    if (level.name.front() == letter) return level.level;
  }
  return AccessLevel::none;
}

}  // namespace

Result<std::string> read_permissions(const rapidjson::Value& claim) {
  if (!claim.IsObject()) return refuse("Its \"permissions\" is not an object.");
  std::map<std::string_view, char> lines;
  std::size_t size = 1;
  for (const auto& member : claim.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (name.empty()) return refuse("Its \"permissions\" has an empty name.");
    for (const char c : name) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        return refuse("A name in its \"permissions\" holds a control character.");
      }
    }
    char letter = 0;
    if (member.value.IsString()) {
      for (const LevelName& level : kLevels) {
        if (level.name == std::string_view(member.value.GetString(), member.value.GetStringLength())) {
          letter = level.name.front();
        }
      }
    }
    if (letter == 0) return refuse("A level in its \"permissions\" is none of none, read, write and admin.");
    if (!lines.emplace(name, letter).second) return refuse("Its \"permissions\" has a name twice.");
    size += name.size() + 2;
    if (size > kMaxPermissionsBytes) {
      return refuse("Its \"permissions\" are too long; the limit is " + std::to_string(kMaxPermissionsBytes) +
                    " bytes.");
    }
  }
  std::string form = "\n";
  form.reserve(size);
  for (const auto& [name, letter] : lines) {
    form += letter;
    form += name;
    form += '\n';
  }
  return form;
}

AccessLevel claimed_level(std::string_view permissions, std::string_view collection, std::string_view key) noexcept {
  if (permissions.empty()) return AccessLevel::admin;
  const bool nameable = collection.find('/') == std::string_view::npos && collection != "*";
  AccessLevel of_collection = AccessLevel::none, of_all = AccessLevel::none;
  bool names_collection = false;
  for (std::size_t start = 1; start < permissions.size();) {
    const std::size_t end = permissions.find('\n', start);
    const AccessLevel level = level_of(permissions[start]);
    const std::string_view name = permissions.substr(start + 1, end - start - 1);
    start = end + 1;
    if (nameable && is_document(name, collection, key)) return level;
    if (nameable && name == collection) {
      of_collection = level;
      names_collection = true;
    } else if (name == "*") {
      of_all = level;
    }
  }
  return names_collection ? of_collection : of_all;
}

}  // namespace converge
