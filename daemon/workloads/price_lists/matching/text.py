"""Brings texts of lists and catalogues into one form. All of it is bounded: what is longer is not read."""

import re
import unicodedata

LONGEST = 400  # characters of a text that are read; the longest name seen in real lists had 300
LONGEST_CODE = 40

_NOT_ALNUM = re.compile(r"[\W_]+")
_SPACES = re.compile(r"\s+")
_TIMES = re.compile(r"(?<=\d)\s?[x×*]\s?(?=\d)")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_SIGNS = {**_DASHES, ord("⁄"): "/", ord("®"): " ", ord("™"): " ", ord("©"): " ", ord("\0"): " "}


def tidy(text: str) -> str:
    """Compatible characters made one (NFKC), dashes too; capitals stay. At most LONGEST characters are read."""
    text = text[:LONGEST]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)[: 2 * LONGEST]
    return _TIMES.sub(" x ", text)


def fold(text: str) -> str:
    """Small letters without accents, as words are compared. The text is tidy."""
    text = text.lower()
    if text.isascii():
        return text
    text = text.replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def compact(text: str | None) -> str:
    """A part code without what people set differently: signs, spaces, capitals. Empty where nothing is left."""
    return _NOT_ALNUM.sub("", fold(tidy(text)))[:LONGEST_CODE] if text else ""


def one_line(text: str, end: int = 60) -> str:
    """For reasons: printable, without line breaks, not longer than `end`."""
    shown = _SPACES.sub(" ", "".join(sign if sign.isprintable() else " " for sign in text[: 4 * end])).strip()
    return f"{shown[: end - 1]}…" if len(shown) > end else shown
