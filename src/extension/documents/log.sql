-- The log and the tables around it. Every key starts with the tenant.
-- Written only by append_change() and the owner functions for compaction.

-- This node's identity as a writer. One row.
CREATE TABLE converge.node (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    replica bigint NOT NULL,            -- under which SQL edits are logged
    epoch bigint NOT NULL,              -- changes when the server was restored or promoted
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL
);

-- The tracked tables. user_catalog_table: the output plugin reads it while decoding.
CREATE TABLE converge.collection (
    collection integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,          -- on the wire: the table's name, with its schema unless that is public
    relation regclass NOT NULL UNIQUE,
    tenant_column name NOT NULL,
    key_columns name[] NOT NULL,        -- the primary key without the tenant column
    deferred name[] NOT NULL DEFAULT '{}'
) WITH (user_catalog_table = true);

-- The documents: rows of tracked tables. Rows never change. user_catalog_table
-- as above.
CREATE TABLE converge.document (
    tenant text NOT NULL,
    document bigint GENERATED ALWAYS AS IDENTITY,
    collection integer NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (tenant, document),
    UNIQUE (tenant, collection, key)
) WITH (user_catalog_table = true);

-- The log.
CREATE TABLE converge.change (
    tenant text NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    seq bigint NOT NULL,
    hlc bigint NOT NULL,
    principal text NOT NULL,
    xid xid8 NOT NULL,
    epoch bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    payload bytea,                      -- wire.Payload; NULL: this number was refused
    hash bytea NOT NULL,                -- first 16 bytes of SHA-256 over hlc (8 bytes, big endian) and payload
    PRIMARY KEY (tenant, document, replica, seq)
);

-- What is known of a replica on a document beyond what the log's key answers.
CREATE TABLE converge.replica (
    tenant text NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    principal text NOT NULL,            -- whose it is
    last_seq bigint NOT NULL DEFAULT 0, -- as of the last compaction
    last_hash bytea,
    refused_from bigint,                -- this number and all above it are refused
    PRIMARY KEY (tenant, document, replica)
);
