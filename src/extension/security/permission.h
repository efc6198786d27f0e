// Who may do what: grants to principals and to the roles they are members of.
//
// Grants add up: the highest level counts. One covers a tenant, a collection of it,
// or one document by its key, which need not exist yet. A grantee that begins with
// "role:" is a role, any other a principal; every principal of a tenant is a member
// of "role:everyone".
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/security/access_level_value.h"
#include "extension/security/identity.h"

extern "C" {
#include "access/attnum.h"
}

namespace converge {

inline constexpr const char* kRolePrefix = "role:";
inline constexpr const char* kEveryone = "everyone";
inline constexpr int kMaxRoleBytes = 256;
// Roles that one principal is a member of, "everyone" aside.
inline constexpr int kMaxRoles = 256;

// converge.permission's and converge.member's columns.
namespace permission_table {
enum : AttrNumber { kTenant = 1, kGrantee, kCollection, kKey, kLevel, kGrantor, kGrantedAt, kColumns = kGrantedAt };
}
namespace member_table {
enum : AttrNumber { kTenant = 1, kPrincipal, kRole, kColumns = kRole };
}

// What a grant or a question covers.
struct Scope {
  std::int32_t collection;  // 0: all of the tenant
  const char* key;          // null: all of the collection
};

// Whether the present identity has the level `wanted` on what `scope` covers, by grants
// and by its token; nobody has any.
//
// Where `to_write`, as everything committed has it: the tenant's policy lock is
// taken and kept, so that it stays so until the transaction ends (but in a read-only
// transaction). Otherwise as the active snapshot has it.
//
// The levels of a tenant and its collections, and of some documents, are kept for
// as long as the tenant's policy state stands.
bool has_level(const Scope& scope, AccessLevel wanted, bool to_write);

}  // namespace converge
