"""What of a product a rule looks at: one text for each field."""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter

from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules.rule import FIELDS

LONGEST_TEXT = 4_000  # characters: the time of a search grows with them
ENTRIES = 200  # lines of attributes
DEPTH = 4  # levels of nesting that are read
LARGEST = 10**30  # whole numbers beyond are passed over: Python refuses to write out much larger ones


def lines_of(attributes: object) -> str:
    """Attributes as lines "key: value", in their order; nested keys are joined by a dot, lists give a line an entry."""
    if (
        isinstance(attributes, dict)
        and len(attributes) <= ENTRIES
        and "" not in attributes
        and {*map(type, attributes.values())} <= {str}
    ):
        text = "\n".join([f"{key}: {value}" for key, value in attributes.items()])
        if text.count("\n") == len(attributes) - 1:  # as most are: the short way
            return text[:LONGEST_TEXT]
    lines: list[str] = []
    for line in _lines("", attributes, DEPTH):
        lines.append(line)
        if len(lines) == ENTRIES:
            break
    return "\n".join(lines)[:LONGEST_TEXT]


def _lines(key: str, value: object, depth: int) -> Iterator[str]:
    if isinstance(value, dict | list) and not depth:
        return
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _lines(f"{key}.{name}" if key else str(name), entry, depth - 1)
    elif isinstance(value, list):
        for entry in value:
            yield from _lines(key, entry, depth - 1)
    elif value is not None and not (isinstance(value, int) and abs(value) > LARGEST):
        line = f"{key}: {_write(value)}" if key else _write(value)
        yield line.replace("\n", " ")[:LONGEST_TEXT]


def _write(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"  # as JSON and PHP write them
    return str(value)


READERS: Mapping[str, Callable[[Product], object]] = {
    field: attrgetter(field) for field in FIELDS if field != "attributes"
} | {"attributes": lambda product: lines_of(product.attributes)}


def text_of(product: Product, field: str) -> bytes:
    """The field as UTF-8, cut to LONGEST_TEXT characters; empty where the product has none."""
    text = READERS[field](product)
    return text[:LONGEST_TEXT].encode("utf-8", "replace") if isinstance(text, str) else b""
