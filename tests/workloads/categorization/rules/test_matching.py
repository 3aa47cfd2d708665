"""All rules at once, within bounds of time."""

import random
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules.matching import FieldSearch, Limits, Matcher, search_alone
from daemon.workloads.categorization.rules.rule import Rule, size_of
from tests.workloads.categorization.shop import make_labelled, make_product

CATASTROPHIC = "(a+)+$"
HUGE = "(?:a|b)*a.{990}c"  # for each sign of a text about a thousand places where it may be


def make_rule(id: int, pattern: str, field: str = "name", code: str = "saws", weight: float = 4.0) -> Rule:
    return Rule(id, field, pattern, code, weight)


def find(rules: Sequence[Rule], *products: Product) -> list[tuple[int, str]]:
    """The row and the rule's number of each signal."""
    return [(signal.row, signal.value.split(":")[0]) for signal in Matcher(rules).find(products).signals]


def test_a_match_is_a_signal_with_the_rules_weight() -> None:
    (signal,) = (
        Matcher([make_rule(3, "saw", weight=-2.5)]).find([make_product(), make_product(name="Hand saw")]).signals
    )
    assert signal == Signal(1, "saws", -2.5, "rule", "Rule", "rule 3: name matches “saw”")


def test_each_rule_looks_at_its_own_field() -> None:
    product = make_product(name="one", sku="two", part_number="three", manufacturer="four", description="five")
    rules = [make_rule(1, "one"), make_rule(2, "one", "sku"), make_rule(3, "three", "part_number")]
    rules += [make_rule(4, "four", "manufacturer"), make_rule(5, "five", "description"), make_rule(6, "two", "sku")]
    assert sorted(find(rules, product)) == [(0, f"rule {id}") for id in (1, 3, 4, 5, 6)]


def test_case_matters_only_where_the_pattern_says_so() -> None:
    rules = [make_rule(1, "SÄGE"), make_rule(2, "(?-i)SAW"), make_rule(3, "(?-i)Saw")]
    assert find(rules, make_product(name="Saw / Säge")) == [(0, "rule 1"), (0, "rule 3")]


def test_attributes_begin_and_end_at_each_line() -> None:
    rules = [make_rule(1, "^Teeth: hard$", "attributes"), make_rule(2, "^hard", "attributes")]
    assert find(rules, make_product(attributes={"Length": "3 cm", "Teeth": "hard"})) == [(0, "rule 1")]


def test_of_many_rules_each_is_found_where_it_would_be_alone() -> None:
    products = [product for product, _ in make_labelled(100)]
    rules = [make_rule(id, f"{id}", field) for id in range(1, 60) for field in ("name", "part_number")]
    found = Matcher(rules).find(products)
    assert found.suspended == {}
    expected = {
        (row, rule.value)
        for row, product in enumerate(products)
        for rule in rules
        if str(rule.id) in str(getattr(product, rule.field))
    }
    assert {(signal.row, signal.value) for signal in found.signals} == expected


def test_the_order_is_that_of_products_and_rules_whatever_the_process() -> None:
    products = [make_product(name="saw drill bolt")] * 3
    rules = [make_rule(id, pattern) for id, pattern in enumerate(["bolt", "x", "saw", "drill"], start=1)]
    assert find(rules, *products) == [(row, f"rule {id}") for row in range(3) for id in (1, 3, 4)]


def test_without_rules_nothing_is_read() -> None:
    assert Matcher([]).find([make_product(name="saw")]).signals == []


@pytest.mark.parametrize("text", ["a" * 10_000 + "b", "a" * 10_000, "ab " * 3_000])
def test_a_catastrophic_pattern_takes_no_longer_than_others(text: str) -> None:
    products = [make_product(name=text)] * 500
    found = Matcher([make_rule(1, CATASTROPHIC), make_rule(2, "(.*a){25}c"), make_rule(3, "(a|aa)+$")]).find(products)
    assert found.suspended == {}


