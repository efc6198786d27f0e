#include "extension/security/identity.h"

#include <cstdlib>
#include <cstring>

#include "extension/module.h"
#include "extension/security/token_permissions.h"

extern "C" {
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_current_tenant);
PG_FUNCTION_INFO_V1(converge_current_principal);
PG_FUNCTION_INFO_V1(converge_current_token_end);
}

namespace converge {
namespace {

char* tenant_setting = nullptr;
char* principal_setting = nullptr;
char* permissions_setting = nullptr;
char* identity_end_setting = nullptr;

void set_local(const char* name, const char* present, const char* value) {
  if (std::strcmp(present, value) == 0) return;
  (void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, ERROR,
                          false);
}

const char* value_of(const char* setting) { return setting != nullptr ? setting : ""; }

Datum text_or_null(FunctionCallInfo fcinfo, const char* value) {
  if (value[0] == '\0') PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(value));
}

void define(const char* name, const char* description, char** variable) {
  DefineCustomStringVariable(name, description, "Set by converge.authenticate(); empty means nobody.", variable, "",
                             PGC_SUSET, GUC_NO_RESET_ALL | GUC_DISALLOW_IN_FILE | GUC_NOT_IN_SAMPLE, nullptr, nullptr,
                             nullptr);
}

}  // namespace

Identity current_identity() {
  return {value_of(tenant_setting), value_of(principal_setting), value_of(permissions_setting),
          std::strtoll(value_of(identity_end_setting), nullptr, 10)};
}

Identity require_identity() {
  const Identity identity = current_identity();
  if (identity.tenant[0] == '\0' || identity.principal[0] == '\0') {
    ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
                    errmsg("the transaction is not authenticated"),
                    errhint("Call converge.authenticate() with a token first.")));
  }
  return identity;
}

Identity copy_identity(const Identity& identity) {
  return {pstrdup(identity.tenant), pstrdup(identity.principal), pstrdup(identity.permissions), identity.expires_at};
}

void set_identity(const Identity& identity) {
  char end[24] = "";
  if (identity.expires_at != 0) pg_snprintf(end, sizeof end, INT64_FORMAT, identity.expires_at);
  set_local("converge.tenant", value_of(tenant_setting), identity.tenant);
  set_local("converge.principal", value_of(principal_setting), identity.principal);
  set_local("converge.permissions", value_of(permissions_setting), identity.permissions);
  set_local("converge.identity_end", value_of(identity_end_setting), end);
}

AccessLevel claimed_level(const char* collection, const char* key) {
  return claimed_level(value_of(permissions_setting), collection, key);
}

}  // namespace converge

void converge_init_identity() {
  using namespace converge;
  define("converge.tenant", "The tenant of the transaction's principal.", &tenant_setting);
  define("converge.principal", "Who the transaction acts for.", &principal_setting);
  define("converge.permissions", "What the principal's token leaves of what policies allow.", &permissions_setting);
  define("converge.identity_end", "When the principal's token ends, in seconds since 1970.", &identity_end_setting);
}

extern "C" PGDLLEXPORT Datum converge_current_tenant(PG_FUNCTION_ARGS) {
  return converge::text_or_null(fcinfo, converge::current_identity().tenant);
}

extern "C" PGDLLEXPORT Datum converge_current_principal(PG_FUNCTION_ARGS) {
  return converge::text_or_null(fcinfo, converge::current_identity().principal);
}

extern "C" PGDLLEXPORT Datum converge_current_token_end(PG_FUNCTION_ARGS) {
  const std::int64_t end = converge::current_identity().expires_at;
  if (end == 0) PG_RETURN_NULL();
  PG_RETURN_TIMESTAMPTZ(time_t_to_timestamptz(static_cast<pg_time_t>(end)));
}
