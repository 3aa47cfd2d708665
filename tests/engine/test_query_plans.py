"""The hot statements stay hot: with a long queue and many results none of them reads the whole of a table."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from daemon.database.statements import statement
from daemon.engine.queue import Claim, Queue
from daemon.engine.workload import Item
from tests.support.database import Database
from tests.support.engine import claim, done, make_queue, treat
from tests.support.factories import batch, shop
from tests.support.server import PrivateServer

IS_LONG = "CATALOGD_LONG" in os.environ
ROWS = 1_000_000 if IS_LONG else 200_000  # slices
RESULTS = 200_000  # with fewer, reading them all is the better plan
PRODUCTS = 1_000_000 if IS_LONG else 100_000
FINISHED = 20_000 if IS_LONG else 500  # slices that are treated one after the other

pytestmark = pytest.mark.timeout(1800 if IS_LONG else 120)
BATCHES = 20_000
AT_WORK = 20  # big batches, which all slices are of
SMALL = BATCHES + 1  # a batch with a few slices that wait among all the others
PENDING = BATCHES + 2
BIG = {"batch_slices", "predictions", "products", "categorization_batches", "categorization_errors", "evidence"}
BIG |= {"human_decisions"}


@pytest.fixture(scope="module")
def full(server: PrivateServer, template: str) -> Iterator[Database]:
    """A long queue of some big batches, among many finished ones with their results; with statistics."""
    database = Database.create(server, template=template)
    with database.connect() as db:
        db.execute("SET session_replication_role = replica")  # no foreign key is checked while the tables are filled
        db.execute(
            "INSERT INTO categorization_batches (product_ids, status)"
            " SELECT '[1]', CASE WHEN i <= %s THEN 'processing' ELSE 'completed' END FROM generate_series(1, %s) AS i",
            (AT_WORK, BATCHES),
        )
        db.execute(
            "INSERT INTO categorization_batches (product_ids, status, remaining_products)"
            " VALUES ('[1, 2, 3]', 'processing', 3), ('[1, 2, 3, 4]', 'pending', NULL)"
        )
        db.execute(
            "INSERT INTO batch_slices (workload, batch_id, turn, items)"
            " SELECT 'categorization', i %% %(at_work)s + 1, i / %(at_work)s, ARRAY[i, i + 1]"
            " FROM generate_series(1, %(rows)s) AS i"
            " UNION ALL SELECT 'categorization', %(small)s, i, ARRAY[i] FROM generate_series(1, 3) AS i",
            {"at_work": AT_WORK, "rows": ROWS, "small": SMALL},
        )
        db.execute("INSERT INTO products (sku, name) SELECT i, i FROM generate_series(1, %s) AS i", (RESULTS,))
        db.execute(
            "INSERT INTO predictions (batch_id, product_id, status)"
            " SELECT i %% 1000 + 100, i, CASE WHEN i %% 2 = 0 THEN 'pending' ELSE 'superseded' END"
            " FROM generate_series(1, %s) AS i",
            (RESULTS,),
        )
        db.execute(
            "INSERT INTO categorization_errors (batch_id, item, code, message)"
            " SELECT i % 1000 + 100, '1', 'odd', 'odd' FROM generate_series(1, 20000) AS i"
        )
        db.execute(
            "INSERT INTO human_decisions (product_id, prediction_id, verdict, predicted_category_code,"
            " right_category_code, is_right)"
            " SELECT i, i, 'approved', 'pipes', 'pipes', true FROM generate_series(1, %s) AS i",
            (RESULTS,),
        )
        db.execute("ANALYZE")
    yield database
    database.drop()


@pytest.fixture(params=["server's settings", "our settings"])
def db(full: Database, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """A session whose changes are undone."""
    connect = full.connect if request.param == "server's settings" else full.session.connect
    with connect() as conn, conn.transaction(force_rollback=True):
        yield conn


@pytest.fixture
def queue() -> Queue:
    return make_queue()


TYPES = {timedelta: "interval"}  # which the driver declares; the server finds others out


def run(db: psycopg.Connection, query: bytes, values: dict[str, object]) -> list[dict[str, Any]]:
    """Run a statement as a session that has prepared it; the nodes of its plan, the outermost first."""
    names = dict.fromkeys(re.findall(rb"%\((\w+)\)s", query))
    for number, name in enumerate(names, 1):
        query = query.replace(b"%%(%s)s" % name, b"$%d" % number)
    given = sql.SQL(", ").join(sql.Literal(values[name.decode()]) for name in names)
    db.execute("DEALLOCATE ALL")
    types = sql.SQL(", ").join(sql.SQL(TYPES.get(type(values[name.decode()]), "unknown")) for name in names)
    head = sql.SQL("PREPARE hot ({}) AS ").format(types) if names else sql.SQL("PREPARE hot AS ")
    db.execute(head.as_bytes() + query.replace(b"%%", b"%"))
    execute = sql.SQL("EXECUTE hot ({})").format(given) if names else sql.SQL("EXECUTE hot")
    row = db.execute(sql.SQL("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {}").format(execute)).fetchone()
    assert row is not None
    return nodes_of(row[0][0]["Plan"])


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a plan, the outermost first."""
    nodes: list[dict[str, Any]] = []
    todo = [plan]
    while todo:
        node = todo.pop(0)
        nodes.append(node)
        todo += node.get("Plans", [])
    return nodes