def test_a_pattern_that_is_too_large_for_its_texts_is_left_out_and_the_others_go_on() -> None:
    chance = random.Random(1)
    products = [make_product(id, name="".join(chance.choices("ab", k=4_000))) for id in range(20)]
    rules = [make_rule(1, "a"), make_rule(2, HUGE), make_rule(3, "b")]
    found = Matcher(rules).find(products)
    (culprit,) = found.suspended
    assert culprit.id == 2
    assert "ms of processor time; 20 ms are allowed" in found.suspended[culprit]
    assert {signal.value for signal in found.signals} >= {rules[0].value, rules[2].value}
    assert len([signal for signal in found.signals if signal.value == rules[0].value]) == 20


class Clock:
    """Tells the time that searching has taken: for each text the sum of what its rules cost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cost: Callable[[Rule], float]) -> None:
        self.now = 0.0
        find = FieldSearch.find

        def find_slowly(search: FieldSearch, text: bytes) -> Iterable[Rule]:
            self.now += sum(map(cost, search.rules))
            return find(search, text)

        monkeypatch.setattr(FieldSearch, "find", find_slowly)

    def __call__(self) -> float:
        return self.now


LIMITS = Limits(search_s=1.0, product_s=2.0, slice_s=10.0, inquiry_s=100.0)


def test_a_slice_has_a_budget_for_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is too slow alone; together they take 3.6 s a product, of 2 s."""
    costs = {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6, 5: 0.5, 6: 0.1}
    clock = Clock(monkeypatch, lambda rule: costs[rule.id])
    rules = [make_rule(id, "saw") for id in costs]
    found = Matcher(rules, LIMITS, clock).find([make_product(name="saw")] * 100)
    assert [rule.id for rule in found.suspended] == [1, 2, 3]
    assert all("more than 200 s" in reason.replace("200000 ms", "200 s") for reason in found.suspended.values())
    assert clock.now < 2 * 200 + 10
    assert [signal.row for signal in found.signals if signal.value == rules[5].value] == list(range(100))


def test_a_slice_within_its_budget_loses_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda _: 0.3)
    assert (
        Matcher([make_rule(id, "saw") for id in range(6)], LIMITS, clock)
        .find([make_product(name="saw")] * 100)
        .suspended
        == {}
    )


def test_a_few_products_may_take_what_a_slice_may(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda _: 0.9)
    rules = [make_rule(id, "saw") for id in range(10)]
    assert Matcher(rules, LIMITS, clock).find([make_product(name="saw")]).suspended == {}
    assert Matcher(rules, LIMITS, clock).find([make_product(name="saw")] * 2).suspended != {}


def test_finding_the_culprit_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda _: 1.5)
    rules = [make_rule(id, "saw") for id in range(10)]
    found = Matcher(rules, Limits(1.0, 2.0, 10.0, inquiry_s=5.0), clock).find([make_product(name="saw")])
    assert [rule.id for rule in found.suspended] == [0, 1, 2, 3]
    assert clock.now == 10 * 1.5 + 4 * 1.5


def test_a_search_that_gives_up_for_want_of_memory_is_made_for_each_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the set says that it found nothing, not even what is everywhere."""
    search = FieldSearch("name", [make_rule(1, "saw"), make_rule(2, "drill")])
    assert [rule.id for rule in search.find(b"saw")] == [1]

    class GaveUp:
        def Match(self, _text: bytes) -> None:
            return None

    monkeypatch.setattr(search, "_set", GaveUp())
    assert [rule.id for rule in search.find(b"a drill")] == [2]
    assert search.find(b"a hammer") == []


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=200))
def test_any_patterns_and_text_give_what_each_gives_alone(patterns: list[str], name: str) -> None:
    rules = []
    for id, pattern in enumerate(patterns):
        try:
            size_of(make_rule(id, pattern))
        except ValueError:
            continue
        rules.append(make_rule(id, pattern))
    product = make_product(name=name)
    alone = [rule.value for rule in rules if search_alone(rule, name.encode())] if name else []
    assert [signal.value for signal in Matcher(rules).find([product]).signals] == alone
