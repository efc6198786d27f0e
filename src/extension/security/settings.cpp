#include "extension/compat.h"

#include "extension/security/settings.h"

#include <climits>

#include "extension/module.h"

extern "C" {
#include "utils/guc.h"
}

namespace converge {

int token_leeway = 5;
int token_max_lifetime = 0;

int max_tenant_documents = 0;
int max_tenant_kilobytes = 0;
int max_document_kilobytes = 0;
int max_replicas = 10000;
int max_tombstone_share = 0;
int principal_requests = 100;
int principal_changes = 600000;
int tenant_requests = 0;
int tenant_changes = 0;
int max_tenant_grants = 1000000;
int max_tenant_members = 1000000;

namespace {

void define_limit(const char* name, const char* description, int* variable, int value, int unit,
                  int most = INT_MAX) {
  DefineCustomIntVariable(name, description, "0: no limit. A row of converge.tenant_limit says otherwise for its tenant.",
                          variable, value, 0, most, PGC_SUSET, unit, nullptr, nullptr, nullptr);
}

}  // namespace

}  // namespace converge

void converge_init_security() {
  // Not for clients to choose.
  DefineCustomIntVariable("converge.token_leeway", "How far the clock of a token's issuer may differ from the server's.",
                          nullptr, &converge::token_leeway, 5, 0, 300, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr,
                          nullptr);
  DefineCustomIntVariable("converge.token_max_lifetime", "How far ahead the end of a token may lie.",
                          "0: any distance.", &converge::token_max_lifetime, 0, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S,
                          nullptr, nullptr, nullptr);

  using namespace converge;
  define_limit("converge.max_tenant_documents", "How many documents a tenant may have.", &max_tenant_documents, 0, 0);
  define_limit("converge.max_tenant_bytes", "How large a tenant's log and its snapshots may be.",
               &max_tenant_kilobytes, 0, GUC_UNIT_KB);
  define_limit("converge.max_document_bytes", "How large the fields of a document may be together.",
               &max_document_kilobytes, 0, GUC_UNIT_KB);
  define_limit("converge.max_replicas", "How many replicas a principal may have on a document.", &max_replicas, 10000,
               0);
  define_limit("converge.max_tombstone_share",
               "How many percent of a text of 4 kB and more may be what was deleted, and the like.",
               &max_tombstone_share, 0, 0, 100);
  define_limit("converge.principal_requests", "What a principal may ask of a bridge in a minute, changes aside.",
               &principal_requests, 100, 0);
  define_limit("converge.principal_changes", "How many changes a principal may push through a bridge in a minute.",
               &principal_changes, 600000, 0);
  define_limit("converge.tenant_requests", "What a tenant may ask of a bridge in a minute, changes aside.",
               &tenant_requests, 0, 0);
  define_limit("converge.tenant_changes", "How many changes a tenant may push through a bridge in a minute.",
               &tenant_changes, 0, 0);
  define_limit("converge.max_tenant_grants", "How many grants a tenant may have.", &max_tenant_grants, 1000000, 0);
  define_limit("converge.max_tenant_members", "How many memberships in roles a tenant may have.", &max_tenant_members,
               1000000, 0);
}
