"""The rules in use: taken up when they are written, told once when they cannot be used, left out when they are slow."""

from datetime import timedelta

import psycopg
import pytest

from daemon.workloads.categorization import store
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules import current
from daemon.workloads.categorization.rules.current import MOST_RULES, TOO_MANY, CurrentRules
from daemon.workloads.categorization.rules.matching import Limits
from daemon.workloads.categorization.taxonomy import Category, Taxonomy
from tests.support.events import EventTap
from tests.support.factories import rule
from tests.workloads.categorization.shop import TAXONOMY, make_product

pytestmark = pytest.mark.one_server  # its subject is the cache

AT_ONCE = timedelta(0)
LONG = timedelta(hours=1)
SAW = make_product(name="Hand saw")
SLOW = make_product(name="".join("ab"[n * n // 7 % 2] for n in range(4_000)))
HUGE = "(?:a|b)*a.{990}c"


def heard(rules: CurrentRules, db: psycopg.Connection, *products: Product, taxonomy: Taxonomy = TAXONOMY) -> list[str]:
    return [signal.category_code for signal in rules.signals(db, taxonomy, products or (SAW,))]


def told(events: EventTap) -> list[tuple[str, int, str]]:
    return [(event["event"], event["rule_id"], event["reason"]) for event in events.all()]


def test_a_rule_is_taken_up_changed_and_dropped(db: psycopg.Connection, events: EventTap) -> None:
    rules = CurrentRules(age=AT_ONCE)
    assert heard(rules, db) == []
    rule_id = rule(db, "saw", "saws")
    assert heard(rules, db) == ["saws"]
    db.execute("UPDATE category_rules SET category_code = 'drills'")
    assert heard(rules, db) == ["drills"]
    db.execute("UPDATE category_rules SET is_active = false")
    assert heard(rules, db) == []
    db.execute("UPDATE category_rules SET is_active = true, field = 'sku'")
    assert heard(rules, db) == []
    db.execute("UPDATE category_rules SET field = 'name'")
    assert heard(rules, db) == ["drills"]
    db.execute("DELETE FROM category_rules WHERE id = %s", (rule_id,))
    assert heard(rules, db) == []
    assert events.all() == []


def test_within_its_age_nothing_is_asked_of_the_database(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = current.store.read_active
    monkeypatch.setattr(current.store, "read_active", lambda conn, most: reads.append(most) or read(conn, most))
    rules = CurrentRules(age=LONG)
    for _ in range(5):
        assert heard(rules, db) == []
    rule(db, "saw", "saws")
    assert heard(rules, db) == []
    assert len(reads) == 1


def test_what_has_not_changed_is_not_compiled_again(db: psycopg.Connection) -> None:
    rules = CurrentRules(age=AT_ONCE)
    rule(db, "saw", "saws")
    heard(rules, db)
    compiled = rules._matcher
    heard(rules, db, taxonomy=Taxonomy(TAXONOMY))
    assert rules._matcher is compiled


@pytest.mark.parametrize(
    ("pattern", "category", "reason"),
    [
        ("(saw", "saws", "the pattern is no regular expression of RE2: missing ): (saw"),
        ("saw", "sows", "the shop has no category sows"),
        ("saw|" * 1_000_000, "saws", "the pattern is longer than 500 characters"),
        (r"\pL{10}" * 50, "saws", "the pattern is too large: "),
    ],
)
def test_a_rule_that_cannot_be_used_is_told_once_and_passed_over(
    db: psycopg.Connection, events: EventTap, pattern: str, category: str, reason: str
) -> None:
    rules = CurrentRules(age=AT_ONCE)
    bad = rule(db, pattern, category)
    rule(db, "hand", "drills")
    for _ in range(3):  # the categories are read anew every now and then
        assert heard(rules, db, taxonomy=Taxonomy(TAXONOMY)) == ["drills"]
    ((event, rule_id, said),) = told(events)
    assert (event, rule_id) == ("rule.refused", bad)
    assert said.startswith(reason)
    db.execute("UPDATE category_rules SET pattern = 'saw', category_code = 'saws' WHERE id = %s", (bad,))
    assert heard(rules, db) == ["saws", "drills"]


def test_a_rule_waits_for_its_category(db: psycopg.Connection, events: EventTap) -> None:
    rules = CurrentRules(age=LONG)
    rule(db, "saw", "jigsaws")
    assert heard(rules, db) == []
    assert heard(rules, db, taxonomy=Taxonomy([Category("jigsaws", "Jigsaws", "")])) == ["jigsaws"]
    assert heard(rules, db) == []
    assert [name for name, _, _ in told(events)] == ["rule.refused", "rule.refused"]


def test_more_rules_than_can_be_used_are_refused_from_the_end(db: psycopg.Connection, events: EventTap) -> None:
    db.execute(
        "INSERT INTO category_rules (field, pattern, category_code)"
        " SELECT 'name', 'x' || i, 'saws' FROM generate_series(1, %s) AS i",
        (MOST_RULES + 5,),
    )
    rules = CurrentRules(age=AT_ONCE)
    assert heard(rules, db, make_product(name=f"x{MOST_RULES}")) != []
    assert heard(rules, db, make_product(name=f"y{MOST_RULES + 1}")) == []
    assert [reason for _, _, reason in told(events)] == [TOO_MANY]


def test_rules_that_are_too_large_together_are_refused_from_the_end(db: psycopg.Connection, events: EventTap) -> None:
    large = r"\pL{8}"  # about 9,600 instructions
    ids = [rule(db, f"{large}{n}", "saws") for n in range(12)]
    heard(CurrentRules(age=AT_ONCE), db)
    refused = [rule_id for _, rule_id, reason in told(events) if "no room" in reason]
    assert refused == ids[-len(refused) :]
    assert 1 <= len(refused) <= 4


def test_a_slow_rule_is_told_once_and_left_out_until_it_is_changed(db: psycopg.Connection, events: EventTap) -> None:
    rules = CurrentRules(age=AT_ONCE, limits=Limits(search_s=0.002))
    slow = rule(db, HUGE, "saws")
    rule(db, "^[ab]", "drills")
    assert heard(rules, db, SLOW, SLOW) == ["drills", "drills"]
    rule(db, "nothing of it", "bolts")
    assert heard(rules, db, SLOW, taxonomy=Taxonomy(TAXONOMY)) == ["drills"]
    ((event, rule_id, reason),) = told(events)
    assert (event, rule_id) == ("rule.suspended", slow)
    assert "of processor time; 2 ms are allowed" in reason
    db.execute("UPDATE category_rules SET note = 'try again' WHERE id = %s", (slow,))
    assert heard(rules, db, SLOW) == ["drills"]
    assert len(told(events)) == 2
    db.execute("UPDATE category_rules SET pattern = 'ab' WHERE id = %s", (slow,))
    assert heard(rules, db, SLOW) == ["saws", "drills"]


def test_what_one_worker_found_slow_the_others_leave_out(db: psycopg.Connection, events: EventTap) -> None:
    """Both had it in hand: it is told once."""
    rules = CurrentRules(age=LONG, limits=Limits(search_s=0.002))
    slow = rule(db, HUGE, "saws")
    rules.signals(db, TAXONOMY, [SAW])
    found = rules._matcher.find([SLOW])
    rules._suspend(found.suspended)
    rules._suspend(found.suspended)
    assert [rule_id for _, rule_id, _ in told(events)] == [slow]
    assert rules._matcher.rules == ()


def test_the_shops_own_taxonomy_is_what_counts(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO categories (code, label, path) VALUES ('saws', 'Saws', 'Tools > Saws')")
    rule(db, "saw", "saws", weight="-2.5", note="not ours")
    (signal,) = CurrentRules().signals(db, store.read_taxonomy(db), [SAW])
    assert (signal.amount, signal.value) == (-2.5, f"rule {1}: name matches “saw”, not ours")
