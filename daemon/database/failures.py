"""Which failures pass by themselves, which need a person, and which are the data's fault."""

from enum import Enum, auto

import psycopg


class Effect(Enum):
    """What a failed transaction is worth."""

    TRANSIENT = auto()  # the same work may succeed in a moment: connection lost, deadlock, lock timeout, cancelled
    ENVIRONMENT = auto()  # no work can succeed until something changes: disk full, no right, no such table
    DATA = auto()  # this work fails, other work may not


# Error classes (two characters) and states of PostgreSQL, appendix A of its manual.
_TRANSIENT = ("08", "40", "55P03", "57", "53300", "25P03", "25P04")
# Not here, so the data's fault until it shows otherwise: damage (58, XX), which may be one row's, and a limit of size.
_ENVIRONMENT = ("53", "28", "3D", "3F", "42", "25006", "F0")
_TOO_LARGE = "53400"


def effect_of(error: BaseException) -> Effect:
    """Classify a failure by its SQLSTATE; a lost connection has none. Anything not known is the data's fault."""
    if not isinstance(error, psycopg.Error):
        return Effect.DATA
    state = error.sqlstate
    if state is None:
        return Effect.TRANSIENT if isinstance(error, psycopg.OperationalError) else Effect.DATA
    if state.startswith(_TRANSIENT):
        return Effect.TRANSIENT
    if state.startswith(_ENVIRONMENT) and state != _TOO_LARGE:
        return Effect.ENVIRONMENT
    return Effect.DATA


def is_out_of_time(error: BaseException) -> bool:
    """Whether the server gave up: the client was silent inside a transaction for too long, or a statement lasted."""
    return isinstance(error, psycopg.errors.IdleInTransactionSessionTimeout | psycopg.errors.QueryCanceled)


def summary(error: BaseException) -> str:
    """One line that says what went wrong without quoting rows: Postgres' DETAIL holds values, its message does not."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return (str(error) or type(error).__name__).splitlines()[0][:300]


def storable(text: str) -> str:
    """What Postgres can hold: no NUL and no half of a surrogate pair, as an exception's message may have."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
