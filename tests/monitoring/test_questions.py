"""What the database is asked: each server understands it, the runtime role may ask it, and it is answered quickly."""

from importlib.resources import files
from time import time
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon.database.pool import Session
from daemon.database.statements import statement
from daemon.engine.workload import Figure
from daemon.monitoring.questions import MOST_COUNTED, PACKAGE, questions
from daemon.sessions import name_instance
from daemon.settings import Settings
from daemon.workloads.categorization.kind import TABLE
from daemon.workloads.categorization.workload import Categorization
from daemon.workloads.registry import build_workloads
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.roles import runtime_dsn

NAMES = sorted(file.name.removesuffix(".sql") for file in files(PACKAGE).joinpath("sql").iterdir())
Labels = tuple[tuple[str, str], ...]


@pytest.mark.parametrize("name", NAMES)
def test_the_server_understands_it(db: psycopg.Connection, name: str) -> None:
    values = {"workloads": ["x"], "most": 1}
    db.execute(b"EXPLAIN " + statement(PACKAGE, name, **TABLE.identifiers), values)


def ask(conn: psycopg.Connection, *names: str) -> dict[str, Any]:
    """Values by the figure's name, or by its name and labels where it has some."""
    asked = questions([Categorization(90.0)])
    found = [figure for name in names or asked for figure in asked[name](conn)]
    return {_key(figure): figure.value for figure in found}


def _key(figure: Figure) -> str:
    labels = ",".join(value for name, value in figure.labels.items() if name != "workload")
    return f"{figure.name}{{{labels}}}" if labels else figure.name


def test_the_runtime_role_may_ask_all_of_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(database_url=runtime_dsn(database))
    with Session(runtime_dsn(database), "catalogd test").connect("metrics") as conn:
        names = {figure.name for question in questions(build_workloads(settings)).values() for figure in question(conn)}
    assert names >= {"batches", "slices", "preparations", "instances", "model_version", "match_reviews"}


@pytest.mark.one_server
def test_what_is_open(db: psycopg.Connection) -> None:
    batch(db, [1, 2], created_at="2020-01-01", retry_count=1)  # since when it has been set back nobody knows
    batch(db, [1, 2], created_at="-infinity")
    batch(db, [3], status="completed", created_at="2001-01-01")
    db.execute("INSERT INTO categorization_batches (created_at) VALUES (now() - interval '90 s')")
    db.execute(
        "INSERT INTO categorization_batches (status, started_at, created_at, remaining_products)"
        " VALUES ('processing', now() - interval '30 s', '2001-01-01', 70), ('processing', '-infinity', now(), 7)"
    )
    found = ask(db, "open categorization")
    assert (found["batches{pending}"], found["batches{processing}"]) == (3, 2)
    assert found["oldest_batch_age_seconds{pending}"] == pytest.approx(90, abs=5)
    assert found["oldest_batch_age_seconds{processing}"] == pytest.approx(30, abs=5)
    assert found["items_left"] == 77


@pytest.mark.one_server
def test_with_nothing_open_every_figure_is_there(db: psycopg.Connection) -> None:
    found = ask(db)
    assert found["batches{pending}"] == found["oldest_batch_age_seconds{processing}"] == found["items_left"] == 0
    assert found["slices{waiting}"] == found["slices{held}"] == 0
    assert found["model_version"] == found["lived_decisions{in_use,high}"] == 0
    assert "lived_precision_ratio{any,high}" not in found  # nobody has decided: no share


@pytest.mark.one_server
def test_slices_are_counted_as_far_as_it_matters(db: psycopg.Connection) -> None:
    db.execute(
        "INSERT INTO batch_slices (workload, batch_id, turn, items, claimed_at)"
        " SELECT 'categorization', 1, n, '{1}', CASE WHEN n <= 3 THEN now() END"
        " FROM generate_series(1, %s) AS n",
        (MOST_COUNTED + 50,),
    )
    found = ask(db, "queue")
    assert (found["slices{waiting}"], found["slices{held}"]) == (MOST_COUNTED - 3, 3)


