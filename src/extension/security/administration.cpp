#include "extension/security/administration.h"

#include <cstring>

#include "extension/boundary.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
}

namespace converge {
namespace {

bool administers(const char* tenant, const Scope& scope, bool to_change) {
  if (is_owner()) return true;
  return std::strcmp(current_identity().tenant, tenant) == 0 &&
         has_level(scope, AccessLevel::admin, to_change);
}

}  // namespace

bool is_owner() { return has_privs_of_role(GetUserId(), get_role_oid("converge_owner", false)); }

void require_administration(const char* tenant, const Scope& scope, const char* what, bool to_change) {
  // Twice: nobody who may not change anything gets the lock, and what let the
  // caller in may have gone while it waited.
  bool allowed = administers(tenant, scope, false);
  if (allowed && to_change) {
    lock_policies_for_change(tenant);
    allowed = administers(tenant, scope, true);
  }
  if (allowed) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to %s", what),
                  errdetail("Only members of role converge_owner and the tenant's principals with level admin may.")));
}

char* tenant_argument(const struct varlena* argument) {
  const std::string_view bytes = boundary::view(argument);
  if (bytes.empty() || bytes.size() > static_cast<std::size_t>(kMaxTenantBytes)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("tenant name is empty or too long"),
                    errdetail("It has %zu bytes; the limit is %d.", bytes.size(), kMaxTenantBytes)));
  }
  return text_to_cstring(argument);
}

void as_owner(void (*work)(void*), void* argument) {
  Oid caller;
  int context;
  GetUserIdAndSecContext(&caller, &context);
  SetUserIdAndSecContext(get_role_oid("converge_owner", false),
                         context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
  PG_TRY();
  { work(argument); }
  PG_FINALLY();
  { SetUserIdAndSecContext(caller, context); }
  PG_END_TRY();
}

}  // namespace converge
