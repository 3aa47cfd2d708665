"""CATALOGD_NOTIFY=off: inserting a batch rings no bell, and the daemon polls."""

import psycopg
import pytest

from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject is the daemon


def heard_after_an_insert(db: psycopg.Connection) -> list[str]:
    """The payloads of what a batch's insert sends, and of a notification sent after it."""
    db.execute("LISTEN catalogd")
    batch(db, [1])
    db.execute("NOTIFY catalogd, 'last'")
    return [notify.payload for notify in db.notifies(timeout=20, stop_after=1)]


def test_without_the_bell_the_daemon_polls(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=5)
    migrated = catalogd("migrate", CATALOGD_NOTIFY="off")
    assert migrated.stdout == (
        "inserting a batch rings no bell: start every catalogd run anew, with CATALOGD_NOTIFY=off\n"
        "the schema is up to date\n"
    )
    process = catalogd.start(CATALOGD_NOTIFY="off")
    first = batch(db, product_ids)
    process.wait_for("batch.completed", batch_id=first)
    assert_settled(db, first, product_ids)
    assert process.stop() == 0
    assert heard_after_an_insert(db) == ["last"]


def test_a_daemon_that_waits_for_a_bell_that_never_rings_does_not_start(catalogd: Catalogd) -> None:
    assert catalogd("migrate", CATALOGD_NOTIFY="off").returncode == 0
    refused = catalogd("run")
    assert refused.returncode == 78
    assert "CATALOGD_NOTIFY=off" in refused.stderr
    assert catalogd("status").returncode == 0


def test_the_bell_can_be_hung_up_again(db: psycopg.Connection, catalogd: Catalogd) -> None:
    assert catalogd("migrate", CATALOGD_NOTIFY="off").returncode == 0
    assert catalogd("migrate").stdout == "the schema is up to date\n"
    assert heard_after_an_insert(db)[0] == "categorization_batches"
    process = catalogd.start()
    assert process.stop() == 0
