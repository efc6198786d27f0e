-- The log and the tables around it. Every key starts with the tenant. Written
-- only by append_change(), track() and the owner functions for compaction. Text
-- that is a key is compared by bytes (COLLATE "C"), so that no new version of a
-- locale can reorder an index.

-- This node's identity as a writer. One row, made when it is first needed. A
-- server that finds another system identifier, timeline or database than its
-- own here was restored or promoted, or the database is a copy: it takes a new
-- epoch and replica.
CREATE TABLE converge.node (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    replica bigint NOT NULL,            -- under which SQL edits are logged
    epoch bigint NOT NULL,              -- microseconds since 1970 when it began
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    database oid NOT NULL
);

-- The tracked tables. user_catalog_table: the output plugin reads it while decoding.
CREATE TABLE converge.collection (
    collection integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,  -- on the wire: the table's name, with its schema unless that is public
    relation regclass NOT NULL UNIQUE,
    tenant_column name NOT NULL,
    key_columns name[] NOT NULL,        -- the primary key without the tenant column
    deferred name[] NOT NULL DEFAULT '{}',
    included name[] NOT NULL DEFAULT '{}', -- plain columns that clients may read
    deletion_column name,               -- set where a row is deleted softly; NULL: rows are deleted
    keep interval                       -- how long the log is kept; NULL: converge.compact_keep
) WITH (user_catalog_table = true);

-- The fields each collection has had. In the log and on the wire a field keeps
-- the name that its column had first, and no other column ever takes it.
CREATE TABLE converge.field (
    collection integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    column_name name,                   -- NULL: the column was dropped, or is of another type now
    type name NOT NULL,                 -- of schema converge
    PRIMARY KEY (collection, name)
);

-- The documents: rows of tracked tables. Rows never change. A row that is
-- deleted and inserted again is another document, an incarnation of the same
-- key: the one with the greatest number is the one that may live.
-- user_catalog_table as above.
CREATE TABLE converge.document (
    tenant text COLLATE "C" NOT NULL,
    document bigint GENERATED ALWAYS AS IDENTITY,
    collection integer NOT NULL,
    key text COLLATE "C" NOT NULL,      -- the column's text; of several columns, a JSON array of texts
    PRIMARY KEY (tenant, document),
    UNIQUE (tenant, collection, key, document)
) WITH (user_catalog_table = true);

-- The log.
CREATE TABLE converge.change (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    seq bigint NOT NULL,
    hlc bigint NOT NULL,
    principal text NOT NULL,            -- whose edit; empty: SQL without an identity
    xid xid8 NOT NULL,
    epoch bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    payload bytea,                      -- wire.Payload; NULL: this number was refused
    hash bytea NOT NULL,                -- first 16 bytes of SHA-256 over hlc (8 bytes, big endian) and payload
    PRIMARY KEY (tenant, document, replica, seq)
);

-- What is known of a replica on a document beyond what the log's key answers.
-- A row is made when the replica first appears there.
CREATE TABLE converge.replica (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    principal text NOT NULL,            -- whose it is; empty: this server's
    last_seq bigint NOT NULL DEFAULT 0, -- as of the last compaction
    last_hash bytea,
    refused_from bigint,                -- this number and all above it are refused
    refused_code integer,               -- and why: a wire.Code and its message
    refused_message text,
    refused_sqlstate text,              -- of a violated constraint, and its name
    refused_constraint text,
    epoch bigint NOT NULL DEFAULT 0,    -- when it appeared, or of the last change that was compacted
    PRIMARY KEY (tenant, document, replica)
);

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

-- The documents that clients made under names of their own, because the server
-- makes their keys: a resend reaches the same document. A row is forgotten
-- converge.temporary_key_lifetime after it was made.
CREATE TABLE converge.temporary_key (
    tenant text COLLATE "C" NOT NULL,
    collection integer NOT NULL,
    principal text COLLATE "C" NOT NULL, -- whose name it is
    temporary_key text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, collection, principal, temporary_key)
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

-- What compaction has dropped from a document's log: the join of those changes,
-- of which converge.replica.last_seq has the numbers. Snapshot and log together
-- are the document's whole history.
CREATE TABLE converge.snapshot (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    recorded_at timestamptz NOT NULL,   -- of the youngest change in it
    state bytea NOT NULL,               -- wire.DocumentState
    authors bytea NOT NULL,             -- the same of who made what (core/history/authorship.h)
    PRIMARY KEY (tenant, document)
);

-- What snapshot() keeps of a document, for as long as drop_snapshot() does not say
-- otherwise: its state as of a moment.
CREATE TABLE converge.kept_state (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    moment timestamptz NOT NULL,
    principal text NOT NULL,            -- who asked for it; empty: SQL without an identity
    label text,
    state bytea NOT NULL,               -- wire.DocumentState
    PRIMARY KEY (tenant, document, moment)
);

-- A dump holds them: what was acknowledged is part of the data.
SELECT pg_catalog.pg_extension_config_dump('converge.node', '');
SELECT pg_catalog.pg_extension_config_dump('converge.collection', '');
SELECT pg_catalog.pg_extension_config_dump('converge.collection_collection_seq', '');
SELECT pg_catalog.pg_extension_config_dump('converge.field', '');
SELECT pg_catalog.pg_extension_config_dump('converge.document', '');
SELECT pg_catalog.pg_extension_config_dump('converge.document_document_seq', '');
SELECT pg_catalog.pg_extension_config_dump('converge.change', '');
SELECT pg_catalog.pg_extension_config_dump('converge.replica', '');
SELECT pg_catalog.pg_extension_config_dump('converge.snapshot', '');
SELECT pg_catalog.pg_extension_config_dump('converge.kept_state', '');
SELECT pg_catalog.pg_extension_config_dump('converge.unfolded', '');
SELECT pg_catalog.pg_extension_config_dump('converge.temporary_key', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine_id_seq', '');

COMMENT ON TABLE converge.node IS 'this server''s identity as a writer';
COMMENT ON TABLE converge.collection IS 'the tracked tables';
COMMENT ON TABLE converge.field IS 'the fields of tracked tables and their columns';
COMMENT ON TABLE converge.document IS 'the rows of tracked tables, each a document';
COMMENT ON TABLE converge.change IS 'the log: every edit of every document';
COMMENT ON TABLE converge.replica IS 'the writers of each document';
COMMENT ON TABLE converge.unfolded IS 'logged changes that are not in the documents'' rows yet';
COMMENT ON TABLE converge.temporary_key IS 'clients'' own names of documents whose keys the server made';
COMMENT ON TABLE converge.quarantine IS 'logged changes that could not be folded into the documents'' rows';
COMMENT ON TABLE converge.snapshot IS 'what compaction has dropped from each document''s log, as a state';
COMMENT ON TABLE converge.kept_state IS 'documents as of moments that compaction leaves alone';
