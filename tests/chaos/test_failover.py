"""The primary is lost and its standby promoted; the daemon finds it by the second host of its connection string."""

from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.chaos.observer import Observer, assert_all_settled
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.load import progress
from tests.support.process import Catalogd
from tests.support.roles import RUNTIME, give_rights
from tests.support.server import PrivateServer, private_server
from tests.support.standby import Standby, standby_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(600), pytest.mark.one_server]


@pytest.fixture
def primary(server: PrivateServer) -> Iterator[PrivateServer]:
    with private_server(server.binaries) as running:
        yield running


@pytest.fixture
def standby(primary: PrivateServer) -> Iterator[Standby]:
    with standby_of(primary) as running:
        yield running


def both(primary: PrivateServer, standby: Standby, **parameters: str) -> str:
    """A conninfo that names the two; whichever takes writes is used."""
    return make_conninfo(
        primary.dsn("shop"),
        host=f"{primary.host},{standby.host}",
        port=f"{primary.port},{standby.port}",
        target_session_attrs="read-write",
        **parameters,
    )


@pytest.mark.parametrize("synchronous", [True, pytest.param(False, marks=pytest.mark.chaos)])
def test_the_work_goes_on_at_the_promoted_standby(primary: PrivateServer, standby: Standby, synchronous: bool) -> None:
    """With synchronous replication nothing that was counted is lost; without, what the standby has is true."""
    database = Database.create(primary, "shop")
    assert Catalogd(both(primary, standby))("migrate", "--with-stand-in").returncode == 0
    give_rights(database)
    catalogd = Catalogd(both(primary, standby, user=RUNTIME))
    with psycopg.connect(primary.dsn("shop"), autocommit=True) as db:
        product_ids = shop(db, products=12_000)
        if synchronous:
            db.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            db.execute("SELECT pg_reload_conf()")
        processes = [catalogd.start(), catalogd.start()]
        try:
            batch_id = batch(db, product_ids)
            wait_until(lambda: progress(db, batch_id) > 0)
            counted = progress(db, batch_id)
            primary.stop(immediate=True)
            standby.promote()
            began = monotonic()
            promoted = Database(standby, "shop")
            with promoted.connect() as new, Observer(promoted.connect):
                found = progress(new, batch_id)
                assert not synchronous or found >= counted
                wait_until(lambda: progress(new, batch_id) > found)
                delay_s = monotonic() - began
                print(f"first slice committed {delay_s:.2f} s after the promotion")  # noqa: T201  # a figure
                for process in processes:
                    process.wait_for("listener.connected", count=2)
                tiny = batch(new, product_ids[:3])
                for each in (batch_id, tiny):
                    wait_until(lambda: is_completed(new, each), timeout_s=60)  # noqa: B023
                assert_settled(new, batch_id, product_ids)
                assert_settled(new, tiny, product_ids[:3])
                assert_all_settled(new)
            assert catalogd("status", str(batch_id), "--json").returncode == 0
            assert [process.stop() for process in processes] == [0, 0]
        finally:
            catalogd.close()


def is_completed(db: psycopg.Connection, batch_id: int) -> bool:
    row = db.execute("SELECT status FROM categorization_batches WHERE id = %s", (batch_id,)).fetchone()
    return row == ("completed",)
