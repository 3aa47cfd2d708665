"""What a kind of work adds to the page people look at; it knows nothing of the server that shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from psycopg import Connection

Query = Mapping[str, str]  # what an address asks for after its question mark; from anybody, so anything


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: a template of the kind's own, and what it shows. Its texts are escaped by the template."""

    template: str
    shown: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page beside those of the batches, such as one of models."""

    title: str
    view: Callable[[Connection, Query], Section]


@dataclass(frozen=True, slots=True)
class Pages:
    """`batch` is shown beneath each batch of the kind. An act is done in a transaction that says who acts; it returns
    the batch that it was about, or None where there was nothing to do."""

    package: str  # with the folder templates/
    batch: Callable[[Connection, int, Query], Section]
    own: Mapping[str, OwnPage] = field(default_factory=dict)  # by their name in the address
    acts: Mapping[str, Callable[[Connection, int], int | None]] = field(default_factory=dict)
