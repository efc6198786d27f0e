// The JSON check against an independent parser: what nlohmann's takes and
// refuses, apart from what is stricter here on purpose.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/codec/utf8.h"
#include "core/json/json.h"

namespace {

// Whether a string in the value holds U+0000.
bool has_nul(const nlohmann::json& value) {
  if (value.is_string()) {
    return value.get_ref<const std::string&>().find('\0') != std::string::npos;
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      if (name.find('\0') != std::string::npos || has_nul(member)) return true;
    }
  } else if (value.is_array()) {
    for (const auto& item : value) {
      if (has_nul(item)) return true;
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto checked = converge::validate_json(text);
  const bool small = size <= converge::kMaxJsonDepth;  // nesting and numbers are within bounds
  if (!small) return 0;
  const auto value = nlohmann::json::parse(text, nullptr, false);
  if (checked.ok()) {
    // Numbers beyond a double are discarded over there.
    if (value.is_discarded() && text.find_first_of("eE") == std::string_view::npos) std::abort();
    return 0;
  }
  if (value.is_discarded() || has_nul(value)) return 0;
  if (checked.error().detail.find("numeric") != std::string::npos) return 0;
  // It skips a byte order mark, which is no JSON, and ends at a zero byte.
  if (text.substr(0, 3) == "\xef\xbb\xbf" || text.find('\0') != text.npos) return 0;
  std::abort();
}
