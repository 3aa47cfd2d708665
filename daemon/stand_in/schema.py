"""Makes the stand-in shop's tables."""

from psycopg import Connection

from daemon.database.statements import statement


def create_stand_in(conn: Connection) -> None:
    """Create the shop's tables that do not exist yet, in one transaction; safe to run several times at once."""
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(hashtext('catalogd stand-in'))")
        for text in statement("daemon.stand_in", "schema").split(b";"):
            if text.strip():
                conn.execute(text)