def pages(nodes: list[dict[str, Any]]) -> int:
    """How many pages the statement looked at."""
    return int(nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"])


def assert_reads_little(nodes: list[dict[str, Any]], most_pages: int) -> None:
    whole = [node for node in nodes if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in BIG]
    assert whole == [], json.dumps(nodes, default=str)
    assert pages(nodes) <= most_pages, json.dumps(nodes, default=str)


CLAIM = {
    "instance": "here",
    "worker": "w",
    "slice_size": 500,
    "tiny": 10,
    "grace": timedelta(milliseconds=400),
    "frozen": timedelta(seconds=30),
    "longest_delay": timedelta(minutes=5),
}
PLAN = {
    **{"limit": 200, "small": 2048, "after": -1, "put_off": []},
    **{"slice_size": 500, "items_column": "product_ids"},
}
SETTLE = {"slice_ids": [ROWS + 1], "batch_ids": [SMALL], "successes": [1], "failures": [0]}


@pytest.mark.parametrize(
    ("name", "values", "most_pages"),
    [
        ("claim", CLAIM, 300),  # a group of twenty
        ("claim", CLAIM | {"slice_size": 1}, 30),
        ("lock", {"slice_ids": [5, 6, 7], "worker": "w", "endless": "5min"}, 60),
        ("release", {"slice_ids": [5, 6, 7], "worker": "w", "delay": timedelta(0), "forgiven": 1}, 60),
        ("backlog", {}, 40),
        ("settle", SETTLE, 100),
        ("drop_slices", {"batch_ids": [SMALL]}, 100),
        ("split", {"slice_id": 5}, 60),
        ("lock_pending", {"after": -1, "put_off": []}, 40),
        ("plan", PLAN, 200),
    ],
)
def test_no_hot_statement_reads_a_whole_table(
    db: psycopg.Connection, queue: Queue, name: str, values: dict[str, object], most_pages: int
) -> None:
    common: dict[str, object] = {"workload": "categorization", "entity": "categorization_batch", "instance": "test"}
    common |= {"is_prepared": False, "retry_limit": 3, "lease": timedelta(seconds=15)}
    common |= {"longest_delay": timedelta(minutes=5)}
    assert_reads_little(run(db, queue._statement(name), common | values), most_pages)


def test_adopting_orphans_asks_for_each_open_batch_once(db: psycopg.Connection, queue: Queue) -> None:
    nodes = run(db, queue._statement("adopt_orphans"), {"workload": "categorization"})
    assert_reads_little(nodes, most_pages=20 * AT_WORK)


IDS = list(range(1, RESULTS, RESULTS // 500))[:500]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("lock_products", {"product_ids": IDS}),
        ("read_products", {"product_ids": IDS}),
        ("read_predicted", {"batch_ids": [PENDING] * len(IDS), "product_ids": IDS}),
        ("supersede", {"product_ids": IDS}),
        ("mark_predicted", {"product_ids": IDS}),
    ],
)
def test_the_store_reads_no_whole_table_for_a_slice(
    db: psycopg.Connection, name: str, values: dict[str, object]
) -> None:
    nodes = run(db, statement("daemon.workloads.categorization", name), values)
    assert_reads_little(nodes, most_pages=30 * len(IDS))


def test_a_slice_finds_what_people_decided_by_its_products(db: psycopg.Connection) -> None:
    nodes = run(db, statement("daemon.workloads.categorization.people", "read_decisions"), {"product_ids": IDS})
    assert_reads_little(nodes, most_pages=6 * len(IDS))


@pytest.mark.parametrize("decided", [0.0, 0.01, 1.0], ids="{:.0%} decided".format)
@pytest.mark.parametrize("are_known", [True, False], ids=["statistics", "none"])
def test_what_is_learned_from_is_read_in_step(database: Database, decided: float, are_known: bool) -> None:
    """Products and decisions, both in the order of the products: nothing is sorted as a whole, or read once more."""
    with database.session.connect() as db, db.transaction():
        db.execute("ALTER TABLE human_decisions SET (autovacuum_enabled = off)")
        db.execute("ALTER TABLE products SET (autovacuum_enabled = off)")
        db.execute("INSERT INTO categories SELECT 'c' || i, i, i FROM generate_series(1, 400) AS i")
        db.execute(
            "INSERT INTO products (id, sku, name, category_code)"
            " SELECT i, i, i, CASE WHEN i %% 2 = 0 THEN 'c2' END FROM generate_series(1, %s) AS i",
            (PRODUCTS,),
        )
        db.execute(
            "INSERT INTO human_decisions (product_id, prediction_id, verdict, predicted_category_code,"
            " right_category_code, is_right) SELECT i, i, 'recommended', 'c1', 'c2', false"
            " FROM generate_series(1, %s) AS i",
            (round(PRODUCTS * decided),),
        )
        if are_known:
            db.execute("ANALYZE categories, products, human_decisions")
        query = statement("daemon.workloads.categorization", "read_labelled")
        head = b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) DECLARE labelled CURSOR FOR "
        row = db.execute(head + query).fetchone()
        assert row is not None
        nodes = nodes_of(row[0][0]["Plan"])
        assert "Sort" not in [node["Node Type"] for node in nodes], json.dumps(nodes, default=str)
        for node in nodes:
            assert node["Actual Rows"] * node["Actual Loops"] <= 2 * PRODUCTS, json.dumps(nodes, default=str)
        assert pages(nodes) <= 10 * PRODUCTS


