"""A request as views see it, and what they answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from psycopg import Connection

from daemon.web.door import Person

LONGEST_NUMBER = 18  # digits; a bigint has room for them


@dataclass(frozen=True, slots=True)
class Visit:
    """What is asked, and by whom; all of it may be anything."""

    path: Mapping[str, str]  # the parts of the address that the route names
    query: Mapping[str, str]
    person: Person | None = None
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A template, and what fills it in."""

    template: str
    values: Mapping[str, object]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """See there instead."""

    location: str


class NotThere(Exception):
    """There is no such page; the message is a sentence for people."""


class NotDone(Exception):
    """An order could not be carried out; the message is a sentence for people."""


View = Callable[[Connection, Visit], Shown | Moved]


def number(text: str | None) -> int | None:
    """A whole number that the database can hold; None for anything else."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if is_number and text is not None else None


def words(text: str | None, longest: int = 100) -> str | None:
    """What was typed in, or None; without what Postgres cannot hold."""
    typed = (text or "").replace("\0", "").strip()[:longest].encode(errors="replace").decode()
    return typed or None
