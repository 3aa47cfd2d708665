"""Products that hold their worker up for ever: the process is ended for it, and that counts as a death."""

import psycopg
import pytest

from tests.chaos.fleet import Fleet
from tests.chaos.observer import Observer, assert_all_settled
from tests.chaos.test_poison import MOST_DEATHS, poison, wait_until_completed
from tests.support import saboteur
from tests.support.database import Database
from tests.support.factories import batch, errors_of, shop
from tests.support.process import Catalogd
from tests.support.saboteur import Harm

pytestmark = (
    pytest.mark.one_server
)  # its subject is a process that does not move; recovery from its death is that of test_poison.py


@pytest.mark.parametrize("harm", [Harm.LOOP, pytest.param(Harm.REGEX, marks=pytest.mark.chaos)])
def test_a_product_whose_treatment_never_ends(
    harm: Harm, db: psycopg.Connection, database: Database, catalogd: Catalogd
) -> None:
    """The loop is found by the process itself; what lets no thread of it run, by the watchdog outside."""
    product_ids = shop(db, products=20)
    culprit = product_ids[2]
    poison(db, culprit, harm)
    environment = {"CATALOGD_FROZEN_SECONDS": "1"}
    with Observer(database.connect), Fleet(catalogd, 1, saboteur.PROGRAM, watchdog_s=6.0, **environment) as fleet:
        batch_id = batch(db, product_ids)
        wait_until_completed(db, batch_id)
        deaths = fleet.deaths
    assert errors_of(db, batch_id) == [(str(culprit), "worker_died")]
    assert 0 < deaths <= MOST_DEATHS
    assert bool(fleet.events("thread.silent")) is (harm is Harm.LOOP)
    assert_all_settled(db, dead=fleet.instances)


@pytest.mark.chaos
def test_a_product_whose_statement_never_ends(db: psycopg.Connection, database: Database, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=20)
    culprit = product_ids[2]
    poison(db, culprit, Harm.SLEEP)
    with Observer(database.connect), Fleet(catalogd, 1, saboteur.PROGRAM, CATALOGD_FROZEN_SECONDS="1") as fleet:
        batch_id = batch(db, product_ids)
        wait_until_completed(db, batch_id)
    assert errors_of(db, batch_id) == [(str(culprit), "worker_died")]
    assert fleet.codes == [0]  # no process was ended for it
    assert_all_settled(db, dead=fleet.instances)
