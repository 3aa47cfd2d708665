"""What slices see is written beside their results, summed up by batch, and told of when it is unlike all before."""

import json
from collections.abc import Sequence

import psycopg
import pytest
from psycopg.types.json import Jsonb

from daemon.database.statements import statement
from daemon.engine.workload import Ended, Item
from daemon.workloads.categorization.decision import Decision
from daemon.workloads.categorization.drift.band import Shares
from daemon.workloads.categorization.drift.store import Drift, read_drift, write_observations
from daemon.workloads.categorization.drift.telling import tell_drifted
from daemon.workloads.categorization.evidence.source import Evidence
from tests.support.events import EventTap
from tests.support.factories import batch, shop
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject is what is computed of rows

USUAL = {"products": 500, "low": 0.1, "unknown": 0.05, "unknown_manufacturers": 0.02}


def decision(confidence: float = 95.0, unknown_share: float = 0.0, unknown_manufacturer: bool = False) -> Decision:
    reason = Evidence("name", "Name", "“hammer”", 0.8)
    return Decision(
        "hammers", "Hammers", confidence, "high", (reason,),
        unknown_share=unknown_share, unknown_manufacturer=unknown_manufacturer,
    )  # fmt: skip


def model(db: psycopg.Connection, usual: object = USUAL) -> int:
    report = {} if usual is None else {"usual": usual}
    row = db.execute(
        "INSERT INTO categorization_models (products, categories, report, content) VALUES (1, 1, %s, '')"
        " RETURNING version",
        (Jsonb(report),),
    ).fetchone()
    assert row is not None
    version: int = row[0]
    return version


def observe(db: psycopg.Connection, batch_id: int, decisions: Sequence[Decision], version: int | None) -> None:
    write_observations(db, {Item(batch_id, id): one for id, one in enumerate(decisions)}, version)


def test_a_slice_writes_a_row_for_each_of_its_batches(db: psycopg.Connection) -> None:
    first, second = batch(db, []), batch(db, [])
    decided = {
        Item(first, 1): decision(59.99, 0.25),
        Item(second, 1): decision(60.0, 1.0, unknown_manufacturer=True),
        Item(first, 2): decision(95.0, 0.5, unknown_manufacturer=True),
    }
    write_observations(db, decided, 7)
    rows = db.execute(
        "SELECT batch_id, model_version, products, low, unknown, unknown_manufacturers FROM batch_observations"
        " ORDER BY batch_id"
    ).fetchall()
    assert rows == [(first, 7, 2, 1, 0.75, 1), (second, 7, 1, 0, 1.0, 1)]
    db.execute("DELETE FROM categorization_batches WHERE id = %s", (first,))
    assert db.execute("SELECT count(*) FROM batch_observations").fetchone() == (1,)


def test_slices_are_summed_up_by_batch_beside_what_is_usual(db: psycopg.Connection) -> None:
    batch_id, version = batch(db, []), model(db)
    observe(db, batch_id, [decision(50.0, 0.5)] * 20, version)
    observe(db, batch_id, [decision(unknown_manufacturer=True)] * 60, version)
    found = read_drift(db, [batch_id, 404])
    usual = Shares(500, 0.1, 0.05, 0.02)
    assert found == {batch_id: Drift(batch_id, version, Shares(80, 0.25, 0.125, 0.75), usual)}
    assert found[batch_id].outside == ["unknown_manufacturers"]


@pytest.mark.parametrize("usual", [None, "none", {"products": 500}])
def test_a_model_that_does_not_say_what_is_usual_alarms_nobody(
    db: psycopg.Connection, events: EventTap, usual: object
) -> None:
    batch_id = batch(db, [])
    observe(db, batch_id, [decision(10.0, 1.0)] * 100, model(db, usual))
    (drift,) = read_drift(db, [batch_id]).values()
    assert (drift.usual, drift.outside) == (None, ())
    tell_drifted(db, [Ended(batch_id, 100)])
    assert events.all() == []


def test_of_several_models_the_last_counts_and_one_that_is_gone_does_not(db: psycopg.Connection) -> None:
    batch_id = batch(db, [])
    older, newer = model(db), model(db, USUAL | {"low": 0.9})
    observe(db, batch_id, [decision()] * 20, newer)
    observe(db, batch_id, [decision()] * 20, older)  # somebody went back to it
    assert read_drift(db, [batch_id])[batch_id].model_version == older
    db.execute("DELETE FROM categorization_models")
    assert read_drift(db, [batch_id])[batch_id].usual is None


