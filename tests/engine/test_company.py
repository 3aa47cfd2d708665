"""What has ended its worker before is treated with nothing else in hand."""

import threading
from collections.abc import Sequence

import psycopg
import pytest

from daemon.engine.company import Company, Crowded
from daemon.engine.workload import Item
from tests.support.database import Database
from tests.support.engine import Engine, make_queue, ms, slices
from tests.support.events import EventTap
from tests.support.factories import batch, read_batch, shop
from tests.support.waiting import wait_until
from tests.support.workload import Gate, RecordingWorkload


def test_others_are_beside_each_other() -> None:
    company = Company()
    with company.beside_others(), company.beside_others():
        pass


def test_who_wants_to_be_alone_waits_for_those_inside_and_goes_before_those_that_come_later() -> None:
    company = Company()
    order: list[str] = []

    def be_alone() -> None:
        with company.alone():
            order.append("alone")

    def come_later() -> None:
        with company.beside_others():
            order.append("later")

    loner, latecomer = threading.Thread(target=be_alone), threading.Thread(target=come_later)
    with company.beside_others():
        loner.start()
        wait_until(lambda: company._loners == 1)
        latecomer.start()
        wait_until(lambda: len(company._changed._waiters) == 2)  # type: ignore[attr-defined]
        order.append("inside")
    loner.join(10)
    latecomer.join(10)
    assert order == ["inside", "alone", "later"]


@pytest.mark.parametrize("inside", ["beside_others", "alone"])
def test_nobody_waits_for_ever_and_who_gives_up_keeps_nobody_out(inside: str) -> None:
    company = Company(patience=ms(10))
    with getattr(company, inside)(), pytest.raises(Crowded), company.alone():
        pass
    with company.alone(), pytest.raises(Crowded), company.beside_others():
        pass
    with company.beside_others():
        pass


def test_who_waits_in_vain_to_be_alone_gives_the_slice_back_unspent(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    gate = Gate()
    workload = RecordingWorkload(slice_size=1, before=gate)
    batch_id = batch(db, shop(db, products=2))
    make_queue(slice_size=1).plan(db)
    db.execute("UPDATE batch_slices SET attempts = 1 WHERE items = '{2}'")
    with Engine(database.session, workload, workers=2, patience=ms(50)) as engine:
        assert gate.reached.wait(10)
        looks = len(engine.queue.looks)
        wait_until(lambda: len(engine.queue.looks) > looks + 1)  # the other has given up, and looks again
        assert len(workload.calls) == 1
        wait_until(lambda: slices(db, "attempts") == [1, 1])  # while it is claimed, before it is given back, 2
        gate.open()
        events.wait_for("batch.completed", batch_id=batch_id)
    assert read_batch(db, batch_id)["success_products"] == 2
    assert [event["attempt"] for event in events.all("slice.recovered")] == [2]


def test_recovered_slices_are_treated_with_nothing_beside_them(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    queue = make_queue(slice_size=1)
    batch(db, shop(db, products=12))
    queue.plan(db)
    db.execute("UPDATE batch_slices SET attempts = 1 WHERE id % 2 = 0")
    recovered = {row[0] for row in db.execute("SELECT items[1] FROM batch_slices WHERE attempts = 1")}
    inside: set[int] = set()
    disturbed: list[set[int]] = []
    lock = threading.Lock()

    def watch(_conn: psycopg.Connection, items: Sequence[Item]) -> None:
        ids = {item.id for item in items}
        with lock:
            inside.update(ids)
        threading.Event().wait(0.02)  # long enough for the others to come, were they let in
        with lock:
            if len(inside) > 1 and inside & recovered:
                disturbed.append(set(inside))
            inside.difference_update(ids)

    with Engine(database.session, RecordingWorkload(1, before=watch), workers=4):
        events.wait_for("batch.completed")
    assert disturbed == []
    assert slices(db) == []
    assert len(events.all("slice.recovered")) == len(recovered)
