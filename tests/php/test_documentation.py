"""docs/php.md: every example does what it says, for PHP's role, beside a real daemon."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from tests.php.documentation import DOCUMENT, blocks, run_chain
from tests.php.php import PHP, ROLE, needs, needs_php, run_php, source
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.process import Catalogd
from tests.support.roles import runtime_dsn
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until

pytestmark = [needs_php, pytest.mark.one_server]

HERE = Path(__file__).parent
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def at_work(server: PrivateServer, template: str) -> Iterator[Database]:
    """A shop of 60 products with what the page lets its owner make, and a daemon that has learned from 40 of them."""
    database = Database.create(server, template=template)
    catalogd = Catalogd(database.dsn, daemon_dsn=runtime_dsn(database))
    with database.connect() as db:
        shop(db, products=60, labelled=40)
        for name in ("once-table", "bell", "grants"):
            db.execute(blocks()[name][1])
    assert catalogd("learn").returncode == 0
    process = catalogd.start(CATALOGD_WORKLOADS="categorization")  # nothing is fetched from anywhere
    yield database
    assert process.stop() == 0
    catalogd.close()
    database.drop()


@contextmanager
def served(folder: Path, **environment: str) -> Iterator[str]:
    """The folder on PHP's own web server, at this address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert PHP is not None
    with subprocess.Popen(
        [PHP, "-S", f"127.0.0.1:{port}", "-t", str(folder)], env=os.environ | environment, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: accepts(port))
        yield f"127.0.0.1:{port}"
        process.terminate()


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


