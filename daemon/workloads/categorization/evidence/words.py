"""Cuts free text into words."""

import re
from functools import lru_cache

LONGEST_WORD = 40  # characters; what is longer is a link or an accident, and shared by no two products

_WORD = re.compile(r"[^\s,;:()|\"\[\]]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def split_words(text: str | None, length: int) -> list[str]:
    """The words within the first `length` characters, in lower case, and again with each number as `#`.

    "M4 Screw 16mm" gives m4, screw, 16mm, m# and #mm, so that sizes never seen before still speak.
    """
    if not text:
        return []
    words = [word for word in _WORD.findall(text[:length].lower()) if len(word) <= LONGEST_WORD]
    return words + [shape for shape in map(shape_of, words) if "#" in shape]


@lru_cache(maxsize=8_192)
def shape_of(text: str) -> str:
    """The text with each number as `#`. Give it short texts only: it remembers them."""
    return _NUMBER.sub("#", text)
