"""What principals may do, decided the naive way: a state that random edits change, in
the database and here, and the answers that should follow from it.

Three collections: `plain` has the standard policies, `mixed` those and some of its
own, `team` only its own, which join another table. Every method of State is a
question; Edits makes the edits."""
import random

TENANTS = ("acme", "globex")
PRINCIPALS = ("ann", "bob", "cy", "dee", "role:editors")  # the last is no role by that name
ROLES = ("editors", "readers")
COLLECTIONS = ("plain", "mixed", "team")
KEYS = ("a", "b", "c")
LEVELS = ("none", "read", "write", "admin")
NONE, READ, WRITE, ADMIN = range(4)

TABLES = """
CREATE TABLE plain (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', state text NOT NULL DEFAULT 'open', PRIMARY KEY (tenant, id));
CREATE TABLE mixed (LIKE plain INCLUDING ALL, owner text NOT NULL DEFAULT '');
CREATE TABLE team (LIKE plain INCLUDING ALL, team text NOT NULL DEFAULT '');
CREATE TABLE team_member (tenant text, team text, person text, may_write boolean, PRIMARY KEY (tenant, team, person));
SELECT converge.track(t, 'tenant') FROM unnest('{plain,mixed,team}'::regclass[]) t;
SELECT converge.isolate('plain');
SELECT converge.isolate('mixed');
CREATE POLICY own ON mixed FOR SELECT USING (tenant = converge.current_tenant() AND owner = converge.current_principal());
CREATE POLICY frozen ON mixed AS RESTRICTIVE FOR UPDATE USING (state <> 'frozen' OR converge.can('mixed', id, 'admin'));
CREATE POLICY hidden ON mixed AS RESTRICTIVE FOR SELECT USING (state <> 'hidden' OR converge.can('mixed', id, 'admin'));
ALTER TABLE team ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON team FOR SELECT USING (tenant = converge.current_tenant() AND EXISTS (
    SELECT FROM team_member m WHERE (m.tenant, m.team, m.person) = (team.tenant, team.team, converge.current_principal())));
CREATE POLICY edited ON team FOR UPDATE USING (tenant = converge.current_tenant() AND EXISTS (
    SELECT FROM team_member m WHERE (m.tenant, m.team, m.person) = (team.tenant, team.team, converge.current_principal()) AND m.may_write));
SELECT converge.recheck_on('team', 'team_member');
GRANT SELECT, INSERT, UPDATE ON plain, mixed, team TO converge_client;
GRANT SELECT ON team_member TO converge_client;
"""


class State:
    def __init__(self):
        self.grants = {}       # (tenant, grantee, collection or None, key or None): level
        self.members = set()   # (tenant, principal, role)
        self.rows = {(tenant, collection, key): {"state": "open", "owner": "", "team": ""}
                     for tenant in TENANTS for collection in COLLECTIONS for key in KEYS}
        self.people = {}       # of teams, (tenant, team, person): may write
        self.revoked = set()   # (tenant, principal), whose tokens have ended

    def copy(self):
        other = State()
        other.grants, other.members = dict(self.grants), set(self.members)
        other.rows = {name: dict(row) for name, row in self.rows.items()}
        other.people, other.revoked = dict(self.people), set(self.revoked)
        return other

    def level(self, token, collection=None, key=None):
        """By grants, and by what the token's claims leave of them."""
        grantees = [f"role:{role}" for role in ROLES if (token.tenant, token.principal, role) in self.members]
        grantees.append("role:everyone")
        if not token.principal.startswith("role:"):
            grantees.append(token.principal)
        scopes = {(None, None), (collection, None), (collection, key)}
        level = max(self.grants.get((token.tenant, grantee, *scope), NONE) for grantee in grantees for scope in scopes)
        return min(level, token.claimed(collection, key))

    def sees(self, token, collection, key):
        """In SQL, as its row-level security has it."""
        row = self.rows.get((token.tenant, collection, key))
        if row is None:
            return False
        level = self.level(token, collection, key)
        if collection == "plain":
            return level >= READ
        if collection == "mixed":
            return (level >= READ or row["owner"] == token.principal) and (row["state"] != "hidden" or level >= ADMIN)
        return (token.tenant, row["team"], token.principal) in self.people

    def updates(self, token, collection, key):
        row = self.rows[token.tenant, collection, key]
        level = self.level(token, collection, key)
        if not self.sees(token, collection, key):
            return False
        if collection == "plain":
            return level >= WRITE
        if collection == "mixed":
            return level >= WRITE and (row["state"] != "frozen" or level >= ADMIN)
        return self.people[token.tenant, row["team"], token.principal]

    def pulls(self, token, collection, key):
        return self.sees(token, collection, key) and token.claimed(collection, key) >= READ

    def pushes(self, token, collection, key):
        """The verdict on an edit."""
        if not self.pulls(token, collection, key):
            return "CODE_UNKNOWN_DOCUMENT"
        if token.claimed(collection, key) < WRITE or not self.updates(token, collection, key):
            return "CODE_DENIED"
        return "CODE_OK"

    def makes(self, token, collection, key):
        """The verdict on a change that makes a document."""
        if token.claimed(collection, key) == NONE:
            return "CODE_UNKNOWN_DOCUMENT"
        if collection == "team" or self.level(token, collection, key) < WRITE:
            return "CODE_DENIED"
        return "CODE_OK"


