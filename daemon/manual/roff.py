"""What troff reads: the few macros of man(7) that the page uses, and texts in which nothing is taken for one."""

import re
from collections.abc import Iterable, Iterator


def escape(text: str) -> str:
    """A text as it stands, on however many lines."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    escaped = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in escaped)
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in escaped.splitlines())


def prose(text: str) -> str:
    """A paragraph of a docstring: `words` in backquotes are bold."""
    parts = re.split(r"`([^`]*)`", " ".join(text.split()))
    words = (f"\\fB{escape(part)}\\fR" if place % 2 else escape(part) for place, part in enumerate(parts))
    joined = "".join(words)
    return f"\\&{joined}" if joined.startswith((".", "'")) else joined


def paragraphs(text: str) -> Iterator[str]:
    """A docstring's; lines that are set in columns stay lines."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        if re.search(r"\S {2,}\S", paragraph):
            yield from (".nf", escape(paragraph), ".fi")
        else:
            yield prose(paragraph)


def heading(text: str) -> str:
    return f'.SH "{escape(text)}"'


def subheading(text: str) -> str:
    return f'.SS "{escape(text)}"'


def entry(term: str, text: str) -> Iterator[str]:
    """A term, which is roff already, and what it means below it."""
    yield from (".TP", term, prose(text))


def literal(lines: Iterable[str]) -> Iterator[str]:
    """Lines to be typed."""
    yield from (".PP", ".nf", ".RS", *map(escape, lines), ".RE", ".fi")
