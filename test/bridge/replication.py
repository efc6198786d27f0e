"""A bridge that reads the replication protocol."""
from database import run


def replicating(database, user="bridge_replication"):
    """The options for --source replication, under a role that may."""
    run(database.session, f"""
        DO $$ BEGIN
            CREATE ROLE {user} LOGIN REPLICATION IN ROLE converge_client;
        EXCEPTION WHEN duplicate_object THEN NULL;
        END $$""")
    return "--source", "replication", "--database", database.conninfo(user)
