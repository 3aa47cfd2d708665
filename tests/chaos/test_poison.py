"""Products that harm whoever treats them: an item error at the end, and every other product done."""

import psycopg
import pytest

from tests.chaos.fleet import Fleet
from tests.chaos.observer import Observer, assert_all_settled
from tests.support import saboteur
from tests.support.database import Database
from tests.support.factories import batch, errors_of, read_batch, shop
from tests.support.process import Catalogd
from tests.support.saboteur import MARK, RAISES, Harm
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the daemon

MOST_DEATHS = 5


def poison(db: psycopg.Connection, product_id: int, harm: Harm) -> None:
    db.execute("UPDATE products SET name = %s WHERE id = %s", (MARK + harm, product_id))


def wait_until_completed(db: psycopg.Connection, batch_id: int, timeout_s: float = 90.0) -> None:
    wait_until(lambda: read_batch(db, batch_id)["status"] == "completed", timeout_s)


@pytest.mark.parametrize(
    "harm",
    [
        Harm.EXIT,
        pytest.param(Harm.SIGKILL, marks=pytest.mark.chaos),
        pytest.param(Harm.OOM_KILLER, marks=pytest.mark.chaos),
    ],
)
@pytest.mark.parametrize("instances", [1, pytest.param(2, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("size", [1000, 5])
def test_a_product_that_kills(
    harm: Harm, instances: int, size: int, db: psycopg.Connection, database: Database, catalogd: Catalogd
) -> None:
    product_ids = shop(db, products=size)
    culprit = product_ids[2]
    poison(db, culprit, harm)
    with Observer(database.connect), Fleet(catalogd, instances, saboteur.PROGRAM) as fleet:
        batch_id = batch(db, product_ids)
        wait_until_completed(db, batch_id)
        deaths = fleet.deaths
    assert errors_of(db, batch_id) == [(str(culprit), "worker_died")]
    assert 0 < deaths <= MOST_DEATHS
    assert_all_settled(db, dead=fleet.instances)


def test_products_that_raise_end_no_process(db: psycopg.Connection, database: Database, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=1000)
    culprits = dict(zip(product_ids[::150], sorted(RAISES), strict=False))
    for product_id, harm in culprits.items():
        poison(db, product_id, harm)
    assert len(culprits) == len(RAISES)
    with Observer(database.connect), Fleet(catalogd, 1, saboteur.PROGRAM) as fleet:
        batch_id = batch(db, product_ids)
        wait_until_completed(db, batch_id)
    assert fleet.codes == [0]
    assert errors_of(db, batch_id) == sorted((str(product_id), "refused") for product_id in culprits)
    assert_all_settled(db, dead=fleet.instances)
