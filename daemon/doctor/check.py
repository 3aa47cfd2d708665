"""What a check is, and what it finds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.doctor.patient import Patient


class Level(StrEnum):
    """How good or bad it is. Only what is wrong makes the whole examination fail."""

    OK = "ok"
    WARNING = "warning"  # it works, and may not for long, or not as well as it could
    WRONG = "wrong"  # must be mended
    SKIPPED = "skipped"  # nobody can tell


class Needs(IntEnum):
    """What must be there before a check has a meaning; each includes those before it."""

    NOTHING = 0
    SETTINGS = 1
    DATABASE = 2
    SCHEMA = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found: a sentence for people, what mends it, and facts for scripts."""

    level: Level
    says: str
    remedy: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is stable, for scripts. `examine` yields at least one finding; what it raises is a finding, too."""

    name: str
    examine: Callable[["Patient"], Iterable[Finding]]
    needs: Needs = Needs.SCHEMA
    in_transaction: bool = True  # one that may not write; False for what Postgres does outside of them only


def ok(says: str, **facts: object) -> Finding:
    return Finding(Level.OK, says, facts=facts)


def warning(says: str, remedy: str, **facts: object) -> Finding:
    return Finding(Level.WARNING, says, remedy, facts)


def wrong(says: str, remedy: str, **facts: object) -> Finding:
    return Finding(Level.WRONG, says, remedy, facts)


def skipped(says: str, remedy: str = "") -> Finding:
    return Finding(Level.SKIPPED, says, remedy)