class Token:
    """A bearer of a token, which claims (a dictionary) may narrow."""

    def __init__(self, tenant, principal, claims, database):
        self.tenant, self.principal, self.claims = tenant, principal, claims
        more = {} if claims is None else {"permissions": {name: LEVELS[level] for name, level in claims.items()}}
        self.text = database.token(tenant, principal, **more)

    def claimed(self, collection, key):
        if self.claims is None:
            return ADMIN
        for name in (f"{collection}/{key}", collection, "*"):
            if name in self.claims:
                return self.claims[name]
        return NONE

    def __repr__(self):
        return f"{self.tenant}/{self.principal} {self.claims or ''}"


class Edits:
    """Random edits: each changes `state` and gives the SQL, with its values, that does
    the same in the database."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def scope(self):
        collection = self.random.choice((None, *COLLECTIONS))
        return collection, self.random.choice((None, *KEYS)) if collection else None

    def edit(self, state, revocations=True):
        kinds = [self.grant, self.grant, self.grant, self.take_grants, self.member, self.member, self.row, self.row,
                 self.person, self.person]
        return self.random.choice(kinds + [self.revocation] * revocations)(state)

    def grant(self, state):
        choice = self.random.choice
        tenant = choice(TENANTS)
        grantee = choice((*PRINCIPALS, "role:readers", "role:everyone"))
        scope = self.scope()
        level = choice((NONE, NONE, READ, READ, WRITE, ADMIN))
        state.grants.pop((tenant, grantee, *scope), None)
        if level > NONE:
            state.grants[tenant, grantee, *scope] = level
        return ("SELECT converge.set_permission(%s, %s, %s::converge.access_level, %s::regclass, %s)",
                tenant, grantee, LEVELS[level], *scope)

    def take_grants(self, state):
        """Without the function, several at once."""
        tenant, grantee = self.random.choice(TENANTS), self.random.choice((*PRINCIPALS, "role:everyone"))
        for name in [name for name in state.grants if name[:2] == (tenant, grantee)]:
            del state.grants[name]
        return "DELETE FROM converge.permission WHERE tenant = %s AND grantee = %s", tenant, grantee

    def member(self, state):
        tenant, principal, role = (self.random.choice(names) for names in (TENANTS, PRINCIPALS, ROLES))
        if self.random.random() < 0.5:
            state.members.add((tenant, principal, role))
            return "SELECT converge.add_member(%s, %s, %s)", tenant, principal, role
        state.members.discard((tenant, principal, role))
        return "SELECT converge.remove_member(%s, %s, %s)", tenant, principal, role

    def row(self, state):
        tenant, key = self.random.choice(TENANTS), self.random.choice(KEYS)
        collection, column, values = self.random.choice((
            ("mixed", "state", ("open", "frozen", "hidden")), ("mixed", "owner", ("", *PRINCIPALS)),
            ("team", "team", ("", "red", "blue"))))
        new = self.random.choice(values)
        state.rows[tenant, collection, key][column] = new
        return f"UPDATE {collection} SET {column} = %s WHERE tenant = %s AND id = %s", new, tenant, key

    def person(self, state):
        name = self.random.choice(TENANTS), self.random.choice(("red", "blue")), self.random.choice(PRINCIPALS)
        state.people.pop(name, None)
        if self.random.random() < 0.4:
            return "DELETE FROM team_member WHERE (tenant, team, person) = (%s, %s, %s)", *name
        state.people[name] = self.random.random() < 0.5
        return ("INSERT INTO team_member VALUES (%s, %s, %s, %s) ON CONFLICT (tenant, team, person) "
                "DO UPDATE SET may_write = EXCLUDED.may_write", *name, state.people[name])

    def revocation(self, state):
        """Of few at once, so that the others have something to say."""
        tenant, principal = self.random.choice(TENANTS), self.random.choice(PRINCIPALS)
        if state.revoked and self.random.random() < 0.7:
            tenant, principal = self.random.choice(sorted(state.revoked))
            state.revoked.discard((tenant, principal))
            return "DELETE FROM converge.revocation WHERE tenant = %s AND name = %s", tenant, principal
        state.revoked.add((tenant, principal))
        return "SELECT converge.revoke(%s, %s)", tenant, principal

    def claims(self):
        """None, mostly; else levels for some names."""
        if self.random.random() < 0.6:
            return None
        names = ("*", *COLLECTIONS, *(f"{collection}/{key}" for collection in COLLECTIONS for key in KEYS))
        return {name: self.random.randrange(4) for name in self.random.sample(names, self.random.randint(0, 4))}


def fill(run, session):
    """Makes the tables, and a row for each document."""
    run(session, TABLES)
    for collection in COLLECTIONS:
        run(session, f"INSERT INTO {collection} (tenant, id) SELECT t, k FROM unnest(%s) t, unnest(%s) k",
            list(TENANTS), list(KEYS))
