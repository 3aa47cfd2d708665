"""Times and numbers in words that people read."""

from datetime import datetime

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def how_long(seconds: float) -> str:
    """Two units at most, none of them idle: 0.42 s, 12 s, 3 min 20 s, 2 h 5 min, 3 days 4 h."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < DAY:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "day" if whole < 2 * DAY else "days", HOUR, "h")


def about(seconds: float) -> str:
    """A guess claims no more than it knows: 8 s, 40 s, 3 min, 2 h 10 min, 3 days."""
    if seconds < 20:
        return f"{max(round(seconds), 1)} s"
    for unit, step, limit in ((1, 5, 90), (MINUTE, 1, 90), (HOUR, 1, 36)):
        if seconds < limit * unit:
            rounded = max(round(seconds / unit / step) * step, 1)
            return f"{rounded} {'s' if unit == 1 else 'min' if unit == MINUTE else 'h'}"
    days = round(seconds / DAY)
    return f"{days:,} {'day' if days == 1 else 'days'}"


def size(number: float) -> str:
    """Of bytes: 512 B, 3.4 MB, 12 GB."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def count(number: int, one: str, many: str = "") -> str:
    """Such as 1 slice, 2 slices, 1,000 batches."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def for_json(value: object) -> str:
    """What JSON has no form for: times in the one form of ISO 8601, as the server's own JSON has them."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _two(whole: int, unit: int, name: str, smaller: int, smaller_name: str) -> str:
    rest = whole % unit // smaller
    return f"{whole // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
