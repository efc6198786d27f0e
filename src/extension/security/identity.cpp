#include "extension/security/identity.h"

#include "extension/module.h"

extern "C" {
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(converge_current_tenant);
PG_FUNCTION_INFO_V1(converge_current_principal);
}

namespace converge {
namespace {

char* tenant_setting = nullptr;
char* principal_setting = nullptr;

void set_local(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, ERROR,
                          false);
}

Datum text_or_null(FunctionCallInfo fcinfo, const char* value) {
  if (value[0] == '\0') PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(value));
}

}  // namespace

Identity current_identity() {
  return {tenant_setting != nullptr ? tenant_setting : "",
          principal_setting != nullptr ? principal_setting : ""};
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

void set_identity(const char* tenant, const char* principal) {
  set_local("converge.tenant", tenant);
  set_local("converge.principal", principal);
}

}  // namespace converge

void converge_init_identity() {
  const int flags = GUC_NO_RESET_ALL | GUC_DISALLOW_IN_FILE | GUC_NOT_IN_SAMPLE;
  DefineCustomStringVariable("converge.tenant", "The tenant of the transaction's principal.",
                             "Set by converge.authenticate(); empty means nobody.",
                             &converge::tenant_setting, "", PGC_SUSET, flags, nullptr, nullptr,
                             nullptr);
  DefineCustomStringVariable("converge.principal", "Who the transaction acts for.",
                             "Set by converge.authenticate(); empty means nobody.",
                             &converge::principal_setting, "", PGC_SUSET, flags, nullptr, nullptr,
                             nullptr);
}

extern "C" PGDLLEXPORT Datum converge_current_tenant(PG_FUNCTION_ARGS) {
  return converge::text_or_null(fcinfo, converge::current_identity().tenant);
}

extern "C" PGDLLEXPORT Datum converge_current_principal(PG_FUNCTION_ARGS) {
  return converge::text_or_null(fcinfo, converge::current_identity().principal);
}
