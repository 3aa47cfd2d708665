"""Turns what the database refuses into an answer that people understand."""

from typing import NamedTuple

import psycopg
from psycopg_pool import PoolTimeout

from daemon.database.failures import Effect, effect_of, summary


class Trouble(NamedTuple):
    """The answer's status and a sentence; `is_expected` where nobody need look into the log."""

    status: int
    sentence: str
    is_expected: bool = True


def explain(error: Exception) -> Trouble:
    """What there is to say of an error of the database's."""
    match error:
        case psycopg.errors.InsufficientPrivilege():
            return Trouble(
                403,
                f"The database role of this page may not do that ({summary(error)})."
                " Which role may do what stands in docs/web.md.",
            )
        case psycopg.errors.QueryCanceled():
            return Trouble(
                503, "The database took longer than a page may take. Narrow down what you look for, or try again."
            )
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn():
            return Trouble(503, f"The schema is not the one expected ({summary(error)}): run catalogd migrate.")
        case PoolTimeout():
            return Trouble(
                503, "The database cannot be reached at the moment, or is busy. This page tries again when you do."
            )
        case psycopg.Error() if effect_of(error) is Effect.TRANSIENT:
            return Trouble(503, f"The database is busy or cannot be reached: {summary(error)}. Try again.")
        case _:
            return Trouble(500, "Something unexpected happened; the log says what (event web.failed).", False)
