"""Which failures pass by themselves, which need a person, and which are the data's fault."""

from enum import Enum, auto

import psycopg
from psycopg_pool import PoolTimeout


class Effect(Enum):
    """What a failed transaction is worth."""

    TRANSIENT = auto()  # the same work may succeed in a moment: connection lost, deadlock, lock timeout, cancelled
    ENVIRONMENT = auto()  # no work can succeed until something changes: disk full, no right, no such table
    DATA = auto()  # this work fails, other work may not


# Error classes (two characters) and states of PostgreSQL, appendix A of its manual.
_TRANSIENT = ("08", "40", "55P03", "57", "53300", "25P03", "25P04")
_ENVIRONMENT = ("53", "58", "28", "3D", "3F", "42", "25006", "XX", "F0")


def effect_of(error: BaseException) -> Effect:
    """Classify a failure by its SQLSTATE; a lost connection has none. Anything not known is the data's fault."""
    if isinstance(error, PoolTimeout):
        return Effect.TRANSIENT
    if not isinstance(error, psycopg.Error):
        return Effect.DATA
    state = error.sqlstate
    if state is None:
        return Effect.TRANSIENT if isinstance(error, psycopg.OperationalError) else Effect.DATA
    if state.startswith(_TRANSIENT):
        return Effect.TRANSIENT
    if state.startswith(_ENVIRONMENT):
        return Effect.ENVIRONMENT
    return Effect.DATA


def summary(error: BaseException) -> str:
    """One line that says what went wrong without quoting rows: Postgres' DETAIL holds values, its message does not."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return (str(error) or type(error).__name__).splitlines()[0][:300]
