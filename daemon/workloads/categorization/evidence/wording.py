"""Puts what a source saw into the words that people read."""

from array import array
from collections.abc import Sequence

from daemon.workloads.categorization.evidence.reading import MAKER_LENGTH
from daemon.workloads.categorization.evidence.source import EvidenceSource

VALUE_LENGTH = 200  # characters of an evidence value
REMEMBERED = 4096  # values of each source

Spoken = tuple[bytes, str | None]  # columns (int32), strongest first; the manufacturer, where the source names it


class Wording(dict[Spoken, str]):
    """The evidence values of one source.

    At most REMEMBERED are kept, and then none of them. Threads may share a wording.
    """

    __slots__ = ("_names", "_source")

    def __init__(self, source: EvidenceSource, names: Sequence[str]) -> None:
        """`names` are the features by column."""
        self._source = source
        self._names = names

    def __missing__(self, spoken: Spoken) -> str:
        columns, manufacturer = spoken
        value = put_into_words(self._source, [self._names[column] for column in array("i", columns)], manufacturer)
        if manufacturer is None or len(manufacturer) <= MAKER_LENGTH:
            if len(self) >= REMEMBERED:
                self.clear()
            self[spoken] = value
        return value


def put_into_words(source: EvidenceSource, features: Sequence[str], manufacturer: str | None) -> str:
    """The features in words, in their order; printable and cut to VALUE_LENGTH."""
    return printable("; ".join([source.describe(feature, manufacturer) for feature in features]))


def printable(value: str) -> str:
    """Cut to VALUE_LENGTH, with a space for each sign that cannot be printed."""
    value = value[:VALUE_LENGTH]
    return value if value.isprintable() else "".join(sign if sign.isprintable() else " " for sign in value)
