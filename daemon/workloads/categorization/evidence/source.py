"""What evidence is, and what a source of evidence must offer."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from daemon.workloads.categorization.evidence.reading import Reading

Token: TypeAlias = Any  # a piece of a product as its source cuts it, hashable: a word, or a key with its value


class Evidence(NamedTuple):
    """One reason for a category, as people read it. `weight` is in [0, 1], with three decimals."""

    source_type: str
    source_label: str
    value: str
    weight: float


class EvidenceSource(Protocol):
    """Reads one part of a product as features: short strings that products of one category share.

    In two steps, because products share most of their tokens: what follows from one is remembered. Number and length of
    both are bounded whatever the product holds, and nothing is raised. A change of the features makes learned models
    useless: raise `storage.FORMAT` with it.
    """

    @property
    def name(self) -> str:
        """Stable key, written as the evidence's `source_type`."""

    @property
    def label(self) -> str:
        """What people call the source."""

    @property
    def field(self) -> str:
        """The field of the product that it reads; several sources may read one."""

    @property
    def length(self) -> float:
        """How loud it is: the length of the vector of its features in a product, 1 for most."""

    def tokens(self, reading: Reading) -> Iterable[Token]:
        """What the source reads, in a fixed order. Empty when there is nothing to read."""

    def features(self, token: Token) -> Sequence[str]:
        """What a token says, in a fixed order; what several tokens of a product say counts once."""

    @property
    def tokens_recur(self) -> bool:
        """Whether products share tokens, so that what one says is worth remembering."""

    @property
    def names_manufacturer(self) -> bool:
        """Whether `describe` looks at the manufacturer."""

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """The feature in words, for a product of this manufacturer."""
