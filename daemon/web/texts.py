"""How texts, numbers and durations are shown. What is the shop's may be anything."""

import unicodedata
from datetime import datetime

LONGEST = 300  # characters of one text


def plain(text: object, longest: int = LONGEST) -> str:
    """One line in which nothing acts: no control character, no sign that turns the direction of what stands around."""
    whole = "" if text is None else str(text)
    shown = "".join(sign if _is_harmless(sign) else " " for sign in whole[:longest])
    shown = " ".join(shown.split())
    return f"{shown}…" if len(whole) > longest else shown


def _is_harmless(sign: str) -> bool:
    return sign.isprintable() or unicodedata.category(sign) == "Zs"


def count(number: float | None) -> str:
    """A whole number for people; nothing for none."""
    return "" if number is None else f"{round(number):,}"


def rate(number: float | None) -> str:
    """Items in a second."""
    if not number:
        return "–"
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def span(seconds: float | None) -> str:
    """A duration, as exact as people want it."""
    if seconds is None:
        return "–"
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86_400
    if minutes < 60:
        return f"{int(minutes)} min {int(seconds % 60)} s"
    if hours < 48:
        return f"{int(hours)} h {int(minutes % 60)} min"
    return f"{int(days):,} days"


def ago(seconds: float | None) -> str:
    """How long ago something was; of what is not known, nothing."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return "just now"
    if seconds < 60:
        return f"{int(seconds)} s ago"
    if seconds < 3600:
        return f"{int(seconds / 60)} min ago"
    if seconds < 172_800:
        return f"{int(seconds / 3600)} h ago"
    return f"{int(seconds / 86_400):,} days ago"


def share(part: float | None, digits: int = 1) -> str:
    """A share in [0, 1], in per cent."""
    return "–" if part is None else f"{part * 100:.{digits}f} %"


def moment(time: datetime | None) -> str:
    """A time of the database's, to the second, with its zone where it has one."""
    if time is None:
        return "–"
    return f"{time:%Y-%m-%d %H:%M:%S}" + (f" {time:%Z}" if time.tzinfo else "")
