"""A rule as it stands in `category_rules`, and what makes it one that cannot be used."""

import re
from dataclasses import dataclass

import re2

from daemon.workloads.categorization.explanation import one_line

FIELDS = ("sku", "name", "manufacturer", "part_number", "description", "attributes")
LONGEST_PATTERN = 500  # characters
LONGEST_NOTE = 200
LARGEST_PROGRAM = 10_000  # instructions that a pattern may become: the time of a search grows with them
MOST_WEIGHT = 20.0
LINES = "(?m)"
VALUE_LENGTH = 200  # characters of an evidence value
MEMORY = 16 * 2**20  # bytes that the patterns of a field may take while they search


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `pattern` is a regular expression in RE2's syntax; case does not matter unless it says `(?-i)`.

    `weight` is in log-odds: above 0 it speaks for the category, below against it. `changed` is when the row was last
    written, in seconds since 1970 as the database says: a rule that was written again is another rule.
    """

    id: int
    field: str
    pattern: str
    category_code: str
    weight: float
    note: str = ""
    is_active: bool = True
    changed: str = ""

    @property
    def value(self) -> str:
        """What people read as the evidence's value; printable, at most VALUE_LENGTH characters."""
        verb = "match" if self.field == "attributes" else "matches"
        pattern = self.pattern if len(self.pattern) <= VALUE_LENGTH // 2 else self.pattern[: VALUE_LENGTH // 2] + "…"
        note = f", {self.note}" if self.note else ""
        return one_line(f"rule {self.id}: {self.field} {verb} “{pattern}”{note}"[:VALUE_LENGTH])

    @property
    def expression(self) -> bytes:
        """The pattern as it is searched for: attributes are lines, and `^` and `$` are their ends."""
        return ((LINES if self.field == "attributes" else "") + self.pattern).encode()


def search_options() -> re2.Options:
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MEMORY
    return options


def size_of(rule: Rule) -> int:
    """The instructions that its pattern becomes. Raises ValueError with a sentence that says what is wrong with it."""
    if not rule.pattern:
        raise ValueError("the pattern is empty")
    if len(rule.pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern is longer than {LONGEST_PATTERN} characters")
    try:
        size: int = re2.compile(rule.expression, search_options()).programsize
    except UnicodeEncodeError as error:
        raise ValueError("the pattern is not UTF-8") from error
    except re2.error as error:
        raise ValueError(f"the pattern is no regular expression of RE2: {_reason(error)}") from error
    if size > LARGEST_PROGRAM:
        raise ValueError(
            f"the pattern is too large: {size:,} instructions of {LARGEST_PROGRAM:,} allowed;"
            " repeat less, or with smaller numbers"
        )
    return size


def hint_of(rule: Rule) -> str | None:
    """What a person may not expect of a pattern that can be used."""
    if rule.pattern.isascii() or not re.search(r"\\[bBwW]", rule.pattern):
        return None
    return r"\b and \w know ASCII letters only: beside others write (^|[^\pL\pN]) and [\pL\pN]"


def _reason(error: Exception) -> str:
    (reason,) = error.args or ("",)
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    text = text.replace(LINES, "")
    if text.startswith("invalid perl operator"):
        text += " (it has no look-around)"
    elif text.startswith("invalid escape sequence"):
        text += " (it has no back-references)"
    return one_line(text)
