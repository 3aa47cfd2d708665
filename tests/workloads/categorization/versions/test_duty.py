"""When the daemon learns by itself."""

from __future__ import annotations

import psycopg
import pytest

from daemon.workloads.categorization import store as shop_store
from daemon.workloads.categorization.versions import duty, store
from daemon.workloads.categorization.versions.duty import estimate_changed, find_reason
from daemon.workloads.categorization.versions.lesson import learn_from_shop
from tests.support.factories import batch, shop

pytestmark = pytest.mark.one_server  # its subject is when to learn

LABEL = "UPDATE products SET category_code = CASE id % 2 WHEN 0 THEN 'hammers' ELSE 'pipes' END"


def label(db: psycopg.Connection, number: int) -> None:
    """Give that many products more their category."""
    db.execute(f"{LABEL} WHERE id IN (SELECT id FROM products WHERE category_code IS NULL ORDER BY id LIMIT {number})")  # type: ignore[call-overload]  # noqa: S608


def pass_days(db: psycopg.Connection, days: int) -> None:
    db.execute("UPDATE categorization_models SET learned_at = learned_at - make_interval(days => %s)", (days,))


def test_nothing_learned_and_too_little_to_learn_from(db: psycopg.Connection) -> None:
    assert find_reason(db) is None
    shop(db, products=100, labelled=duty.FIRST_LESSON - 1)
    assert find_reason(db) is None
    label(db, 1)
    assert find_reason(db) == "50 labels, nothing learned"


def test_after_a_lesson_it_is_not_time_for_another(db: psycopg.Connection) -> None:
    shop(db, products=100, labelled=60)
    learn_from_shop(db)
    assert find_reason(db) is None
    pass_days(db, 30)
    assert find_reason(db) is None


def test_enough_new_labels(db: psycopg.Connection) -> None:
    shop(db, products=1000, labelled=100)
    learn_from_shop(db)
    label(db, 150)
    assert find_reason(db) is None
    label(db, 100)
    reason = find_reason(db)
    assert reason is not None
    assert 225 <= float(reason.split()[0]) <= 275


def test_many_labels_take_more(db: psycopg.Connection) -> None:
    shop(db, products=12_000, labelled=10_000)
    learn_from_shop(db)
    label(db, 400)
    assert find_reason(db) is None
    label(db, 250)
    assert find_reason(db) is not None


def test_labels_that_were_changed_or_taken_away_count_too(db: psycopg.Connection) -> None:
    shop(db, products=1000, labelled=1000)
    learn_from_shop(db)
    db.execute("UPDATE products SET category_code = 'hammers' WHERE id <= 250")  # half of them were
    assert find_reason(db) is None
    db.execute("UPDATE products SET category_code = NULL WHERE id > 850")
    assert find_reason(db) is not None


def test_a_days_worth_of_decisions(db: psycopg.Connection) -> None:
    shop(db, products=200, labelled=100)
    learn_from_shop(db)
    label(db, duty.CHANGED_IN_A_DAY - 3)
    pass_days(db, 1)
    assert find_reason(db) is None
    label(db, 6)
    assert find_reason(db) is not None


def test_before_a_day_has_passed_a_few_decisions_wait(db: psycopg.Connection) -> None:
    shop(db, products=200, labelled=100)
    learn_from_shop(db)
    label(db, 50)
    assert find_reason(db) is None
    db.execute("UPDATE categorization_models SET learned_at = now() + interval '3 hours'")  # the clock was put back
    assert find_reason(db) is not None


def test_a_lesson_that_was_kept_back_counts_as_one(db: psycopg.Connection) -> None:
    shop(db, products=1000, labelled=100)
    first = learn_from_shop(db).version
    label(db, 300)
    learn_from_shop(db)
    store.withdraw(db, first + 1)
    assert shop_store.read_model_version(db) == first
    assert find_reason(db) is None


def test_a_model_of_another_version_is_learned_anew_at_once(db: psycopg.Connection) -> None:
    shop(db, products=20, labelled=20)
    version = learn_from_shop(db).version
    db.execute("UPDATE categorization_models SET content = 'catalogd model 0\n...'")
    assert find_reason(db) == f"model {version} is of another version of catalogd"
    db.execute("UPDATE products SET category_code = NULL")
    assert find_reason(db) is None


def test_a_model_of_a_catalogd_that_kept_no_digests_is_learned_anew(db: psycopg.Connection) -> None:
    shop(db, products=20, labelled=20)
    learn_from_shop(db)
    db.execute("UPDATE categorization_models SET label_digests = NULL")
    assert find_reason(db) == "inf labels changed"


def test_what_learning_reads_is_what_is_counted(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=100, labelled=40)
    batch_id = batch(db, product_ids)
    db.execute(
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code)"
        " SELECT id, %s, CASE WHEN id < 80 THEN 'pipes' ELSE 'gone' END FROM products",
        (batch_id,),
    )
    db.execute("UPDATE predictions SET status = CASE product_id % 3 WHEN 0 THEN 'approved' ELSE 'rejected' END")
    read = dict((product.id, code) for product, code in shop_store.read_labelled(db))
    assert store.read_labels(db).number == len(read) == 40 + 13
    assert store.read_truths(db, product_ids) == read


@pytest.mark.parametrize("number", [0, 1, 20, 200, 2000])
def test_changes_are_told_within_a_tenth(number: int) -> None:
    changed = {hash(("a product", i)) % store.BUCKETS for i in range(number)}
    now = [int(bucket in changed) for bucket in range(store.BUCKETS)]
    assert estimate_changed([0] * store.BUCKETS, now) == pytest.approx(number, rel=0.1, abs=0.5)


def test_changes_of_everything_are_endless() -> None:
    assert estimate_changed([0, 0], [1, 1]) == float("inf")
    assert estimate_changed(None, [1, 1]) == float("inf")
    assert estimate_changed([0], [1, 1]) == float("inf")