def test_a_batch_is_not_slowed_by_its_own_predictions_where_all_others_are_decided(database: Database) -> None:
    """As the statistics know of no pending one, the index of the status would look like the shortest way."""
    with database.session.connect() as db:
        db.execute("ALTER TABLE predictions SET (autovacuum_enabled = off)")
        db.execute("INSERT INTO products (sku, name) SELECT i, i FROM generate_series(1, 20000) AS i")
        old, new = batch(db, [1], status="completed"), batch(db, [1], status="completed")
        insert = (
            "INSERT INTO predictions (batch_id, product_id, status)"
            " SELECT %s, i, %s FROM generate_series(%s::int, %s::int) AS i"
        )
        db.execute(insert, (old, "approved", 1, 20_000))
        db.execute("ANALYZE predictions")
        db.execute(insert, (new, "pending", 1, 10_000))
        values: dict[str, object] = {"product_ids": list(range(15_001, 15_101))}
        nodes = run(db, statement("daemon.workloads.categorization", "supersede"), values)
    assert [node["Index Name"] for node in nodes if "Index Name" in node] == ["predictions_product_id_idx"]


@pytest.mark.parametrize(
    ("known", "written"), [(0, 0), (0, 1), (0, 500), (0, 1000), (0, 5000), (0, 20_000), (1, 20_000)]
)
def test_what_a_batch_has_is_found_by_batch_and_product_whatever_the_statistics_say(
    database: Database, known: int, written: int
) -> None:
    """They may be those of a table that was empty, or nearly; the batch's own predictions are some by now, or many."""
    with database.session.connect() as db:
        db.execute("ALTER TABLE predictions SET (autovacuum_enabled = off)")
        db.execute("INSERT INTO products (sku, name) SELECT i, i FROM generate_series(1, 20000) AS i")
        one = batch(db, [1], status="completed")
        insert = (
            "INSERT INTO predictions (batch_id, product_id) SELECT %s, i FROM generate_series(%s::int, %s::int) AS i"
        )
        db.execute(insert, (one, 1, known))
        db.execute("VACUUM ANALYZE predictions")
        db.execute(insert, (one, known + 1, written))
        values: dict[str, object] = {"batch_ids": [one] * 500, "product_ids": list(range(1, 501))}
        nodes = run(db, statement("daemon.workloads.categorization", "read_predicted"), values)
    used = [node["Index Name"] for node in nodes if "Index Name" in node]
    assert used == ["predictions_batch_id_product_id_key"]


