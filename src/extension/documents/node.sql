-- VOLATILE: the first call after a restore or promotion begins the new epoch.
CREATE FUNCTION converge.epoch() RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_epoch'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.epoch() IS
    'the server''s epoch, which changes when the server is restored from a backup or promoted';
