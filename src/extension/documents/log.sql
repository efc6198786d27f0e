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
    deferred name[] NOT NULL DEFAULT '{}'
) WITH (user_catalog_table = true);

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
    PRIMARY KEY (tenant, document, replica)
);

-- A dump holds them: what was acknowledged is part of the data.
SELECT pg_catalog.pg_extension_config_dump('converge.node', '');
SELECT pg_catalog.pg_extension_config_dump('converge.collection', '');
SELECT pg_catalog.pg_extension_config_dump('converge.collection_collection_seq', '');
SELECT pg_catalog.pg_extension_config_dump('converge.document', '');
SELECT pg_catalog.pg_extension_config_dump('converge.document_document_seq', '');
SELECT pg_catalog.pg_extension_config_dump('converge.change', '');
SELECT pg_catalog.pg_extension_config_dump('converge.replica', '');

COMMENT ON TABLE converge.node IS 'this server''s identity as a writer';
COMMENT ON TABLE converge.collection IS 'the tracked tables';
COMMENT ON TABLE converge.document IS 'the rows of tracked tables, each a document';
COMMENT ON TABLE converge.change IS 'the log: every edit of every document';
COMMENT ON TABLE converge.replica IS 'the writers of each document';
