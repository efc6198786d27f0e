\echo Use "ALTER EXTENSION converge UPDATE TO '0.2'" to load this file. \quit

-- From 0.1 to 0.2. What it makes is what a fresh install of 0.2 makes: test/upgrade
-- compares the two. The order is that of the install script.

-- src/extension/documents/log.sql

-- What is not in the rows yet: a replica's changes of a document from this number
-- on have not been folded into its deferred fields. A row is made with the first
-- such change and goes when it is folded: no row means that the document's row
-- holds all of the replica's changes, but those in quarantine. Compaction keeps
-- what is named here.
CREATE TABLE converge.unfolded (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    from_seq bigint NOT NULL,
    since timestamptz NOT NULL,         -- when that change was logged
    PRIMARY KEY (tenant, document, replica)
);

-- Logged changes that could not be folded: the row goes on without these fields
-- of theirs. quarantine_retry() tries again, quarantine_drop() gives them up; the
-- row stays then, and says that they are to be left out for good.
CREATE TABLE converge.quarantine (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    seq bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    fields name[] NOT NULL,             -- the fields of the change that are not in the row
    quarantined_at timestamptz NOT NULL,
    sqlstate text NOT NULL,             -- what the fold raised
    message text NOT NULL,
    detail text NOT NULL,               -- empty: none
    dropped_at timestamptz,             -- given up by quarantine_drop()
    PRIMARY KEY (tenant, document, replica, seq)
);

SELECT pg_catalog.pg_extension_config_dump('converge.unfolded', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine_id_seq', '');
COMMENT ON TABLE converge.unfolded IS 'logged changes that are not in the documents'' rows yet';
COMMENT ON TABLE converge.quarantine IS 'logged changes that could not be folded into the documents'' rows';

-- src/extension/security/grants.sql

ALTER TABLE converge.unfolded OWNER TO converge_owner;
ALTER TABLE converge.quarantine OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.unfolded, converge.quarantine FROM PUBLIC;
