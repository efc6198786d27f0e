-- Every function, operator and type of the extension says what it is.
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
  FROM pg_depend d LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
 WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'converge')
   AND d.classid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
   AND (t.oid IS NULL OR (t.typtype = 'b' AND t.typelem = 0))
   AND obj_description(d.objid, d.classid::regclass::name) IS NULL
 ORDER BY pg_describe_object(d.classid, d.objid, 0) COLLATE "C";
