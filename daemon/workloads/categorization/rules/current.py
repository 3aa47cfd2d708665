"""The rules in use, kept in memory and renewed when they are out of date."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from time import monotonic, thread_time

import structlog
from psycopg import Connection

from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules import store
from daemon.workloads.categorization.rules.matching import Limits, Matcher
from daemon.workloads.categorization.rules.rule import Rule, size_of
from daemon.workloads.categorization.taxonomy import Taxonomy

log = structlog.get_logger()

AGE = timedelta(seconds=2)  # one statement, at the next slice; at rest none
MOST_RULES = 1_000
LARGEST_TOGETHER = 100_000  # instructions of all patterns
TOO_MANY = f"there are more than {MOST_RULES:,} active rules; those with the lowest ids are used"


def find_problems(rules: Sequence[Rule], taxonomy: Taxonomy) -> dict[Rule, str]:
    """Why some of the rules cannot be used, in their order."""
    problems: dict[Rule, str] = {}
    together = 0
    for number, rule in enumerate(rules, start=1):
        try:
            if number > MOST_RULES:
                raise ValueError(TOO_MANY)
            if rule.category_code not in taxonomy:
                raise ValueError(f"the shop has no category {rule.category_code}")
            size = size_of(rule)
            if together + size > LARGEST_TOGETHER:
                raise ValueError("the patterns before it leave no room for one of its size; use smaller ones, or fewer")
            together += size
        except ValueError as error:
            problems[rule] = str(error)
    return problems


class CurrentRules:
    """Shared by the worker threads; one of them renews, the others wait for it.

    A rule that cannot be used is told once and passed over; one that takes too long is told and left out, by this
    process, until its row is written again.
    """

    def __init__(
        self,
        age: timedelta = AGE,
        limits: Limits | None = None,
        clock: Callable[[], float] = thread_time,
    ) -> None:
        self._age_s = age.total_seconds()
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._taxonomy: Taxonomy | None = None
        self._rows: list[Rule] = []
        self._problems: dict[Rule, str] = {}
        self._suspended: dict[Rule, str] = {}
        self._matcher = Matcher([])

    def signals(self, conn: Connection, taxonomy: Taxonomy, products: Sequence[Product]) -> list[Signal]:
        """What the rules in use say of each of the products."""
        matcher = self._renewed(conn, taxonomy)
        if not matcher.rules:
            return []
        found = matcher.find(products)
        if found.suspended:
            self._suspend(found.suspended)
        return found.signals

    def _renewed(self, conn: Connection, taxonomy: Taxonomy) -> Matcher:
        with self._lock:
            if self._read_at is None or monotonic() - self._read_at > self._age_s:
                rows = store.read_active(conn, MOST_RULES)
                self._read_at = monotonic()
            else:
                rows = self._rows
            if rows != self._rows or taxonomy is not self._taxonomy:
                self._rows, self._taxonomy = rows, taxonomy
                self._take_up(rows, taxonomy)
            return self._matcher

    def _take_up(self, rows: Sequence[Rule], taxonomy: Taxonomy) -> None:
        problems = find_problems(rows, taxonomy)
        for rule, reason in problems.items():
            if self._problems.get(rule) != reason:
                log.warning("rule.refused", rule_id=rule.id, reason=reason)
        self._problems = problems
        self._suspended = {rule: reason for rule, reason in self._suspended.items() if rule in set(rows)}
        usable = tuple(rule for rule in rows if rule not in problems and rule not in self._suspended)
        if usable != self._matcher.rules:
            self._matcher = Matcher(usable, self._limits, self._clock)

    def _suspend(self, suspended: Mapping[Rule, str]) -> None:
        with self._lock:
            news = {rule: reason for rule, reason in suspended.items() if rule in self._matcher.rules}
            for rule, reason in news.items():
                log.warning("rule.suspended", rule_id=rule.id, reason=reason)
            self._suspended |= news
            self._matcher = self._matcher.without(news)