@pytest.mark.one_server
def test_of_the_server(db: psycopg.Connection, database: Database) -> None:
    with (
        psycopg.connect(database.dsn, application_name=f"catalogd {name_instance()}") as one,
        psycopg.connect(database.dsn, application_name="catalogd here:17:a0b1c2:0.2.0.dev0"),
        psycopg.connect(database.dsn, application_name="catalogd here:17:a0b1c2:0.2.0.dev0"),
        psycopg.connect(database.dsn, application_name="catalogd here:17:a0b1c2:0.2.0.dev0 listener"),
        psycopg.connect(database.dsn, application_name="catalogd status"),
    ):
        one.execute("CREATE TABLE held (n int)")
        db.execute("SELECT pg_current_xact_id()")
        found = ask(db, "server")
        assert found["instances"] == 2
        assert found["oldest_transaction_seconds{all}"] > 0  # asked by a superuser
        assert found["oldest_snapshot_transactions"] >= 1
        assert found["notification_queue_usage_ratio"] == 0


@pytest.mark.one_server
def test_another_role_sees_only_its_own_transactions_and_says_so(db: psycopg.Connection, database: Database) -> None:
    runtime = runtime_dsn(database)
    with psycopg.connect(database.dsn) as php, psycopg.connect(make_conninfo(runtime), autocommit=True) as conn:
        php.execute("CREATE TABLE held (n int)")
        db.execute("SELECT pg_current_xact_id()")
        found = ask(conn, "server")
    assert found["oldest_transaction_seconds{own}"] == 0
    assert found["oldest_snapshot_transactions"] >= 1  # that is seen by everybody


@pytest.mark.one_server
def test_ten_thousand_open_batches_are_read_by_their_index(database: Database, db: psycopg.Connection) -> None:
    db.execute(
        "INSERT INTO categorization_batches (product_ids, status)"
        " SELECT '[1]', CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'completed' END FROM generate_series(1, 100000) AS n"
    )
    db.execute("VACUUM ANALYZE categorization_batches")
    with database.session.connect("metrics") as conn:
        plan = conn.execute(b"EXPLAIN (ANALYZE, COSTS OFF) " + statement(PACKAGE, "read_open", **TABLE.identifiers))
        text = "\n".join(line for (line,) in plan)
    assert "Index" in text
    assert "Seq Scan" not in text


@pytest.mark.one_server
def test_the_model_and_how_right_it_proved_to_be(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=30)
    for version, days in ((1, 2), (2, 1)):
        db.execute(
            "INSERT INTO categorization_models (products, categories, report, content, learned_at, promoted_at)"
            " VALUES (%s, 2, '{}', '', now(), now() - make_interval(days => %s))",
            (version * 10, days),
        )
    batch_id = batch(db, product_ids)
    db.execute(
        "INSERT INTO predictions (batch_id, product_id, suggested_category_code, confidence_level, model_version)"
        " SELECT %s, id, 'pipes', 'high', 1 + id %% 2 FROM products",
        (batch_id,),
    )
    db.execute("UPDATE predictions SET status = CASE WHEN product_id % 10 = 0 THEN 'rejected' ELSE 'approved' END")
    db.execute(  # a later prediction of the same product repeats what people said
        "INSERT INTO predictions (batch_id, product_id, suggested_category_code, confidence_level, model_version)"
        " SELECT %s, id, 'pipes', 'high', 2 FROM products",
        (batch(db, product_ids),),
    )
    db.execute("UPDATE predictions SET status = 'approved' WHERE status = 'pending'")
    found = ask(db, "figures of categorization")
    assert (found["model_version"], found["model_products"], found["model_categories"]) == (2, 20, 2)
    assert found["model_learned_timestamp_seconds"] == pytest.approx(time(), abs=600)
    of_all = db.execute("SELECT sum(decided), sum(correct) FROM lived_precision_by_model").fetchone()
    of_model = db.execute(
        "SELECT sum(decided), sum(correct) FROM lived_precision_by_model WHERE model_version = 2"
    ).fetchone()
    for model, expected in (("any", of_all), ("in_use", of_model)):
        assert expected is not None
        assert found[f"lived_decisions{{{model},high}}"] == expected[0]
        assert found[f"lived_precision_ratio{{{model},high}}"] == pytest.approx(float(expected[1] / expected[0]))
    low, high = (found[f"lived_precision_{end}_ratio{{any,high}}"] for end in ("lowest", "highest"))
    assert 0 < low < found["lived_precision_ratio{any,high}"] < high < 1
