-- lww_set: a set of texts where the last add or remove of an element wins.
COMMENT ON TYPE converge.lww_set IS 'CRDT: set of texts, the last add or remove of an element wins';

CREATE FUNCTION converge.new_lww_set(elements text[]) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_lww_set(text[]) IS 'a new set with these elements';
