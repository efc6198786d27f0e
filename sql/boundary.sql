-- An exception or an error in the C++ half of a function ends as an SQL error:
-- everything it made is destroyed, and the session lives.
\getenv library BOUNDARY_LIBRARY
CREATE FUNCTION fail(how text) RETURNS text STRICT LANGUAGE c AS :'library', 'boundary_fail';
CREATE FUNCTION alive() RETURNS integer LANGUAGE c AS :'library', 'boundary_alive';
CREATE TEMP TABLE backend AS SELECT pg_backend_pid() AS pid;

\set SHOW_CONTEXT never
SELECT fail('not');

DO $$
DECLARE
    how text;
    state text;
    message text;
    detail text;
BEGIN
    FOREACH how IN ARRAY ARRAY['bad_alloc', 'runtime_error', 'length_error', 'int', 'vector',
        'huge value', 'malformed', 'wrong_type', 'out_of_range', 'too_large', 'clock', 'invalid',
        'long message']
    LOOP
        BEGIN
            PERFORM fail(how);
            RAISE NOTICE '%: no error', how;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL;
            IF how = 'long message' THEN
                message := format('%s characters', char_length(message));
                detail := format('%s characters', char_length(detail));
            END IF;
            RAISE NOTICE '%: % % (%)', how, state, message, detail;
        END;
    END LOOP;
END
$$;

-- Outside a subtransaction as well.
\set VERBOSITY sqlstate
SELECT fail('runtime_error');
SELECT fail('bad_alloc');
SELECT alive();
SELECT pid = pg_backend_pid() AS same_backend FROM backend;
DROP FUNCTION fail, alive;

-- Where other extensions listen to the relation cache too, there is a place left: a session has ten.
\set VERBOSITY default
CREATE FUNCTION listen(count integer) RETURNS void STRICT LANGUAGE c AS :'library', 'boundary_listen';
CREATE TABLE note (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
\c
SELECT listen(6);
SELECT converge.track('note', 'tenant');
INSERT INTO note VALUES ('acme', 'a');
SELECT converge.push('');
SELECT converge.authenticate('none');
SELECT count(*) FROM note WHERE tenant = 'acme';
DROP TABLE note;
DROP FUNCTION listen;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
