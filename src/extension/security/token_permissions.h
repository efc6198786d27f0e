// The claim `permissions` of a token, {document: level}: what its bearer may do at
// most, whatever policies allow. It takes away and never gives.
//
// A member's name is "COLLECTION/KEY" for a document, "COLLECTION" for all of a
// collection's, or "*"; the most exact one counts. What no name covers is `none`.
// A collection whose name holds a "/" can only be meant by "*", so that no name
// means two things.
//
// An identity carries the claim in one form: a newline, then for each member, in
// the order of the names, the level's first letter, the name, a newline. The empty
// string stands for a token without the claim.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <rapidjson/document.h>

#include "core/result.h"
#include "extension/security/access_level.h"

namespace converge {

// Of that form.
inline constexpr std::size_t kMaxPermissionsBytes = 4096;

// The claim's form, or an Error that says what is wrong with it.
Result<std::string> read_permissions(const rapidjson::Value& claim);

// What `permissions` leaves of a document. `admin` where the token has no claim.
AccessLevel claimed_level(std::string_view permissions, std::string_view collection, std::string_view key) noexcept;

}  // namespace converge