def test_a_batch_outside_of_the_band_is_told_once_with_its_figures(db: psycopg.Connection, events: EventTap) -> None:
    version = model(db)
    strange, usual = batch(db, []), batch(db, [])
    observe(db, strange, [decision(20.0, 0.5)] * 50 + [decision()] * 50, version)
    observe(db, usual, [decision(20.0)] * 12 + [decision()] * 88, version)
    tell_drifted(db, [Ended(strange, 100), Ended(usual, 100)])
    (event,) = events.all()
    assert event == {
        "event": "batch.drifted",
        "level": "warning",
        "batch_id": strange,
        "products": 100,
        "low": 0.5,
        "unknown": 0.25,
        "unknown_manufacturers": 0.0,
        "usual_low": 0.1,
        "usual_unknown": 0.05,
        "usual_unknown_manufacturers": 0.02,
        "outside": ["low", "unknown"],
        "model_version": version,
    }


class Untouchable:
    """A connection that nothing may be asked of."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


def test_of_tiny_batches_nothing_is_asked() -> None:
    tell_drifted(Untouchable(), [Ended(id, 19) for id in range(500)])  # type: ignore[arg-type]


def test_what_is_read_is_found_by_its_batch_alone(db: psycopg.Connection) -> None:
    """Though the table has the slices of all batches that ever were."""
    db.execute("INSERT INTO categorization_batches (product_ids) SELECT '[]' FROM generate_series(1, 2000)")
    db.execute(
        "INSERT INTO batch_observations (batch_id, products, low, unknown, unknown_manufacturers)"
        " SELECT id, 1, 0, 0, 0 FROM categorization_batches"
    )
    query = statement("daemon.workloads.categorization.drift", "read_drift")
    plan = "\n".join(row for (row,) in db.execute(b"EXPLAIN ANALYZE " + query, {"batch_ids": "{7}"}))
    assert "batch_observations_of_batch" in plan
    assert "Seq Scan on batch_observations" not in plan


def test_halves_that_are_rolled_back_are_not_counted(db: psycopg.Connection) -> None:
    batch_id = batch(db, [])
    with db.transaction():
        with db.transaction(force_rollback=True):
            observe(db, batch_id, [decision()] * 4, None)
        observe(db, batch_id, [decision()] * 2, None)
    assert read_drift(db, [batch_id])[batch_id].seen.products == 2


def test_a_drifted_batch_from_end_to_end(db: psycopg.Connection, catalogd: Catalogd) -> None:
    """Learned from hammers and pipes; then comes something else."""
    product_ids = shop(db, products=600, labelled=500)
    strange = db.execute(
        "INSERT INTO products (sku, name, manufacturer, part_number, description)"
        " SELECT 'N' || i, 'gooseberry jam ' || i, 'Grandma ' || i, 'J' || i, 'sweet' FROM generate_series(1, 200) AS i"
        " RETURNING id"
    ).fetchall()
    assert catalogd("learn").returncode == 0
    process = catalogd.start()
    same = batch(db, product_ids[500:])
    process.wait_for("batch.completed", batch_id=same)
    other = batch(db, [id for (id,) in strange])
    event = process.wait_for("batch.drifted", batch_id=other)
    assert event["products"] == 200
    assert {*event["outside"]} >= {"unknown", "unknown_manufacturers"}
    assert process.stop() == 0
    assert [e["batch_id"] for e in process.named("batch.drifted")] == [other]
    whole = catalogd("status").stdout
    (line,) = (line for line in whole.splitlines() if line.startswith(f"batch {other} "))
    assert line.startswith(f"batch {other} is unlike what was learned from: ")
    assert line.endswith("100.0% from unknown manufacturers (usually 0.0%)")
    assert f"batch {same} " not in whole
    assert f"batch {same} in figures: 0.0% with low confidence" in catalogd("status", str(same)).stdout
    shown = json.loads(catalogd("status", str(other), "--json").stdout)["drift"]
    assert shown["outside"] == event["outside"]
    assert shown["usual_low"] == event["usual_low"]
