// How much a principal may do with a document.
#pragma once

#include <cstdint>

namespace converge {

// In ascending order: each level includes those before it.
enum class AccessLevel : std::uint8_t {
  none,
  read,   // sees it, and follows it live
  write,  // makes, edits and deletes it
  admin,  // gives others a level on it
};

}  // namespace converge
