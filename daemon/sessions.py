"""How this process meets the database: its name, its sessions, the schema it insists on."""

import os
import secrets
import socket

from daemon import __version__
from daemon.database.pool import Session
from daemon.database.schema import SchemaState
from daemon.errors import SchemaMismatch
from daemon.settings import Settings


def session_of(settings: Settings, instance: str = "") -> Session:
    """How this process connects; `instance` is seen in pg_stat_activity."""
    return Session(
        conninfo=settings.conninfo,
        application_name=f"catalogd {instance}".strip(),
        idle_in_transaction=settings.frozen,
    )


def name_instance() -> str:
    """Fresh for each start: a restarted process must never take an earlier one's claims for its own."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


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
