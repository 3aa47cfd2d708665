"""Searches the texts of products for all rules at once, within bounds of time.

RE2 needs time in proportion to the text, whatever the pattern: none is catastrophic. But a large pattern makes it a
large proportion, so each search is timed, and rules that take too much are found out and left out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import thread_time

import re2

from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules.rule import Rule, search_options
from daemon.workloads.categorization.rules.texts import text_of

SOURCE_TYPE, SOURCE_LABEL = "rule", "Rule"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of processor time, in seconds."""

    search_s: float = 0.02  # one rule, one text
    product_s: float = 0.000_5  # all rules, the average product of a slice
    slice_s: float = 0.1  # all rules, however few the products
    inquiry_s: float = 1.0  # to find out which rule it is that takes so long

    def budget_s(self, products: int) -> float:
        return max(self.slice_s, self.product_s * products)


class FieldSearch:
    """The rules of one field, searched for in one pass over its text."""

    def __init__(self, field: str, rules: Sequence[Rule]) -> None:
        self.field = field
        self.rules = rules
        self._set = re2.Set.SearchSet(search_options())
        self._set.Add(b"")  # always found: where it is not, the search gave up for want of memory
        for rule in rules:
            self._set.Add(rule.expression)
        self._set.Compile()

    def find(self, text: bytes) -> Iterable[Rule]:
        """The rules whose pattern is in the text, in their order."""
        found = self._set.Match(text)
        if found is None:
            return [rule for rule in self.rules if search_alone(rule, text)]
        return [self.rules[index - 1] for index in sorted(found) if index]


def search_alone(rule: Rule, text: bytes) -> bool:
    """Whether the pattern is in the text; whatever memory it takes."""
    return re2.compile(rule.expression, search_options()).search(text) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """The signals of a slice, and the rules that were left out on the way, each with the reason."""

    signals: list[Signal]
    suspended: dict[Rule, str]


class Matcher:
    """Some rules, ready to be searched for. Not changed once made: threads may share it."""

    def __init__(
        self, rules: Sequence[Rule], limits: Limits | None = None, clock: Callable[[], float] = thread_time
    ) -> None:
        """`rules` are usable ones. `clock` tells the processor time of the calling thread."""
        self.rules = tuple(rules)
        self._limits = limits or Limits()
        self._clock = clock
        fields = dict.fromkeys(rule.field for rule in rules)
        self._searches = [FieldSearch(field, [r for r in rules if r.field == field]) for field in fields]

    def without(self, rules: Iterable[Rule]) -> "Matcher":
        gone = set(rules)
        return Matcher([rule for rule in self.rules if rule not in gone], self._limits, self._clock)

    def find(self, products: Sequence[Product]) -> Found:
        """What the rules say of each product, in their order. One that takes too long is left out from there on."""
        matcher, signals, suspended = self, list[Signal](), dict[Rule, str]()
        budget_s = self._limits.budget_s(len(products))
        began = last = self._clock()
        slowest, slowest_s, patience_s = None, 0.0, self._limits.search_s
        for row, product in enumerate(products):
            signals += matcher._read(row, product)
            before, last = last, self._clock()
            if last - before > slowest_s:
                slowest, slowest_s = product, last - before
            is_over = last - began > budget_s
            if slowest is not None and (is_over or last - before > patience_s):
                culprits = matcher._inquire(slowest if is_over else product, len(products), is_over)
                patience_s = 2 * (last - before)  # where many are slow together, that need not be found out each time
                last = self._clock()
                if culprits:
                    suspended |= culprits
                    matcher = matcher.without(culprits)
                    began, slowest, slowest_s, patience_s = last, None, 0.0, self._limits.search_s
        return Found(signals, suspended)

    def _read(self, row: int, product: Product) -> Iterator[Signal]:
        for search in self._searches:
            if text := text_of(product, search.field):
                for rule in search.find(text):
                    yield Signal(row, rule.category_code, rule.weight, SOURCE_TYPE, SOURCE_LABEL, rule.value)

    def _inquire(self, product: Product, products: int, is_over: bool) -> dict[Rule, str]:
        """The rules that take too long alone; if none does, but all together, the dearest: half of what they take."""
        costs = self._measure(product)
        search_s = self._limits.search_s
        culprits = {
            rule: f"a search took {cost * 1000:.0f} ms of processor time; {search_s * 1000:.0f} ms are allowed"
            for rule, cost in costs.items()
            if cost > search_s
        }
        if not culprits and is_over:
            reason = (
                f"all rules took more than {self._limits.budget_s(products) * 1000:.0f} ms for {products:,} products"
            )
            left_s = sum(costs.values()) / 2
            for rule, cost in sorted(costs.items(), key=lambda item: -item[1]):
                culprits[rule] = f"{reason}, and this one was among the dearest"
                left_s -= cost
                if left_s <= 0:
                    break
        return culprits

    def _measure(self, product: Product) -> dict[Rule, float]:
        """The processor time that each rule takes alone; of as many as there is time for."""
        ends = self._clock() + self._limits.inquiry_s
        costs: dict[Rule, float] = {}
        for rule in self.rules:
            text = text_of(product, rule.field)
            alone = FieldSearch(rule.field, [rule])  # anew: what a search has learned makes the next one quicker
            before = self._clock()
            alone.find(text)
            after = self._clock()
            costs[rule] = after - before
            if after > ends:
                break
        return costs
