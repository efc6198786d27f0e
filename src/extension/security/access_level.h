// How much a principal may do with a document. Each level includes those before it.
#pragma once

#include <cstdint>

namespace converge {

enum class AccessLevel : std::uint8_t { none, read, write, admin };

}  // namespace converge
