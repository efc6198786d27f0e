"""All that the system catalogs hold of an extension, comparable between databases:
the rows of its objects and of what belongs to them, with names in place of OIDs."""
import collections

# Catalogs whose rows have an OID of their own.
OBJECTS = [
    "pg_extension", "pg_namespace", "pg_type", "pg_proc", "pg_operator", "pg_opfamily",
    "pg_opclass", "pg_amop", "pg_amproc", "pg_cast", "pg_class", "pg_attrdef", "pg_constraint",
    "pg_trigger", "pg_event_trigger", "pg_policy", "pg_rewrite", "pg_statistic_ext",
]
# And those whose rows are parts of an object of another: the catalog, its column.
PARTS = {
    "pg_attribute": ("pg_class", "attrelid"),
    "pg_index": ("pg_class", "indexrelid"),
    "pg_sequence": ("pg_class", "seqrelid"),
    "pg_aggregate": ("pg_proc", "aggfnoid"),
    "pg_enum": ("pg_type", "enumtypid"),
}
# Expressions are stored with OIDs inside: their source instead.
DEFINITIONS = {
    "pg_proc": {"proargdefaults": "pg_get_function_arguments(oid)",
                "prosqlbody": "pg_get_function_sqlbody(oid)"},
    "pg_type": {"typdefaultbin": "pg_get_expr(typdefaultbin, 0)"},
    "pg_attrdef": {"adbin": "pg_get_expr(adbin, adrelid)"},
    "pg_constraint": {"conbin": "pg_get_constraintdef(oid)"},
    "pg_trigger": {"tgqual": "pg_get_triggerdef(oid)"},
    "pg_policy": {"polqual": "pg_get_expr(polqual, polrelid)",
                  "polwithcheck": "pg_get_expr(polwithcheck, polrelid)"},
    "pg_rewrite": {"ev_action": "pg_get_ruledef(oid)"},
    "pg_index": {"indexprs": "pg_get_indexdef(indexrelid)"},
    "pg_sequence": {"last_value": "NULL"},
}
# What tells how an object came to be, or what was done with it, but not what it is.
# Column numbers count dropped columns; the definitions above name the columns.
IGNORED = {
    "oid", "relfilenode", "relpages", "reltuples", "relallvisible", "reltoastrelid", "relfrozenxid",
    "relminmxid", "reltype", "relrewrite", "relnatts", "relhasindex", "relhastriggers",
    "relhasrules", "attnum", "attcacheoff", "atthasmissing", "attmissingval", "attisdropped",
    "conkey", "confkey", "adnum", "tgattr", "indkey", "indpred", "ev_qual", "stxkeys",
    "stxexprs", "enumsortorder",
}
UNORDERED = {"proacl", "relacl", "typacl", "nspacl", "attacl", "reloptions", "proconfig"}


