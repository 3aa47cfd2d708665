"""Turns expected failures of the database into one sentence."""

import psycopg
from psycopg_pool import PoolTimeout

from daemon.database.failures import Effect, effect_of, summary


def explain_trouble(error: Exception, role: str | None = None) -> str | None:
    """A sentence with the remedy, or None for what nobody expected: that deserves its traceback. `role` is the one that
    `catalogd grants` makes for the command: others lack its rights by design."""
    if isinstance(error, PoolTimeout | TimeoutError):
        return str(error)
    if not isinstance(error, psycopg.Error):
        return None
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return f"the schema is not the one expected ({summary(error)}); run: catalogd migrate"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        if role is not None:
            return (
                f"this role may not do that ({summary(error)}): it is for {role}, or for a role with the same rights;"
                " if it should have them, run what catalogd grants prints"
            )
        return f"this role may not do that ({summary(error)}); after a migration, run what catalogd grants prints"
    if error.sqlstate and effect_of(error) is Effect.TRANSIENT:  # it was reached, and others were in the way
        return f"the database is busy: {summary(error)}; try again"
    if isinstance(error, psycopg.OperationalError):
        return f"the database cannot be reached: {summary(error)}; check {_what_to_check(error)}"
    return f"the database refused: {summary(error)}"


def explain(error: Exception) -> str:
    """A sentence whatever it is, for those who go on all the same."""
    return explain_trouble(error) or summary(error)


def _what_to_check(error: psycopg.OperationalError) -> str:
    reason, attempt = summary(error), error.pgconn
    if "remaining connection slots" in reason or "too many clients" in reason:
        return "max_connections of the server, and who holds its connections"
    if "connection refused" in reason.lower() or "No such file or directory" in reason:
        return "that the server runs there (systemctl status postgresql), then DATABASE_URL or DB_HOST, DB_PORT"
    if "SSL" in reason or "certificate" in reason:
        return "sslmode and sslrootcert in DATABASE_URL, or PGSSLMODE and PGSSLROOTCERT"
    if attempt is not None and (attempt.used_password or attempt.needs_password):
        return "DB_USER, and DB_PASSWORD_FILE or DB_PASSWORD"
    return "DATABASE_URL or DB_HOST, DB_PORT, DB_NAME"
