// The settings of this part: converge_init_security() (module.h) declares them.
#pragma once

namespace converge {

// converge.token_leeway: how far an issuer's clock may differ from the server's,
// in seconds.
extern int token_leeway;

// converge.token_max_lifetime: how far ahead a token's end may lie, in seconds; 0:
// any distance.
extern int token_max_lifetime;

// What a tenant and its principals may use where converge.tenant_limit says nothing
// else (limits.h); 0: no limit. Sizes are in kB, rates a minute.
extern int max_tenant_documents;
extern int max_tenant_kilobytes;
extern int max_document_kilobytes;
extern int max_replicas;
extern int max_tombstone_share;  // percent
extern int principal_requests;
extern int principal_changes;
extern int tenant_requests;
extern int tenant_changes;
extern int max_tenant_grants;
extern int max_tenant_members;

}  // namespace converge