class Catalog:
    """`entries`: what an object is called, as {column: value}."""

    def __init__(self, session, extension):
        self.session = session
        self.read_references()
        self.read_members(extension)
        found = []
        for catalog in OBJECTS:
            found += self.rows(catalog, catalog, "oid")
        for catalog, (whole, column) in PARTS.items():
            found += self.rows(catalog, whole, column)
        self.read_names(found)
        self.entries = {}
        for catalog, whole, oid, row in found:
            self.add(catalog, whole, oid, row)
        self.add_comments()
        self.add_initial_privileges()
        self.add_roles()

    def read_references(self):
        """Which columns hold OIDs: {catalog: {column: (what they refer to, whether many)}}."""
        self.references = collections.defaultdict(dict)
        for catalog, columns, target, many in self.session.run(
                "SELECT fktable::text, fkcols, pktable::text, is_array "
                "FROM pg_get_catalog_foreign_keys()"):
            if len(columns) == 1:
                self.references[catalog][columns[0]] = target, many

    def read_members(self, extension):
        """The extension, its objects, and what PostgreSQL drops with those."""
        self.members = collections.defaultdict(list)
        for catalog, oid in self.session.run("""
                WITH RECURSIVE member (classid, objid) AS (
                    SELECT 'pg_extension'::regclass::oid, oid FROM pg_extension WHERE extname = %s
                    UNION
                    SELECT d.classid, d.objid FROM member m
                      JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid
                     WHERE d.deptype IN ('e', 'i', 'a'))
                SELECT classid::regclass::text, objid FROM member
                 CROSS JOIN pg_identify_object(classid, objid, 0) i
                 WHERE i.schema IS DISTINCT FROM 'pg_toast'
                   AND NOT EXISTS (SELECT FROM pg_trigger t
                       WHERE classid = 'pg_trigger'::regclass AND t.oid = objid AND t.tgisinternal)
                """, extension):
            assert catalog in OBJECTS, f"objects in {catalog} are not compared"
            self.members[catalog].append(oid)

    def rows(self, catalog, whole, key):
        """The catalog's rows of members: (catalog, the whole's catalog and OID, the row)."""
        values = []
        for name, in self.session.run(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "ORDER BY attnum", catalog):
            expression = name
            if name in IGNORED:
                continue
            if name in DEFINITIONS.get(catalog, {}):
                expression = DEFINITIONS[catalog][name]
            elif name in self.references[catalog]:
                expression = name + ("::oid[]" if self.references[catalog][name][1] else "::oid")
            elif name in UNORDERED:
                expression = f"(SELECT array_agg(x ORDER BY x COLLATE \"C\") FROM unnest({name}::text[]) x)"
            elif name == "attoptions":  # since 15.19 with a version that is the table's own
                expression = ("(SELECT array_agg(x ORDER BY x COLLATE \"C\") FROM unnest(attoptions) x "
                              "WHERE x NOT LIKE 'pg_attver=%%')")
            values.append(f"'{name}', {expression}")
        condition = ""
        if catalog == "pg_attribute":
            values.append("'place', rank() OVER (PARTITION BY attrelid ORDER BY attnum)")
            condition = "AND attnum > 0 AND NOT attisdropped"
        return [(catalog, whole, oid, row) for oid, row in self.session.run(
            f"SELECT {key}::oid, jsonb_build_object({', '.join(values)}) FROM {catalog} "
            f"WHERE {key}::oid = ANY(%s::oid[]) {condition}", self.members[whole])]

    def read_names(self, found):
        """What the objects are called that the rows are of or refer to."""
        objects = {(whole, oid) for _, whole, oid, _ in found}
        for catalog, _, _, row in found:
            for name, (target, many) in self.references[catalog].items():
                for oid in (row.get(name) or []) if many else [row.get(name)]:
                    if oid and int(oid):
                        objects.add((target, int(oid)))
        catalogs, oids = zip(*objects)
        self.names = {(catalog, oid): name for catalog, oid, name in self.session.run(
            "SELECT catalog, oid, (pg_identify_object(catalog::regclass, oid, 0)).identity "
            "FROM unnest(%s::text[], %s::oid[]) object (catalog, oid)", list(catalogs), list(oids))}

    def add(self, catalog, whole, oid, row):
        for name, (target, many) in self.references[catalog].items():
            if row.get(name) is not None:
                values = [self.names.get((target, int(value)), "none")
                          for value in (row[name] if many else [row[name]])]
                row[name] = values if many else values[0]
        if catalog == "pg_extension":  # two arrays that belong together, in the order of the calls
            pairs = sorted(zip(row.pop("extconfig") or [], row.pop("extcondition") or []))
            row["configuration"] = pairs
        name = self.names[whole, oid]
        if catalog == "pg_attribute":
            name = f"{name}.{row['attname']}"
        if catalog == "pg_enum":
            name = f"{name}.{row['enumlabel']}"
        key = f"{catalog} {name}"
        assert key not in self.entries, f"two entries are called {key}"
        self.entries[key] = row

    def add_comments(self):
        for catalog, oids in self.members.items():
            for name, comment in self.session.run(
                    "SELECT i.identity, description FROM pg_description, "
                    "pg_identify_object(classoid, objoid, objsubid) i "
                    "WHERE classoid = %s::regclass AND objoid = ANY(%s::oid[])", catalog, oids):
                self.entries[f"comment {catalog} {name}"] = {"comment": comment}

    def add_initial_privileges(self):
        """What pg_dump takes for the extension's own grants."""
        for catalog, oids in self.members.items():
            for name, privileges in self.session.run(
                    "SELECT i.identity, initprivs::text[] FROM pg_init_privs, "
                    "pg_identify_object(classoid, objoid, objsubid) i "
                    "WHERE classoid = %s::regclass AND objoid = ANY(%s::oid[])", catalog, oids):
                self.entries[f"initial privileges {catalog} {name}"] = {"granted": sorted(privileges)}

    def add_roles(self):
        """The extension's roles, which belong to the whole cluster."""
        for name, row in self.session.run(
                "SELECT rolname, to_jsonb(r) - 'oid' || jsonb_build_object('memberof', ARRAY("
                "  SELECT roleid::regrole::text FROM pg_auth_members m WHERE member = r.oid ORDER BY 1)) "
                "FROM pg_roles r WHERE rolname LIKE 'converge%%'"):
            self.entries[f"role {name}"] = row


def differences(old, new):
    """What keeps `old` from being `new`, a line each."""
    lines = []
    for name in sorted(old.entries.keys() | new.entries.keys()):
        if name not in old.entries:
            lines.append(f"only in a fresh install: {name}")
        elif name not in new.entries:
            lines.append(f"only after the upgrade: {name}")
        else:
            was, wanted = old.entries[name], new.entries[name]
            lines += [f"{name}: {column} is {was.get(column)!r} after the upgrade, "
                      f"{wanted.get(column)!r} in a fresh install"
                      for column in sorted(was.keys() | wanted.keys())
                      if was.get(column) != wanted.get(column)]
    return lines
