"""What people decided, as signals and as labels; both say the same."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.engine.workload import Item
from daemon.workloads.categorization import store, workload
from daemon.workloads.categorization.decision import Decision
from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.people.decisions import AGAINST, FOR, HumanDecision, signals, weigh
from daemon.workloads.categorization.taxonomy import Taxonomy
from daemon.workloads.categorization.versions.lesson import learn_from_shop
from daemon.workloads.categorization.workload import Categorization
from tests.support.factories import batch, shop

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
CODES = ("hammers", "pipes", "saws")


def predict(db: psycopg.Connection, product_id: int, code: str = "hammers") -> int:
    """A prediction as the daemon writes it; its id."""
    item = Item(batch(db, [product_id]), product_id)
    decision = Decision(code, code.title(), 93.21, "high", (Evidence("name", "Name", "“hammer”", 0.8),))
    with db.transaction():
        store.write_predictions(db, {item: decision}, Taxonomy(), 3, {})
    row = db.execute("SELECT max(id) FROM predictions").fetchone()
    assert row is not None
    return int(row[0])


def decide(db: psycopg.Connection, prediction_id: int, status: str) -> None:
    db.execute("UPDATE predictions SET status = %s WHERE id = %s", (status, prediction_id))


def recommend(
    db: psycopg.Connection, prediction_id: int | None, code: str | None, product_id: int | None = None
) -> int:
    row = db.execute(
        "INSERT INTO human_recommendations (prediction_id, category_code, created_by, reason, product_id)"
        " VALUES (%s, %s, 7, 'it says so', %s) RETURNING id",
        (prediction_id, code, product_id),
    ).fetchone()
    assert row is not None
    return int(row[0])


def labels(db: psycopg.Connection) -> dict[int, str]:
    return {product.id: code for product, code in store.read_labelled(db)}


def said(db: psycopg.Connection, *product_ids: int) -> list[tuple[int, str, float]]:
    """Row, category and amount of each signal."""
    products = store.read_products(db, product_ids)
    return [signal[:3] for signal in signals(db, [products[id] for id in product_ids])]


def test_nobody_decided_and_nothing_is_said(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    predict(db, product_id)
    assert said(db, product_id) == []
    assert signals(db, []) == []
    assert labels(db) == {}


def test_a_rejected_category_speaks_against_itself_for_that_product_alone(db: psycopg.Connection) -> None:
    first, second = shop(db, products=2)
    prediction_id = predict(db, first)
    decide(db, prediction_id, "rejected")
    db.execute("UPDATE human_decisions SET decided_at = %s", (MONDAY,))
    asked = list(store.read_products(db, [second]).values()) + list(store.read_products(db, [first]).values()) * 2
    about = (
        "hammers",
        AGAINST,
        "decision",
        "People's decision",
        f"rejected on 2026-11-02 (prediction {prediction_id})",
    )
    assert signals(db, asked) == [Signal(1, *about), Signal(2, *about)]
    assert labels(db) == {}


def test_an_approved_category_speaks_for_itself_and_is_learned(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    decide(db, predict(db, product_id), "approved")
    assert said(db, product_id) == [(0, "hammers", FOR)]
    assert labels(db) == {product_id: "hammers"}


def test_who_recommends_another_category_rejects_the_predicted_one(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    prediction_id = predict(db, product_id)
    recommend(db, prediction_id, "pipes")
    assert said(db, product_id) == [(0, "hammers", AGAINST), (0, "pipes", FOR)]
    assert labels(db) == {product_id: "pipes"}
    values = [signal.value for signal in signals(db, list(store.read_products(db, [product_id]).values()))]
    assert values[0].startswith("another one recommended on ")
    assert values[1].startswith("recommended on ")
    assert all(value.endswith(f" (prediction {prediction_id})") for value in values)


@pytest.mark.parametrize("none", [None, ""])
def test_none_of_them_rejects_and_names_nothing(db: psycopg.Connection, none: str | None) -> None:
    (product_id,) = shop(db, products=1)
    recommend(db, predict(db, product_id), none)
    assert db.execute("SELECT category_code FROM human_recommendations").fetchone() == (None,)
    assert said(db, product_id) == [(0, "hammers", AGAINST)]
    assert labels(db) == {}


def test_a_newer_recommendation_takes_the_place_of_an_older(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    prediction_id = predict(db, product_id)
    recommend(db, prediction_id, "hammers")
    recommend(db, None, "pipes", product_id)
    assert labels(db) == {product_id: "pipes"}
    assert said(db, product_id) == [(0, "pipes", FOR)]
    recommend(db, prediction_id, None)  # not hammers; of pipes nothing is said
    assert labels(db) == {product_id: "pipes"}
    assert said(db, product_id) == [(0, "hammers", AGAINST), (0, "pipes", FOR)]


@pytest.mark.parametrize(("first", "then"), [("approved", "recommended"), ("recommended", "approved")])
def test_of_an_approval_and_a_recommendation_the_newer_counts(db: psycopg.Connection, first: str, then: str) -> None:
    (product_id,) = shop(db, products=1)
    prediction_id = predict(db, product_id)
    for act in (first, then):
        if act == "approved":
            decide(db, prediction_id, "approved")
        else:
            recommend(db, None, "pipes", product_id)
    expected = "hammers" if then == "approved" else "pipes"
    assert labels(db) == {product_id: expected}
    assert said(db, product_id) == [(0, expected, FOR)]


def test_what_was_approved_and_rejected_since_is_not_learned_any_more(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    first, second = predict(db, product_id), predict(db, product_id)
    decide(db, first, "approved")
    decide(db, second, "rejected")
    assert labels(db) == {}
    assert said(db, product_id) == [(0, "hammers", AGAINST)]
    decide(db, second, "approved")
    assert labels(db) == {product_id: "hammers"}
    assert said(db, product_id) == [(0, "hammers", FOR)]


def test_a_decision_that_is_taken_back_says_nothing(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    prediction_id = predict(db, product_id)
    decide(db, prediction_id, "approved")
    decide(db, prediction_id, "pending")
    assert said(db, product_id) == []
    assert labels(db) == {}
    recommendation_id = recommend(db, prediction_id, "pipes")
    db.execute("UPDATE human_recommendations SET category_code = 'hammers' WHERE id = %s", (recommendation_id,))
    assert said(db, product_id) == [(0, "hammers", FOR)]
    db.execute("DELETE FROM human_recommendations")
    assert said(db, product_id) == []


def test_the_category_that_the_shop_confirmed_goes_first(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1, labelled=1)  # a pipe, by the shop's word
    decide(db, predict(db, product_id, "pipes"), "rejected")
    recommend(db, None, "hammers", product_id)
    assert labels(db) == {product_id: "pipes"}
    assert said(db, product_id) == [(0, "hammers", FOR)]


def test_what_a_machine_approves_is_nobodys_decision(db: psycopg.Connection) -> None:
    """It would prove the predictions right by themselves, and be learned from."""
    (product_id,) = shop(db, products=1)
    prediction_id = predict(db, product_id)
    with db.transaction():
        db.execute("SELECT set_config('catalogd.actor', 'auto', true)")
        decide(db, prediction_id, "approved")
    assert labels(db) == {}
    assert db.execute("SELECT count(*) FROM lived_decisions").fetchone() == (0,)
    audited = db.execute("SELECT action, actor_type FROM audit_log WHERE entity_type = 'prediction'").fetchall()
    assert audited == [("approved", "auto")]
    decide(db, prediction_id, "rejected")  # a person looked at it
    assert said(db, product_id) == [(0, "hammers", AGAINST)]


def test_a_prediction_that_repeats_what_people_said_proves_nothing(db: psycopg.Connection) -> None:
    approved, corrected, rejected = shop(db, products=3)
    firsts = [predict(db, product_id) for product_id in (approved, corrected, rejected)]
    decide(db, firsts[0], "approved")
    recommend(db, firsts[1], "pipes")
    decide(db, firsts[2], "rejected")
    decide(db, predict(db, approved), "approved")
    decide(db, predict(db, corrected, "pipes"), "approved")
    other = predict(db, rejected, "pipes")  # nobody had said what it is: that is the model's own
    decide(db, other, "approved")
    lived = db.execute("SELECT prediction_id, is_right FROM lived_decisions ORDER BY prediction_id").fetchall()
    assert lived == [(firsts[0], True), (firsts[1], False), (firsts[2], False), (other, True)]


@pytest.mark.parametrize(
    ("user", "actor"), [("7", 7), ("", None), ("7; DROP TABLE products", None), ("9" * 30, None), ("-1", None)]
)
def test_a_decision_is_audited_with_who_made_it_if_that_is_known(
    db: psycopg.Connection, user: str, actor: int | None
) -> None:
    (product_id,) = shop(db, products=1)
    prediction_id = predict(db, product_id)
    for status in ("approved", "approved", "rejected", "pending"):
        with db.transaction():
            db.execute("SELECT set_config('catalogd.user', %s, true)", (user,))
            decide(db, prediction_id, status)
    recommendation_id = recommend(db, prediction_id, "pipes")
    recommend(db, None, None, product_id)
    entries = db.execute(
        "SELECT entity_type, entity_id, action, actor_type, actor_id, metadata ->> 'to', metadata -> 'recommendation'"
        " FROM audit_log WHERE entity_type IN ('prediction', 'product') ORDER BY id"
    ).fetchall()
    assert entries == [
        ("prediction", prediction_id, "approved", "user", actor, "approved", None),
        ("prediction", prediction_id, "rejected", "user", actor, "rejected", None),
        ("prediction", prediction_id, "withdrawn", "user", actor, "pending", None),
        ("prediction", prediction_id, "recommended", "user", 7, None, recommendation_id),
        ("product", product_id, "recommended", "user", 7, None, recommendation_id + 1),
    ]


def test_what_the_daemon_supersedes_is_no_decision(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    for _ in range(3):
        predict(db, product_id)
    assert db.execute("SELECT count(*) FROM human_decisions").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM audit_log").fetchone() == (0,)


def test_a_recommendation_for_nothing_or_for_another_product_is_refused(db: psycopg.Connection) -> None:
    first, second = shop(db, products=2)
    prediction_id = predict(db, first)
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="there is no prediction 999"):
        recommend(db, 999, "pipes")
    with pytest.raises(psycopg.errors.CheckViolation, match=f"is for product {first}, not for product {second}"):
        recommend(db, prediction_id, "pipes", second)
    with pytest.raises(psycopg.errors.NotNullViolation, match="needs a prediction_id, or a product_id"):
        recommend(db, None, "pipes")
    assert said(db, first, second) == []
    recommend(db, prediction_id, "pipes", first)
    assert db.execute("SELECT product_id FROM human_recommendations").fetchall() == [(first,)]


def test_decisions_outlive_a_deleted_batch_and_go_with_their_product(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    prediction_id = predict(db, product_id)
    decide(db, prediction_id, "rejected")
    recommend(db, prediction_id, "pipes")
    db.execute("DELETE FROM categorization_batches")
    assert db.execute("SELECT prediction_id, product_id FROM human_recommendations").fetchall() == [(None, product_id)]
    assert labels(db) == {product_id: "pipes"}
    assert said(db, product_id) == [(0, "hammers", AGAINST), (0, "pipes", FOR)]
    db.execute("DELETE FROM users")
    assert db.execute("SELECT created_by FROM human_recommendations").fetchone() == (None,)
    db.execute("DELETE FROM products")
    assert db.execute("SELECT count(*) FROM human_decisions").fetchone() == (0,)


@pytest.mark.parametrize(("silent", "expected"), [([], [(1, "hammers", AGAINST)]), (["decision"], [])])
def test_a_slice_is_decided_with_what_people_said_unless_they_are_not_to_be_heard(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, silent: list[str], expected: list[tuple[int, str, float]]
) -> None:
    first, second = shop(db, products=2)
    decide(db, predict(db, second), "rejected")
    heard: list[Signal] = []

    def listen(*arguments: Any, signals: Sequence[Signal], **_: Any) -> list[Decision]:
        heard.extend(signals)
        return [Decision("pipes", "Pipes", 50.0, "low", (Evidence("a", "A", "b", 1.0),)) for _ in arguments[2]]

    monkeypatch.setattr(workload, "decide", listen)
    batch_id = batch(db, [first, second])
    with db.transaction():
        Categorization(90.0, frozenset(silent)).process(db, [Item(batch_id, first), Item(batch_id, second)])
    assert [signal[:3] for signal in heard] == expected


def test_a_rejected_category_is_not_suggested_again_and_a_recommended_one_is(
    db: psycopg.Connection,
) -> None:
    product_ids = shop(db, products=60, labelled=58)
    db.execute("INSERT INTO categories VALUES ('saws', 'Saws', 'Tools > Saws')")  # nothing was ever learned of it
    learn_from_shop(db)
    hammer, pipe = product_ids[-1], product_ids[-2]  # the last is the even one
    latest = (
        "SELECT suggested_category_code, id, confidence_level FROM predictions WHERE product_id = %s ORDER BY id DESC"
    )

    def ask() -> list[Any]:
        batch_id = batch(db, [hammer, pipe])
        with db.transaction():
            Categorization(90.0).process(db, [Item(batch_id, hammer), Item(batch_id, pipe)])
        return [db.execute(latest, (product_id,)).fetchone() for product_id in (hammer, pipe)]

    (first, first_id, _), (second, second_id, _) = ask()
    assert (first, second) == ("hammers", "pipes")
    decide(db, first_id, "rejected")
    recommend(db, second_id, "saws")
    (first, first_id, _), (second, second_id, level) = ask()
    assert (first, second, level) == ("pipes", "saws", "high")
    said_so = "SELECT evidence_value FROM evidence WHERE prediction_id = %s AND source_type = 'decision'"
    assert any("rejected on " in value for (value,) in db.execute(said_so, (first_id,)))
    assert any("recommended on " in value for (value,) in db.execute(said_so, (second_id,)))
    decide(db, first_id, "rejected")  # neither hammers nor pipes
    assert ask()[1][0] == "saws"


@st.composite
def histories(draw: st.DrawFn) -> list[HumanDecision]:
    """Decisions on one product, in the order of their time."""
    made = []
    for hour in range(draw(st.integers(0, 8))):
        verdict = draw(st.sampled_from(("approved", "rejected", "recommended")))
        predicted = draw(st.sampled_from(CODES))
        chosen = {"approved": predicted, "rejected": None}.get(verdict, draw(st.sampled_from((None, *CODES))))
        made.append(
            HumanDecision(1, 17, verdict, predicted, chosen, predicted == chosen, MONDAY + timedelta(hours=hour))  # type: ignore[arg-type]
        )
    return made


@given(histories())
def test_a_category_is_named_or_refused_but_never_both_and_one_is_named_at_most(history: list[HumanDecision]) -> None:
    opinions = list(weigh(history))
    codes = [opinion.category_code for opinion in opinions]
    assert codes == sorted(set(codes))
    assert sum(opinion.is_for for opinion in opinions) <= 1
    if history:
        last = history[-1]
        found = {opinion.category_code: opinion.is_for for opinion in opinions}
        assert last.chosen is None or found[last.chosen]
        assert last.refused is None or found[last.refused] is False


def test_what_is_learned_is_what_speaks_for_itself(db: psycopg.Connection) -> None:
    """The statement that reads labels and the function that weighs decisions, on the same histories at random."""
    chance = random.Random(1)
    product_ids = shop(db, products=400)
    db.execute("INSERT INTO categories VALUES ('saws', 'Saws', 'Saws')")
    rows = []
    for product_id in product_ids:
        for hour in range(chance.randint(0, 6)):
            verdict, predicted = chance.choice(("approved", "rejected", "recommended")), chance.choice(CODES)
            chosen = {"approved": predicted, "rejected": None}.get(verdict, chance.choice((None, *CODES)))
            at = MONDAY + timedelta(hours=hour // 2)  # some at the same moment
            rows.append((product_id, len(rows), verdict, predicted, chosen, predicted == chosen, at))
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO human_decisions (product_id, prediction_id, verdict, predicted_category_code,"
            " right_category_code, is_right, decided_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            rows,
        )
    products = list(store.read_products(db, product_ids).values())
    speak_for = {
        products[signal.row].id: signal.category_code for signal in signals(db, products) if signal.amount == FOR
    }
    assert len(speak_for) > 100
    assert labels(db) == speak_for
