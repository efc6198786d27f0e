-- Takes away what notes.sql made, and what tests leave in Converge's own tables.
RESET ROLE;
SET client_min_messages = warning;
DROP TABLE public.note;
DELETE FROM converge.jwt_key;
DELETE FROM converge.tenant_limit;
DELETE FROM converge.tenant_usage;
DELETE FROM converge.revocation;
DELETE FROM converge.permission;
DELETE FROM converge.member;
ALTER TABLE converge.audit DISABLE TRIGGER keep_audit;
TRUNCATE converge.audit RESTART IDENTITY;
ALTER TABLE converge.audit ENABLE ALWAYS TRIGGER keep_audit;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot, converge.kept_state, converge.unfolded,
    converge.quarantine, converge.temporary_key, converge.yjs_client RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
