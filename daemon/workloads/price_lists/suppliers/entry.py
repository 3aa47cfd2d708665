"""A supplier as the sheet has it: one row, made sense of."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from daemon.database.failures import storable
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.sheets import HOSTS
from daemon.workloads.price_lists.fetching.source import Source, SourceKind
from daemon.workloads.price_lists.reading.headers import normalise
from daemon.workloads.price_lists.reading.options import ColumnMapping, Options
from daemon.workloads.price_lists.reading.refusal import ListUnreadable

LONGEST_NAME, LONGEST_ADDRESS, LONGEST_VALUE = 200, 2_000, 2_000  # characters
HEADERS = {
    "name": ("name", "supplier", "supplier name", "vendor", "vendor name", "company", "lieferant", "fournisseur"),
    "source_type": ("source type", "type", "format", "file type", "source format"),
    "source_url": (
        *("source url", "source", "url", "link", "address", "path", "file", "price list", "price list url", "sheet"),
        *("sheet url", "location"),
    ),
    "is_active": ("is active", "active", "enabled", "is enabled", "aktiv", "actif"),
    "currency": ("currency", "currency code"),
    "column_mapping": ("column mapping", "mapping", "columns", "column map"),
}
FIELDS = {tuple(header.split()): name for name, headers in HEADERS.items() for header in headers}
TYPES = {
    **dict.fromkeys(("csv", "tsv", "txt", "text"), SourceKind.CSV.value),
    **dict.fromkeys(("excel", "xls", "xlsx", "xlsm", "ods"), SourceKind.EXCEL.value),
    **dict.fromkeys(("google sheets", "google sheet", "gsheet", "google"), SourceKind.GOOGLE_SHEETS.value),
    **dict.fromkeys(("pdf", "other"), "pdf"),
}
YES = frozenset({"1", "yes", "y", "true", "on", "x", "active", "enabled", "ja", "oui", "si", "да", "✓", "✔"})
NO = frozenset({"0", "no", "n", "false", "off", "inactive", "disabled", "nein", "non", "нет", "-"})
OWN_KEYS = frozenset({"from_sheet", "sheet_columns"})  # of suppliers.meta, which are the sync's
PAIR = re.compile(r"\s*([a-z_ ]+?)\s*[=:]\s*(.+?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A supplier. What stands in further columns is in `meta`, by their headers in snake_case."""

    line: int
    name: str
    source_type: str
    source_url: str = field(repr=False)  # may hold credentials
    is_active: bool = True
    meta: Mapping[str, Any] = field(default_factory=dict)


class BadEntry(Exception):
    """The row could not be used; the message says why, in a sentence for people."""


def field_of(header: str) -> str | None:
    """What a column of this header is; further columns have the name they are kept by, empty ones none."""
    words = normalise(header)
    return FIELDS.get(words) or "_".join(words)[:60] or None


def make_entry(line: int, values: Mapping[str, str]) -> Entry:
    """From a row's texts, by their columns. Raises BadEntry."""
    name = values.get("name", "")
    if len(name) > LONGEST_NAME:
        raise BadEntry(f"the name is longer than {LONGEST_NAME} characters")
    source_url = values.get("source_url", "")
    if not source_url:
        raise BadEntry("it is not said where the list is")
    if len(source_url) > LONGEST_ADDRESS:
        raise BadEntry(f"the address of the list is longer than {LONGEST_ADDRESS} characters")
    source_type = _source_type(values.get("source_type", ""), source_url)
    _require_address(source_type, source_url)
    return Entry(line, name, source_type, source_url, _is_active(values.get("is_active", "")), _meta(values))


def _source_type(told: str, source_url: str) -> str:
    """As told, or else by the address."""
    if told:
        kind = TYPES.get(" ".join(normalise(told)))
        if kind is None:
            raise BadEntry(f"the source type {told[:60]!r} is not known; there are csv, excel, google_sheets and pdf")
        return kind
    if any(host in source_url.lower() for host in HOSTS):
        return SourceKind.GOOGLE_SHEETS.value
    ending = PurePosixPath(source_url.partition("?")[0]).suffix.lower().removeprefix(".")
    return TYPES.get(ending, SourceKind.CSV.value)


def _require_address(source_type: str, source_url: str) -> None:
    kind = SourceKind.GOOGLE_SHEETS if source_type == SourceKind.GOOGLE_SHEETS else SourceKind.CSV
    source = Source(kind, source_url)
    if source.is_on_the_web:
        try:
            _ = source.url
        except FetchFailed as failure:
            raise BadEntry(failure.message) from None


def _is_active(told: str) -> bool:
    """An empty cell leaves it active."""
    word = told.casefold()
    if word in NO:
        return False
    if not word or word in YES:
        return True
    raise BadEntry(f"whether it is active says {told[:60]!r}; yes or no is expected")


def _meta(values: Mapping[str, str]) -> dict[str, Any]:
    """What is not a column of its own in the database."""
    meta: dict[str, Any] = {
        name: text[:LONGEST_VALUE]
        for name, text in values.items()
        if text and name not in OWN_KEYS and (name not in HEADERS or name == "currency")
    }
    try:
        if mapping := values.get("column_mapping"):
            meta["column_mapping"] = _mapping(mapping)
            ColumnMapping.parse(meta["column_mapping"])
        Options.parse(meta)
    except ListUnreadable as refusal:
        raise BadEntry(str(refusal)) from None
    return meta


def _mapping(text: str) -> dict[str, Any]:
    """JSON, or "name = Bezeichnung; price = 4"."""
    if text.startswith("{"):
        try:
            mapping = json.loads(text)
        except (ValueError, RecursionError):
            raise BadEntry("the column mapping is not the JSON that it seems to be") from None
        if not isinstance(mapping, dict):
            raise BadEntry("the column mapping is no JSON object")
        return {
            storable(str(key)): storable(place) if isinstance(place, str) else place for key, place in mapping.items()
        }
    pairs = [PAIR.fullmatch(part) for part in re.split(r"[;\n]", text) if part.strip()]
    if not all(pairs):
        raise BadEntry('the column mapping must look like "name = Description; price = Net price", or be JSON')
    return {pair[1].lower().replace(" ", "_"): pair[2] for pair in pairs if pair}
