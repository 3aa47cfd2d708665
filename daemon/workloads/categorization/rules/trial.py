"""Tries a rule out on products before it is used: what it matches, how often it is right, what it would change."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic, thread_time

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.explanation import one_line
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules.matching import Matcher
from daemon.workloads.categorization.rules.rule import Rule
from daemon.workloads.categorization.taxonomy import Taxonomy

CHUNK = 500  # products in memory
EXAMPLES = 5  # of each kind
NAME_LENGTH = 80

Suggest = Callable[[Sequence[Product], Sequence[Signal]], Sequence[str]]  # the category suggested for each product


class TooSlow(Exception):
    """The daemon would leave the rule out; the message says why."""


@dataclass(frozen=True, slots=True)
class Example:
    """A product that matches, with the category that people confirmed, or what the suggestion was and would be."""

    id: int
    name: str
    confirmed: str | None
    before: str | None = None
    after: str | None = None


@dataclass(slots=True)
class Changes:
    """What the rule does to the suggestions for the products that match."""

    changed: int = 0
    to_right: int = 0  # of those whose category is confirmed: wrong before, right with the rule
    to_wrong: int = 0  # right before, wrong with the rule
    examples: list[Example] = field(default_factory=list)


@dataclass(slots=True)
class Trial:
    """What came of it. `of_category` are the products confirmed to be of the rule's category, matching or not."""

    products: int = 0
    matched: int = 0
    in_category: int = 0
    in_another: int = 0
    unconfirmed: int = 0
    of_category: int = 0
    search_s: float = 0.0  # processor time
    is_whole: bool = True  # every product asked for was looked at: the time was enough
    changes: Changes | None = None
    examples_in_category: list[Example] = field(default_factory=list)
    examples_in_another: list[Example] = field(default_factory=list)
    examples_unconfirmed: list[Example] = field(default_factory=list)

    def precision_of(self, rule: Rule) -> float | None:
        """How often it is right where people have decided: for the category, or against it if it speaks against it."""
        confirmed = self.in_category + self.in_another
        right = self.in_category if rule.weight > 0 else self.in_another
        return right / confirmed if confirmed else None

    @property
    def recall(self) -> float | None:
        return self.in_category / self.of_category if self.of_category else None


def try_out(products: Iterable[Product], rule: Rule, seconds: float, suggest: Suggest | None = None) -> Trial:
    """Look at the products in turn until they or the time end. Memory does not grow with their number.

    Raises TooSlow when a search takes longer than the daemon allows.
    """
    trial = Trial(changes=Changes() if suggest else None)
    matcher = Matcher([rule])
    ends = monotonic() + seconds
    for chunk in _chunks(products):
        began = thread_time()
        found = matcher.find(chunk)
        trial.search_s += thread_time() - began
        if found.suspended:
            raise TooSlow(found.suspended[rule])
        matched = [chunk[signal.row] for signal in found.signals]
        trial.products += len(chunk)
        trial.of_category += sum(product.category_code == rule.category_code for product in chunk)
        for product in matched:
            _count(trial, product, rule)
        if suggest and trial.changes and matched:
            _compare(trial.changes, matched, found.signals, suggest)
        if monotonic() > ends:
            trial.is_whole = False
            break
    return trial


def suggester(model: Model, taxonomy: Taxonomy, others: Matcher, silent: frozenset[str]) -> Suggest:
    """Decides as the daemon does with these other rules, without the silent sources, and no decisions of people."""

    def suggest(products: Sequence[Product], signals: Sequence[Signal]) -> list[str]:
        heard = [*others.find(products).signals, *signals]
        return [decision.category_code for decision in decide(model, taxonomy, products, signals=heard, silent=silent)]

    return suggest


def _chunks(products: Iterable[Product]) -> Iterator[list[Product]]:
    left = iter(products)
    while chunk := list(islice(left, CHUNK)):
        yield chunk


def _count(trial: Trial, product: Product, rule: Rule) -> None:
    trial.matched += 1
    if product.category_code is None:
        trial.unconfirmed += 1
        examples = trial.examples_unconfirmed
    elif product.category_code == rule.category_code:
        trial.in_category += 1
        examples = trial.examples_in_category
    else:
        trial.in_another += 1
        examples = trial.examples_in_another
    if len(examples) < EXAMPLES:
        examples.append(_example(product))


def _compare(changes: Changes, matched: Sequence[Product], signals: Sequence[Signal], suggest: Suggest) -> None:
    before = suggest(matched, ())
    after = suggest(matched, [signal._replace(row=row) for row, signal in enumerate(signals)])
    for product, old, new in zip(matched, before, after, strict=True):
        if old != new:
            changes.changed += 1
            changes.to_right += new == product.category_code
            changes.to_wrong += old == product.category_code
            if len(changes.examples) < EXAMPLES:
                changes.examples.append(_example(product, old, new))


def _example(product: Product, before: str | None = None, after: str | None = None) -> Example:
    return Example(product.id, one_line((product.name or "")[:NAME_LENGTH]), product.category_code, before, after)