def test_what_others_write_into_a_later_batch_just_now_is_not_walked_through(database: Database) -> None:
    """Rows that cannot be seen yet have an entry in the index, and each would be looked up to find that out."""
    with database.session.connect() as db, database.connect() as other:
        db.execute("INSERT INTO products (sku, name) SELECT i, i FROM generate_series(1, 5000) AS i")
        one, later = batch(db, [1], status="completed"), batch(db, [1], status="completed")
        with other.transaction():
            other.execute(
                "INSERT INTO predictions (batch_id, product_id) SELECT %s, i FROM generate_series(1, 5000) AS i",
                (later,),
            )
            values: dict[str, object] = {"batch_ids": [one] * 500, "product_ids": list(range(1, 501))}
            nodes = run(db, statement("daemon.workloads.categorization", "read_predicted"), values)
    assert_reads_little(nodes, most_pages=6 * 500)


def test_a_session_plans_a_statement_without_a_look_at_its_values(database: Database) -> None:
    """Once, then: otherwise planning a tiny batch's statements takes longer than carrying them out."""
    queue = make_queue()
    with database.session.connect() as conn:
        for product_id in shop(conn, products=20):
            batch(conn, [product_id])
            queue.plan(conn)
            taken = claim(conn, queue)
            with conn.transaction():
                treat(conn, queue, taken)
        plans = conn.execute("SELECT sum(generic_plans) > 50, sum(custom_plans) FROM pg_prepared_statements").fetchone()
    assert plans == (True, 0)


@pytest.fixture
def working(database: Database) -> Iterator[psycopg.Connection]:
    """A queue of more slices than will be finished, and no vacuum that takes away what is left of those."""
    with database.connect() as conn:
        conn.execute("ALTER TABLE batch_slices SET (autovacuum_enabled = off)")
        batch(conn, range(1, FINISHED + 1000))
        make_queue(slice_size=1).plan(conn)
        conn.execute("ANALYZE batch_slices")
        yield conn


def finish_slices(conn: psycopg.Connection, queue: Queue) -> None:
    for _ in range(FINISHED):
        taken = claim(conn, queue)
        with conn.transaction():
            (locked,) = queue.lock(conn, taken)
            queue.settle(conn, [locked], done([Item(locked.batch_id, item) for item in locked.items]))


