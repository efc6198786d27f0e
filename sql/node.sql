-- This server as a writer: its epoch and replica, and when it takes new ones.
SET search_path = public, converge;
CREATE TABLE note (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('note', 'tenant');
INSERT INTO note VALUES ('acme', 'a');
UPDATE note SET props = converge.set(props, 'x', '1');
SELECT converge.epoch() = epoch AS same, replica > 0 AND replica < 2::bigint ^ 53 AS is_replica,
       abs(epoch - extract(epoch FROM now()) * 1000000) < 3600e6 AS is_time
  FROM converge.node;
SELECT count(*) AS nodes FROM converge.node;

-- Another system identifier, timeline or database in the row than the server's:
-- it was restored, promoted or copied. What it writes then is another writer's.
SELECT epoch AS epoch_1 FROM converge.node \gset
UPDATE converge.node SET timeline = timeline + 1;
\c -
SET search_path = public, converge;
BEGIN;
SELECT converge.epoch() > :epoch_1 AS new;
ROLLBACK;
-- It was rolled back, and is taken again; not by who may not write.
BEGIN READ ONLY;
SELECT converge.epoch() = :epoch_1 AS old;
COMMIT;
SELECT epoch = :epoch_1 AS old FROM converge.node;
UPDATE note SET props = converge.set(props, 'y', '2');
SELECT converge.epoch() > :epoch_1 AS new;
SELECT count(*) AS nodes FROM converge.node;
UPDATE converge.node SET database = 1;
\c -
SET search_path = public, converge;
UPDATE note SET props = converge.set(props, 'z', '3');
UPDATE note SET props = converge.set(props, 'z', '4');
SELECT dense_rank() OVER (ORDER BY epoch) AS epoch, dense_rank() OVER (ORDER BY epoch, replica) AS replica, seq
  FROM converge.change ORDER BY epoch, seq;
SELECT props::jsonb FROM note;

-- No number of a replica of the server's is for a client.
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
SELECT test.token('acme', 'ann') AS ann \gset
SELECT v.code, v.message
  FROM (SELECT DISTINCT epoch, replica FROM converge.change) c,
       LATERAL test.push(test.token_group(:'ann', test.document('note', 'a',
           test.change(c.replica, 9, test.payload('props', '\x11'))))) v
 ORDER BY c.epoch;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'a');
COMMIT;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
DROP SCHEMA test CASCADE;
