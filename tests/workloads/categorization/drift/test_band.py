"""What is usual, and when a batch is not."""

from random import Random

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.drift.band import FEWEST, FIGURES, LEAST_SHIFT, Shares, band, find_outside
from daemon.workloads.categorization.model.learning import Judged

pytestmark = pytest.mark.one_server  # its subject is arithmetic

SHARES = st.floats(0, 1)
NUMBERS = st.integers(1, 1_000_000)


def draw(chance: Random, usual: Shares, products: int) -> Shares:
    """What is seen of a batch of the usual products."""

    def share(of: float) -> float:
        return sum(chance.random() < of for _ in range(products)) / products

    return Shares(products, share(usual.low), share(usual.unknown), share(usual.unknown_manufacturers))


@given(SHARES, NUMBERS, NUMBERS)
def test_what_is_usual_is_always_allowed(share: float, known: int, products: int) -> None:
    allowed = band(share, known, products)
    assert 0 <= allowed.lower <= share <= allowed.upper <= 1
    assert share in allowed


@given(SHARES, NUMBERS, NUMBERS, NUMBERS)
def test_a_larger_batch_is_allowed_less(share: float, known: int, products: int, more: int) -> None:
    wide, narrow = band(share, known, products), band(share, known, products + more)
    assert wide.lower <= narrow.lower
    assert narrow.upper <= wide.upper


@given(SHARES, NUMBERS, st.integers(0, FEWEST - 1))
def test_a_tiny_batch_may_be_anything(share: float, known: int, products: int) -> None:
    assert band(share, known, products) == (0, 1)


def test_where_nothing_is_known_anything_is_usual() -> None:
    assert band(0.1, 0, 1_000_000) == (0, 1)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("products", [20, 50, 200, 1_000])
def test_batches_of_usual_products_are_told_about_hardly_ever(share: float, products: int) -> None:
    """The usual shares are estimated from few products, by the same chance."""
    chance = Random(products)
    told = 0
    for _ in range(400):
        true = Shares(300, share, share, share)
        usual = draw(chance, true, 300)
        told += bool(find_outside(draw(chance, true, products), usual))
    assert told <= 2


@given(st.floats(0, 0.5), st.integers(500, 100_000), st.integers(2_000, 100_000), st.sampled_from(FIGURES))
def test_a_real_shift_of_a_large_batch_is_told(share: float, known: int, products: int, figure: str) -> None:
    usual = Shares(known, share, share, share)
    same = {name: share for name in FIGURES}
    seen = Shares(products, **same | {figure: share + 0.25})
    assert find_outside(seen, usual) == [figure]
    assert find_outside(usual, seen) == [figure]


@given(st.floats(0, 0.9), st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_shift_that_matters_to_nobody_is_not_told(share: float, known: int, products: int) -> None:
    moved = share + 0.99 * LEAST_SHIFT
    assert find_outside(Shares(products, moved, moved, moved), Shares(known, share, share, share)) == []


def test_what_is_usual_is_what_the_held_out_products_were_like() -> None:
    judged = [
        Judged(1, "saws", "saws", 99.0, 0.0, False),
        Judged(2, "saws", "saws", 60.0, 0.5, False),
        Judged(3, "saws", "bolts", 59.99, 0.5, True),
        Judged(4, "saws", "bolts", 10.0, 1.0, True),
    ]
    usual = Shares.of_judged(judged)
    assert usual == Shares(4, 0.5, 0.5, 0.5)
    assert usual.as_report() == {"products": 4, "low": 0.5, "unknown": 0.5, "unknown_manufacturers": 0.5}
    assert Shares.of_judged([]) is None


def test_the_view_has_the_same_band(db: psycopg.Connection) -> None:
    """It is written down twice, for PHP: they must not part."""
    chance = Random(7)
    expected = {}
    for batch_id in range(1, 400):
        products, known = chance.choice([1, 19, 20, 60, 500, 40_000]), chance.choice([0, 1, 30, 500, 9_000])
        usual = Shares(known, *(chance.choice([0.0, 1.0, chance.random(), 0.05]) for _ in FIGURES))
        counts = [min(products, int(products * abs(chance.gauss(share, 0.12)))) for share in (usual.low, 0.2)]
        unknown = min(1.0, abs(chance.gauss(usual.unknown, 0.15))) * products
        db.execute("INSERT INTO categorization_batches (id, product_ids) VALUES (%s, '[]')", (batch_id,))
        db.execute(
            "WITH model AS (INSERT INTO categorization_models (products, categories, report, content)"
            " VALUES (1, 1, jsonb_build_object('usual', jsonb_build_object("
            " 'products', %s::int, 'low', %s::float8, 'unknown', %s::float8, 'unknown_manufacturers', %s::float8)), '')"
            " RETURNING version)"
            " INSERT INTO batch_observations (batch_id, model_version, products, low, unknown, unknown_manufacturers)"
            " SELECT %s, version, %s, %s, %s, %s FROM model",
            (
                known,
                usual.low,
                usual.unknown,
                usual.unknown_manufacturers,
                batch_id,
                products,
                counts[0],
                unknown,
                counts[1],
            ),
        )
        seen = Shares(products, counts[0] / products, unknown / products, counts[1] / products)
        expected[batch_id] = find_outside(seen, usual)
    found = dict(db.execute("SELECT batch_id, outside FROM batch_drift").fetchall())
    assert found == expected
    assert sum(map(bool, expected.values())) > 50
    assert sum(map(bool, expected.values())) < 350
