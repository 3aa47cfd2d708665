"""What commands know of a kind of work without doing it: its tables, and what it says of a batch of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Connection

from daemon.engine.workload import BatchTable


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a batch beside what every batch has."""

    cells: Mapping[str, str] = field(default_factory=dict)  # texts for people, by the heading of their column
    facts: Mapping[str, object] = field(default_factory=dict)  # for `--json`
    remark: str = ""  # a sentence for people
    is_warning: bool = False  # the remark is for whoever did not ask


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work. Its module imports nothing heavy, nor what an extra brings."""

    name: str
    table: BatchTable
    look: Callable[[Connection, Sequence[int]], Mapping[int, Sight]]  # at each of these batches
    details: Sequence[str] = ()  # what an item error tells beside item, code and message, by its key in `details`
    item: str = ""  # what an item is, where its number alone would not tell

    def call_item(self, item: str) -> str:
        """An item in error, for people."""
        return f"{self.item} {item}".strip()
