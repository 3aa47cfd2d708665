"""What a supplier's import may say about how its list is to be read."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from daemon.workloads.price_lists.reading.currency import CODES
from daemon.workloads.price_lists.reading.refusal import ListUnreadable

FIELDS = (
    "sku",
    "name",
    "manufacturer",
    "part_number",
    "barcode",
    "price",
    "currency",
    "stock",
    "availability",
    "price_unit",  # the pieces that the price is for
)

PriceKind = Literal["dealer", "net", "plain", "gross", "retail"]
PRICE_KINDS: tuple[PriceKind, ...] = ("dealer", "net", "plain", "gross", "retail")

# Options of an import that say nothing of how its list is read.
ELSEWHERE = frozenset(("force", "most_gone_percent", "use_ml_processing", "file_type"))
# What else stands beside them in a supplier's habits.
HABITS = frozenset(("column_mapping", "from_sheet", "sheet_columns"))

Position = Annotated[int, Field(ge=0)]
Place = str | Position | None


def _tab(value: object) -> object:
    return {"tab": "\t", "\\t": "\t"}.get(value, value) if isinstance(value, str) else value


class Options(BaseModel):
    """All may be left out: what is not told is found out. Names that are not known here are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    encoding: str | None = None
    delimiter: Annotated[Literal[",", ";", "\t", "|"] | None, BeforeValidator(_tab)] = None
    decimal: Literal[".", ","] | None = None  # the decimal sign of prices and stocks
    currency: str | None = None  # where the list names none; tells which dollar, which crown
    header_row: Annotated[int, Field(ge=1)] | None = None  # the line that names the columns; of two, the upper
    has_header: bool = True  # False: `mapping` is by position only
    sheets: tuple[str, ...] | None = None  # of a workbook; else all that are lists and not hidden
    price: PriceKind | None = None  # the kind of price to prefer; else the first of PRICE_KINDS that is there
    zero_price: Literal["none", "keep"] = "none"  # a price of 0: none is known, or it is free
    overlong: Literal["cut", "refuse"] = "cut"  # of names and characteristics; overlong codes are always refused
    max_columns: Annotated[int, Field(ge=1, le=16_384)] = 500
    max_unpacked_mb: Annotated[int, Field(ge=1)] = 2_000  # of a workbook, which is a zip archive

    @field_validator("encoding")
    @classmethod
    def _encoding_known(cls, encoding: str | None) -> str | None:
        if encoding is not None:
            try:
                "".encode(encoding)
            except (LookupError, ValueError) as error:
                raise ValueError(f"there is no encoding called {encoding!r}") from error
        return encoding

    @field_validator("currency")
    @classmethod
    def _currency_known(cls, currency: str | None) -> str | None:
        if currency is None:
            return None
        if currency.upper() not in CODES:
            raise ValueError(f"{currency!r} is no currency; example: EUR")
        return currency.upper()

    @classmethod
    def parse(cls, options: "Mapping[str, object] | Options | None") -> Self:
        """From JSON. Raises ListUnreadable when a value is wrong."""
        try:
            return cls.model_validate(options or {})
        except ValidationError as error:
            raise ListUnreadable("bad_options", _explain("option", error)) from error


OPTIONS = frozenset(Options.model_fields) | ELSEWHERE


def unknown_options(options: object) -> list[str]:
    """A sentence for each name that nothing knows, such as one that is mistyped."""
    names = options if isinstance(options, Mapping) else {}
    return [
        f"there is no option {str(name)[:60]!r}; there are {', '.join(sorted(OPTIONS))}"
        for name in names
        if name not in OPTIONS | HABITS
    ]


class ColumnMapping(BaseModel):
    """Where the fields stand: by header, by letter, or by position from 0. None: nowhere, whatever a header says."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    sku: Place = None
    name: Place = None
    manufacturer: Place = None
    part_number: Place = None
    barcode: Place = None
    price: Place = None
    currency: Place = None
    stock: Place = None
    availability: Place = None
    price_unit: Place = None

    @classmethod
    def parse(cls, mapping: Mapping[str, object] | None) -> dict[str, str | int | None]:
        """The fields that are told, with their places. Raises ListUnreadable when something is wrong."""
        try:
            parsed = cls.model_validate(mapping or {})
        except ValidationError as error:
            raise ListUnreadable("bad_mapping", _explain("mapping", error)) from error
        return {field: getattr(parsed, field) for field in FIELDS if field in parsed.model_fields_set}


def _explain(what: str, error: ValidationError) -> str:
    """One sentence about the first thing that is wrong."""
    first = error.errors(include_url=False)[0]
    name = ".".join(map(str, first["loc"][:1])) or "as a whole"
    if first["type"] == "extra_forbidden":
        return f"{what} {name}: there is no such field; the fields are: {', '.join(FIELDS)}"
    if what == "mapping":
        return f"mapping {name}: expected a header, a letter or a position from 0, not {str(first['input'])[:60]!r}"
    if first["type"] == "value_error":  # a sentence of ours, which names the value
        return f"{what} {name}: {first['msg'].removeprefix('Value error, ')}"
    return f"{what} {name}: {first['msg']}; it is {str(first['input'])[:60]!r}"