def pages_of_a_claim(conn: psycopg.Connection, queue: Queue) -> int:
    with conn.transaction(force_rollback=True):
        values = CLAIM | {"slice_size": 1, "workload": "categorization"}
        return pages(run(conn, queue._statement("claim"), values))


def test_a_claim_costs_the_same_however_many_slices_are_finished(working: psycopg.Connection) -> None:
    """Their index entries are marked dead as claims pass them; their pages, 140 to a page, stay until a vacuum."""
    queue = make_queue(slice_size=1)
    before = pages_of_a_claim(working, queue)
    finish_slices(working, queue)
    after = pages_of_a_claim(working, queue)
    print(f"pages of a claim: {before} at first, {after} after {FINISHED:,} slices without a vacuum")  # noqa: T201
    assert after <= before + 20 + FINISHED // 100


def test_a_snapshot_that_is_kept_open_makes_claims_dearer_only_until_it_ends(
    working: psycopg.Connection, database: Database
) -> None:
    """Index entries of finished slices cannot be marked dead while somebody may still see them. Nor can their pages be
    tidied, so that a claim finds no room beside its slice: each has two entries."""
    queue = make_queue(slice_size=1)
    before = pages_of_a_claim(working, queue)
    with database.connect() as report:
        report.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        report.execute("SELECT count(*) FROM products")
        finish_slices(working, queue)
        meanwhile = pages_of_a_claim(working, queue)
    pages_of_a_claim(working, queue)  # marks them
    after = pages_of_a_claim(working, queue)
    figures = f"{before} at first, {meanwhile} after {FINISHED:,} slices under a snapshot, {after} after it"
    print("pages of a claim:", figures)  # noqa: T201
    assert meanwhile <= before + 3 * FINISHED
    assert after <= before + 20 + 2 * FINISHED // 100


def test_a_claim_passes_over_other_turns_though_the_statistics_know_of_one_only(database: Database) -> None:
    with database.session.connect() as conn:
        conn.execute("ALTER TABLE batch_slices SET (autovacuum_enabled = off)")
        queue = make_queue(slice_size=1)
        for item in range(300):
            batch(conn, [item])
        queue.plan(conn, limit=300)
        conn.execute("ANALYZE batch_slices")
        conn.execute("DELETE FROM batch_slices WHERE id > (SELECT min(id) + 1 FROM batch_slices)")
        batch(conn, range(20_000))
        queue.plan(conn)
        with conn.transaction(force_rollback=True):
            nodes = run(conn, queue._statement("claim"), CLAIM | {"workload": "categorization"})
        assert_reads_little(nodes, most_pages=100)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_nor_does_the_queue_when_its_statements_are_prepared(db: psycopg.Connection, queue: Queue, mode: str) -> None:
    db.execute(f"SET plan_cache_mode = {mode}")  # type: ignore[call-overload]
    db.prepare_threshold = 0
    taken: list[Claim | None] = []
    steps: dict[str, Callable[[], object]] = {
        "claim": lambda: taken.append(queue.claim(db, "w")),
        "lock": lambda: queue.lock(db, taken[-1]),  # type: ignore[arg-type]
        "backlog": lambda: queue.backlog(db),
        "release": lambda: queue.release(db, taken[-1], timedelta(0)),  # type: ignore[arg-type]
    }
    for name, step in steps.items():
        step()
        row = db.execute("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'batch_slices'").fetchone()
        assert row == (0,), name
    assert taken[0] is not None
    assert len(taken[0].slices) > 1


def test_claiming_leaves_the_indexes_alone(db: psycopg.Connection) -> None:
    one_by_one = make_queue(slice_size=1)
    for _ in range(8):  # as many as a page has room for, within one transaction
        one_by_one.claim(db, "w")
    row = db.execute(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'batch_slices'"
    ).fetchone()
    assert row == (8, 8)
