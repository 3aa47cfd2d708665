"""Cuts free text into words."""

import re
from collections.abc import Sequence

LONGEST_WORD = 40  # characters; what is longer is a link or an accident, and shared by no two products

_BREAKS = ',;:()|"[]'  # between words, beside white space
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def split_words(text: str | None, length: int) -> list[str]:
    """The words within the first `length` characters, in lower case."""
    if not text:
        return []
    text = text[:length].lower()
    for sign in _BREAKS:  # quicker than a regular expression
        text = text.replace(sign, " ")
    return text.split()


def spell_word(word: str) -> Sequence[str]:
    """The word, and again with each number as `#`: of "16mm" also #mm, so that sizes never seen before still speak."""
    if len(word) > LONGEST_WORD:
        return ()
    shape = shape_of(word)
    return (word, shape) if "#" in shape else (word,)


def shape_of(text: str) -> str:
    """The text with each number as `#`."""
    return _NUMBER.sub("#", text)
