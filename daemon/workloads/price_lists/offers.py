"""The lines of a slice with what is known of them, and what is to be said of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from daemon.engine.workload import Item
from daemon.workloads.price_lists.line import Line


class MatchStatus(StrEnum):
    """What a supplier's item is to the catalogue; mirrored by the constraint match_status_known."""

    LINKED = "linked"  # surely this product
    CONFIRMED = "confirmed"  # a person said so
    REVIEW = "review"  # a person is asked
    DRAFT = "draft"  # no product of the catalogue


class Key(NamedTuple):
    """By what a supplier's item is known."""

    supplier_id: int
    item_key: str


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line as it stands among the lines read; with an error, or with a name."""

    import_id: int
    number: int
    item_key: str | None
    sku: str | None
    name: str | None
    manufacturer: str | None
    part_number: str | None
    barcode: str | None
    price: Decimal | None
    currency: str | None
    stock: Decimal | None
    is_available: bool | None
    characteristics: Mapping[str, str] | None
    error: Mapping[str, Any] | None

    @property
    def item(self) -> Item:
        return Item(self.import_id, self.number)

    @property
    def identity(self) -> tuple[object, ...]:
        """What says which thing it is: while that is the same, its match is."""
        return self.name, self.manufacturer, self.part_number, self.barcode, dict(self.characteristics or {})

    @property
    def line(self) -> Line:
        return Line(
            number=self.number,
            name=self.name or "",
            sku=self.sku,
            manufacturer=self.manufacturer,
            part_number=self.part_number,
            barcode=self.barcode,
            price=self.price,
            currency=self.currency,
            stock=self.stock,
            is_available=self.is_available,
            characteristics=self.characteristics or {},
        )


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What was offered before, and what it was matched with."""

    id: int
    supplier_id: int
    item_key: str
    product_id: int | None
    draft_id: int | None
    match_status: str
    match_score: Decimal
    match_reasons: Sequence[Any]
    name: str
    manufacturer: str | None
    part_number: str | None
    barcode: str | None
    characteristics: Mapping[str, str]
    refused: Sequence[int]  # products that people said it is not

    @property
    def key(self) -> Key:
        return Key(self.supplier_id, self.item_key)

    @property
    def identity(self) -> tuple[object, ...]:
        return self.name, self.manufacturer, self.part_number, self.barcode, dict(self.characteristics)

    def is_settled_for(self, line: ReadLine) -> bool:
        """Whether the line need not be matched again: a person decided, or it is linked and says what it said."""
        if self.product_id is None:
            return False
        return self.match_status == MatchStatus.CONFIRMED or (
            self.match_status == MatchStatus.LINKED and self.identity == line.identity
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a line's item is from now on. `candidates` are for the people who are asked."""

    line: ReadLine
    key: Key
    status: MatchStatus
    product_id: int | None
    score: float  # 0 to 100
    reasons: Sequence[Any]  # as JSON
    candidates: Sequence[Any] = ()  # as JSON
    draft_id: int | None = None


class Written(NamedTuple):
    """An item as it was written."""

    supplier_id: int
    item_key: str
    id: int
    match_status: str
    import_id: int
    is_changed: bool
    product_id: int | None
    product_before: int | None
    was_unseen: bool  # another wrote it for the first time, while this was under way
