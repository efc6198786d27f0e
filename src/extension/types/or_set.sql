-- or_set: a set of texts where an add wins over a concurrent remove.
COMMENT ON TYPE converge.or_set IS 'CRDT: set of texts, an add wins over a concurrent remove';

CREATE FUNCTION converge.new_set(elements text[]) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_set(text[]) IS 'a new set with these elements';
