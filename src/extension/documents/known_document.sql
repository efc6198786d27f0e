-- What sessions remember of documents (known_document.h) goes when the tables it rests on
-- are written by other means than converge's own functions, as erase() does.
CREATE FUNCTION converge.forget_documents() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_forget_documents' LANGUAGE C;
COMMENT ON FUNCTION converge.forget_documents() IS
    'trigger of the log and the tables around it: every session looks up anew what it knew of documents';
CREATE TRIGGER forget_documents AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.document
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_documents();
CREATE TRIGGER forget_documents AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.change
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_documents();
CREATE TRIGGER forget_documents AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.replica
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_documents();
CREATE TRIGGER forget_documents AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.unfolded
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_documents();
ALTER TABLE converge.document ENABLE ALWAYS TRIGGER forget_documents;
ALTER TABLE converge.change ENABLE ALWAYS TRIGGER forget_documents;
ALTER TABLE converge.replica ENABLE ALWAYS TRIGGER forget_documents;
ALTER TABLE converge.unfolded ENABLE ALWAYS TRIGGER forget_documents;
