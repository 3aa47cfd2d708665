"""Attributes as flat keys and values, whatever JSON they are."""

from itertools import islice

ENTRIES = 80  # entries of objects and lists that are read
DEPTH = 4  # levels of nesting that are read
LENGTH = 60  # characters read of a key or a value
LARGEST = 10**30  # whole numbers beyond are read as if they were null


def flatten(attributes: object) -> list[tuple[str, str]]:
    """Keys and values, the outer level first; the value is empty for null and for a nest.

    Nested keys are joined by a dot; the entries of a list share the key of the list. Entries past ENTRIES
    and levels past DEPTH are left out; keys and values are cut to LENGTH.
    """
    if isinstance(attributes, dict) and len(attributes) <= ENTRIES and {*map(type, attributes.values())} <= {str}:
        return [(key[:LENGTH], value[:LENGTH]) for key, value in attributes.items()]  # as most are: the short way
    pairs: list[tuple[str, str]] = []
    level = _entries("", attributes)
    for _ in range(DEPTH):
        nests: list[tuple[str, object]] = []
        for key, value in level[: ENTRIES - len(pairs)]:
            if isinstance(value, str):
                pairs.append((key, value[:LENGTH]))
            elif isinstance(value, dict | list):
                pairs.append((key, ""))
                nests.append((key, value))
            else:
                pairs.append((key, _write(value)))
        level = [entry for key, nest in nests for entry in _entries(key, nest)]
    return pairs


def _entries(key: str, value: object) -> list[tuple[str, object]]:
    """The first ENTRIES entries of an object, their keys below `key`, or of a list, all under `key`."""
    if isinstance(value, dict):
        above = f"{key}." if key else ""
        return [((above + str(name))[:LENGTH], entry) for name, entry in islice(value.items(), ENTRIES)]
    if isinstance(value, list):
        return [(key, entry) for entry in value[:ENTRIES]]
    return [(key, value)]


def _write(value: object) -> str:
    """A number, true or false as text; empty for null."""
    if value is None or (isinstance(value, int) and abs(value) > LARGEST):
        return ""
    return str(value)[:LENGTH]
