"""How this process meets the database: its name, its sessions, the schema it insists on."""

import os
import re
import secrets
import socket

import psycopg
from psycopg import Connection

from daemon import __version__
from daemon.database.pool import LONGEST_NAME, Session
from daemon.database.schema import SchemaState
from daemon.errors import ConfigurationError, SchemaMismatch
from daemon.settings import Settings

PREFIX, LISTENER = "catalogd ", " listener"  # around an instance's name, in those of its sessions
WRITTEN = "“”…"  # in evidence, beside the letters of the shop's language


def session_of(settings: Settings, instance: str = "") -> Session:
    """How this process connects; `instance` is seen in pg_stat_activity."""

    def conninfo() -> str:
        try:
            return settings.conninfo
        except ConfigurationError as error:  # a password file that is just being replaced: it may be there in a moment
            raise psycopg.OperationalError(str(error)) from None

    return Session(
        conninfo=conninfo,
        application_name=f"{PREFIX}{instance}".strip(),
        idle_in_transaction=settings.frozen,
        require=require_encoding,
    )


def name_instance() -> str:
    """Fresh for each start: a restarted process must never take an earlier one's claims for its own. Host, pid and
    version are for people, who see it in pg_stat_activity and `catalogd status`. By its sessions others see that it
    lives: of a long host's name the end goes, that the server need not cut what tells instances apart."""
    own = f":{os.getpid()}:{secrets.token_hex(3)}:{__version__}"
    host = re.sub(r"[^\w.-]", "-", socket.gethostname(), flags=re.ASCII)
    return host[: LONGEST_NAME - len(PREFIX) - len(LISTENER) - len(own)] + own


def require_encoding(conn: Connection) -> None:
    """Raises ConfigurationError for a database that has no signs for what catalogd writes, or, as SQL_ASCII, does not
    know what its bytes mean: to the driver they are no text then. From and into any other the server converts."""
    encoding = conn.info.parameter_status("server_encoding")
    if encoding == "UTF8" or (encoding != "SQL_ASCII" and _can_hold(conn, WRITTEN)):
        return
    raise ConfigurationError(
        f"database {conn.info.dbname} has the encoding {encoding}, which cannot hold what catalogd writes; make a new"
        " one, CREATE DATABASE shop_utf8 ENCODING 'UTF8' TEMPLATE template0, and restore a dump of the old one into it"
    )


def _can_hold(conn: Connection, signs: str) -> bool:
    try:
        conn.execute("SELECT %s::text", (signs,))
    except psycopg.errors.UntranslatableCharacter:
        return False
    return True


def require_current_schema(state: SchemaState) -> None:
    """Raises SchemaMismatch with the command that helps."""
    if state.unknown:
        raise SchemaMismatch(
            f"the database's schema is newer than this catalogd {__version__} (it has {state.unknown[-1]}):"
            " install the catalogd that migrated it, then run: catalogd run"
        )
    if state.edited:
        raise SchemaMismatch(f"the schema was edited since it was migrated ({state.edited[0]}): run: catalogd migrate")
    if state.missing:
        raise SchemaMismatch(f"the schema is not up to date ({state.missing[0]} is missing): run: catalogd migrate")


def require_bell(state: SchemaState, settings: Settings) -> None:
    """Raises SchemaMismatch where the daemon would wait for a bell that never rings."""
    if settings.rings and not state.rings:
        raise SchemaMismatch(
            "inserting a batch rings no bell in this database (it was migrated with CATALOGD_NOTIFY=off):"
            " set CATALOGD_NOTIFY=off here too, or run: catalogd migrate"
        )