def get(address: str, path: str) -> tuple[int, object]:
    """Status and JSON of an answer."""
    connection = HTTPConnection(address, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


@pytest.fixture
def db(at_work: Database) -> Iterator[psycopg.Connection]:
    with at_work.connect() as conn:
        yield conn


def environment(database: Database, role: str = ROLE) -> dict[str, str]:
    server = database.server
    return {"DB_HOST": str(server.host), "DB_PORT": str(server.port), "DB_NAME": database.name, "DB_USER": role}


def preamble(framework: str) -> str:
    return f"require '{HERE / framework}.php';"


def audited(db: psycopg.Connection, entity_type: str, entity_id: object) -> list[tuple[str, str, int | None]]:
    """What others than the daemon did with it, and who."""
    return db.execute(
        "SELECT action, actor_type, actor_id FROM audit_log"
        " WHERE entity_type = %s AND entity_id = %s AND actor_type <> 'daemon' ORDER BY id",
        (entity_type, entity_id),
    ).fetchall()


def outcome_of(db: psycopg.Connection, batch_id: object) -> tuple[str, int] | None:
    """Status and retries of a batch when it has ended; None where there is none."""
    query = "SELECT status, retry_count FROM categorization_batches WHERE id = %s"
    wait_until(lambda: db.execute(f"{query} AND status IN ('pending', 'processing')", (batch_id,)).fetchone() is None)
    return db.execute(query, (batch_id,)).fetchone()


def test_plain_pdo(at_work: Database, db: psycopg.Connection, tmp_path: Path) -> None:
    seen = run_chain("pdo-", source(at_work), tmp_path, leave_out="pdo-endpoint")
    assert len(seen) == 14
    end = seen["pdo-price-list"]
    assert seen["pdo-follow"]["batch"] == {
        "status": "completed",
        "processed_products": 4,
        "total_products": 4,
        "error_products": 1,
        "error_message": None,
    }
    many = "SELECT count(*) FROM categorization_batches WHERE jsonb_array_length(product_ids) = 11 AND created_by = 7"
    assert db.execute(many).fetchone() == (1,)
    assert end["once"] == end["again"]
    assert int(seen["pdo-listen"]["rung"]["payload"]) == seen["pdo-listen"]["mine"], "a bell of the shop's own"
    found = seen["pdo-predictions"]["predictions"]
    assert [(row["product_id"], row["suggested_category_code"]) for row in found] == [
        (41, "pipes"),
        (42, "hammers"),
        (43, "pipes"),
    ]
    assert all(row["evidence"][0]["weight"] >= row["evidence"][-1]["weight"] for row in found)
    assert found[0]["confidence_score"] == "97.62", "numeric is a string"
    assert seen["pdo-errors"]["errors"] == [
        {"item": "404", "code": "unknown_product", "message": "the shop has no product with this id"}
    ]
    assert seen["pdo-decide"]["first"] is True
    assert audited(db, "prediction", end["sure"]) == [("approved", "user", 7)]
    assert audited(db, "prediction", end["wrong"]) == [("rejected", "user", 7), ("recommended", "user", 7)]
    assert end["approved"] == 1
    assert audited(db, "prediction", found[2]["id"]) == [("approved", "auto", None)]
    assert outcome_of(db, end["id"]) == ("completed", 1)
    assert outcome_of(db, end["once"]) is None
    assert end["state"]["phase"] == "downloading"
    made = db.execute(
        "SELECT batch.product_ids, product.id FROM categorization_batches AS batch, products AS product"
        " WHERE batch.id = %s AND sku = 'NEW-1'",
        (end["new"],),
    ).fetchone()
    assert made == ([str(made[1])], made[1])


def test_a_page_that_asks_how_far_it_is(at_work: Database, db: psycopg.Connection, tmp_path: Path) -> None:
    """progress.php in PHP's own web server, and the browser's part in node."""
    batch_id = batch(db, [1, 2, "x"])
    (tmp_path / "progress.php").write_text(blocks()["pdo-endpoint"][1], encoding="utf-8")
    with served(tmp_path, SHOP_DSN=source(at_work)) as address:
        for wrong in ("?id=999999", "?id=1%20OR%201=1", ""):
            answer = get(address, f"/progress.php{wrong}")
            assert answer == (404, {"message": "there is no such batch"})
        if NODE is None:
            pytest.skip("node is not installed")
        page = f"""
            const document = {{ hidden: false }}, bar = {{}}, said = {{}}, ask = fetch;
            fetch = (path, options) => ask('http://{address}' + path, options);
            {blocks()["follow"][1]}
            follow({batch_id}, bar, said).then((batch) => console.log(JSON.stringify([bar, said, batch])));
        """
        result = subprocess.run([NODE, "-e", page], capture_output=True, text=True, timeout=60, check=False)
    assert result.stderr == ""
    bar, said, last = json.loads(result.stdout)
    assert (bar, said) == ({"max": 3, "value": 3}, {"textContent": "3 of 3, 1 in error"})
    assert last == {
        "id": batch_id,
        "status": "completed",
        "processed": 3,
        "total": 3,
        "errors": 1,
        "message": None,
        "is_open": False,
    }


def test_one_class(at_work: Database, db: psycopg.Connection, tmp_path: Path) -> None:
    seen = run_chain("class-", source(at_work), tmp_path)["class-all"]
    assert seen["lines"] == [
        "46: Hammers, 97.62 % (Part number: begins with HM; begins with HM1; begins with HM10)",
        "47: Pipes, 97.62 % (Manufacturer: Flowright)",
        "404: the shop has no product with this id",
    ]
    assert seen["sure"] == 1
    assert seen["said"] == f"prediction {seen['last']} is rejected already: withdraw that first"
    assert audited(db, "prediction", seen["last"]) == [("rejected", "user", 7), ("recommended", "user", 7)]
    assert audited(db, "categorization_batch", seen["id"])[0] == ("retried", "user", None)


REFUSED = {
    "42501": "UPDATE categorization_batches SET processed_products = 1",
    "42P01": "SELECT * FROM categorisation_batches",
    "42703": "SELECT products FROM categorization_batches",
    "23503": "INSERT INTO categorization_batches (product_ids, created_by) VALUES ('[]', 987)",
    "23514": "INSERT INTO categorization_batches (product_ids, status) VALUES ('[]', 'new')",
    "22P02": "INSERT INTO categorization_batches (product_ids) VALUES ('[1,')",
    "22P05": "INSERT INTO categorization_batches (product_ids) VALUES ('[\"\\u0000\"]')",
}


def test_what_postgres_refuses_is_told_by_the_code_in_the_page(at_work: Database) -> None:
    script = """<?php
        $db = new PDO(getenv('SHOP_DSN'));
        foreach (json_decode(getenv('REFUSED')) as $statement) {
            try {
                $db->exec($statement);
            } catch (PDOException $error) {
                echo $error->getCode(), ' ';
            }
        }
    """
    said = run_php(script, source(at_work), REFUSED=json.dumps(list(REFUSED.values())))
    assert said.split() == list(REFUSED)
    page = DOCUMENT.read_text(encoding="utf-8")
    assert all(f"`{code}`" in page for code in REFUSED)


@needs("Doctrine/ORM", "php-doctrine-orm")
def test_doctrine(at_work: Database, db: psycopg.Connection, tmp_path: Path) -> None:
    seen = run_chain("doctrine-", "", tmp_path, preamble("doctrine"), **environment(at_work))
    dbal = seen["doctrine-dbal"]
    assert (dbal["batch"]["status"], dbal["batch"]["total_products"]) == ("completed", 3)
    assert len(dbal["predictions"]) == 2
    assert {row["prediction_id"] for row in dbal["evidence"]} == {row["id"] for row in dbal["predictions"]}
    assert [error["item"] for error in dbal["errors"]] == ["404"]
    first, second = (row["id"] for row in dbal["predictions"])
    assert audited(db, "prediction", first) == [("approved", "user", 7)]
    assert audited(db, "prediction", second) == [("rejected", "user", 7), ("recommended", "user", 7)]
    assert dbal["retried"] == 1
    orders = [action for action, _, _ in audited(db, "categorization_batch", dbal["id"])]
    assert orders == ["retried", "cancelled"][: 1 + dbal["cancelled"]]
    orm = seen["doctrine-orm"]
    assert (orm["batch"]["status"], orm["batch"]["total"], orm["batch"]["processed"]) == ("completed", 2, 2)
    assert orm["batch"]["completedAt"] is not None
    assert [row["productId"] for row in orm["found"]] in (["43", "44"], [43, 44])
    assert audited(db, "prediction", orm["found"][0]["id"]) == [("approved", "user", 7)]


USE = """
$id = ask('POST', '/categorizations', ['product_ids' => ['43', '44']])['id'];
do {
    usleep(50_000);
    $shown = ask('GET', "/categorizations/$id");
} while ($shown['is_open']);
$batch = App\\Models\\CategorizationBatch::find($id);
$prediction = $batch->predictions()->with('evidence')->orderBy('product_id')->first();
$answers = [ask('POST', "/predictions/$prediction->id/approve"), ask('POST', "/predictions/$prediction->id/approve")];
"""


@needs("Illuminate/Routing", "php-illuminate-routing")
@needs("Illuminate/Events", "php-illuminate-events")
def test_laravel(at_work: Database, db: psycopg.Connection, tmp_path: Path) -> None:
    settings = environment(at_work)
    seen = run_chain("laravel-", "", tmp_path, preamble("laravel"), "laravel-migration", USE, **settings)
    query = seen["laravel-query"]
    assert (query["batch"]["status"], query["batch"]["total_products"]) == ("completed", 3)
    first, second = (row["id"] for row in query["predictions"])
    assert set(query["evidence"]) == {str(first), str(second)}
    assert [error["code"] for error in query["errors"]] == ["unknown_product"]
    assert audited(db, "prediction", first) == [("approved", "user", 7)]
    assert audited(db, "prediction", second) == [("rejected", "user", 7), ("recommended", "user", 7)]
    assert query["retried"] == 1
    used = seen["then"]
    assert used["shown"] == {
        "status": "completed",
        "is_open": False,
        "processed": 2,
        "total": 2,
        "errors": 0,
        "message": None,
    }
    assert (used["batch"]["product_ids"], used["batch"]["created_by"]) == ([43, 44], 7)
    assert used["prediction"]["product_id"] == 43
    assert used["prediction"]["evidence"][0]["weight"] > 0
    assert used["answers"] == [{"approved": True}, {"approved": False}]
    assert audited(db, "prediction", used["prediction"]["id"]) == [("approved", "user", 7)]
