"""Least privilege: each part of catalogd does its work as a role of its own, and that role can do nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from daemon import cli
from daemon.engine.queue import Timing
from tests.support.engine import make_queue
from tests.support.factories import assert_settled, batch, errors_of, rule
from tests.support.price_lists import offer, order, supplier
from tests.support.roles import OPERATOR, OWNER, PHP, ROLES, RUNTIME, SHOP, WEB, Shop, shop_with_roles
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until, wait_until_idle

SHOPS_TABLES = {"users", "products", "categories"}
YOYOS_OWN = {"_yoyo_log", "_yoyo_version", "yoyo_lock"}  # used by "catalogd migrate" alone


@pytest.fixture(scope="module")
def roles(server: PrivateServer) -> Iterator[Shop]:
    with shop_with_roles(server) as place:
        yield place


@pytest.fixture(scope="module")
def superuser(roles: Shop) -> Iterator[psycopg.Connection]:
    with roles.database.connect() as conn:
        batch_id = batch(conn, [1], status="completed")  # something to add to, whichever test comes first
        conn.execute("INSERT INTO predictions (product_id, batch_id, status) VALUES (1, %s, 'approved')", (batch_id,))
        import_id = order(conn, supplier(conn), None, status="completed")
        item_id = offer(conn, import_id, match_status="linked", product_id=1)
        conn.execute(
            "INSERT INTO supplier_item_prices (supplier_item_id, price, is_available) VALUES (%s, 1, true)", (item_id,)
        )
        conn.execute("INSERT INTO product_offers VALUES (1, 'EUR', 1, %s, 1, true)", (item_id,))
        yield conn


@pytest.fixture(scope="module")
def connections(roles: Shop) -> Iterator[dict[str, psycopg.Connection]]:
    with ExitStack() as stack:
        yield {role: stack.enter_context(roles.connect(role)) for role in ROLES}


def test_everyone_does_their_work(roles: Shop, superuser: psycopg.Connection) -> None:
    roles.run(RUNTIME, "learn")
    catalogd = roles.catalogd(RUNTIME)
    with roles.connect(PHP) as php:
        cancelled = batch(php, [41, 42], created_by=7)
        php.execute("UPDATE categorization_batches SET status = 'cancelled' WHERE id = %s", (cancelled,))
        first = batch(php, [*range(41, 61), 404, "abc"], created_by=7, priority=1, total_products=22)
        process = catalogd.start()
        process.wait_for("batch.completed", batch_id=first, success=20, errors=2)
        assert_settled(superuser, first, range(41, 61), errors=2)

        php.execute(
            "UPDATE categorization_batches SET status = 'pending', retry_count = retry_count + 1 WHERE id = %s",
            (cancelled,),
        )
        process.wait_for("batch.completed", batch_id=cancelled, success=2)
        statuses = php.execute(
            "SELECT batch_id, status FROM predictions WHERE product_id = 41 ORDER BY batch_id"
        ).fetchall()
        assert sorted(statuses) == [(cancelled, "pending"), (first, "superseded")]

        roles.run(RUNTIME, "retry", str(first))
        process.wait_for("batch.completed", batch_id=first, count=2)
        assert errors_of(php, first) == [('"abc"', "not_an_id"), ("404", "unknown_product")]

        php.execute("UPDATE predictions SET status = 'approved', updated_at = now() WHERE product_id = 60")
        php.execute(
            "INSERT INTO audit_log (entity_type, entity_id, action, actor_type, actor_id)"
            " SELECT 'prediction', id, 'approved', 'user', 7 FROM predictions WHERE product_id = 60"
        )
        php.execute(
            "INSERT INTO human_recommendations (prediction_id, category_code, created_by, reason)"
            " SELECT id, 'pipes', 7, 'a pipe' FROM predictions WHERE product_id = 60"
        )
        assert php.execute("SELECT decided, correct FROM lived_precision").fetchall() != []
        evidence = php.execute("SELECT count(*) FROM evidence").fetchone()
        assert evidence is not None
        assert evidence[0] >= 22
        prediction = php.execute("SELECT id FROM predictions WHERE product_id = 60").fetchone()
        assert prediction is not None

        assert "completed" in roles.run(OPERATOR, "status")
        assert f'"id": {first}' in roles.run(OPERATOR, "status", str(first), "--json")
        assert "unknown_product" in roles.run(OPERATOR, "errors", str(first))
        assert "at work: " in roles.run(OPERATOR, "status")
        assert f"batch {first} is completed" in roles.run(OPERATOR, "tail", str(first))
        told = roles.run(RUNTIME, "tail", str(first))
        assert told.count("the audit log is not shown to this role: catalogd_operator may read it") == 1
        assert "permission denied" not in told
        assert f"batch {first} is completed" in told
        for role, says in ((OPERATOR, "enough to look"), (RUNTIME, "what the daemon needs, and no more")):
            assert f"{role} " in roles.run(role, "doctor")
            assert says in roles.run(role, "doctor")
        assert "steel hammer 60" in roles.run(OPERATOR, "explain", str(prediction[0]))
        assert "too few decisions" in roles.run(OPERATOR, "precision")
        assert "too few decisions" in roles.run(RUNTIME, "precision")
        assert "learned model" in roles.run(RUNTIME, "learn")

        rule_id = rule(php, "hammer", "hammers", who=7)
        php.execute("UPDATE category_rules SET weight = 2 WHERE id = %s", (rule_id,))
        assert "active\t+2\thammers" in roles.run(OPERATOR, "rules", "list")
        assert "30 match" in roles.run(OPERATOR, "rules", "test", str(rule_id))
        php.execute("DELETE FROM category_rules WHERE id = %s", (rule_id,))

        roles.run(RUNTIME, "learn", "--force-promote")
        assert "in use" in roles.run(OPERATOR, "models", "list")
        assert "right" in roles.run(OPERATOR, "models", "compare", "1", "2")
        roles.run(RUNTIME, "models", "rollback")
        roles.run(RUNTIME, "models", "promote", "2")

        php.execute("DELETE FROM categorization_batches WHERE id = %s", (first,))
        assert php.execute("SELECT count(*) FROM predictions WHERE batch_id = %s", (first,)).fetchone() == (0,)
    assert process.stop() == 0
    catalogd.close()
    audited = superuser.execute(
        "SELECT actor_type, metadata ->> 'role', action FROM audit_log WHERE entity_id = %s ORDER BY id", (cancelled,)
    ).fetchall()
    assert [entry for entry in audited if entry[1]] == [("user", PHP, "cancelled"), ("user", PHP, "retried")]
    assert [action for actor, _, action in audited if actor == "daemon"] == ["planned", "completed"]


def test_the_runtime_role_experiments_and_the_shop_reads_what_was_found(
    roles: Shop, connections: dict[str, psycopg.Connection]
) -> None:
    roles.run(RUNTIME, "evaluate")
    roles.run(RUNTIME, "evaluate", "--compare", "1")
    php, operator, owner = (connections[role] for role in (PHP, OPERATOR, OWNER))
    assert php.execute("SELECT count(*) FROM experiment_summary").fetchone() == (2,)
    assert php.execute("SELECT count(*) > 4 FROM metric_trends").fetchone() == (True,)
    assert operator.execute("SELECT count(*) > 2 FROM prediction_results").fetchone() == (True,)
    owner.execute("DELETE FROM prediction_experiments")
    assert operator.execute("SELECT count(*) FROM prediction_results").fetchone() == (0,)


def test_the_shop_says_what_an_offer_is(
    roles: Shop, connections: dict[str, psycopg.Connection], superuser: psycopg.Connection
) -> None:
    php = connections[PHP]
    acme = supplier(php, "Shop's own", meta={"currency": "EUR"})
    import_id = order(php, acme, "https://example.org/a.csv", created_by=7, options={"force": True}, priority=1)
    approved, rejected, drafted = (offer(superuser, import_id, name) for name in ("one", "two", "three"))
    for item_id in (approved, rejected):
        superuser.execute(
            "INSERT INTO match_reviews (supplier_item_id, import_id, score, candidates)"
            """ VALUES (%s, %s, 90, '[{"product_id": 3}, {"product_id": 4}]')""",
            (item_id, import_id),
        )
    superuser.execute("INSERT INTO product_drafts (draft_key, name) VALUES ('three', 'three')")
    superuser.execute(
        "UPDATE supplier_items SET match_status = 'draft', draft_id = (SELECT max(id) FROM product_drafts)"
        " WHERE id = %s",
        (drafted,),
    )
    decide = "UPDATE match_reviews SET status = %s, product_id = %s, decided_by = 7 WHERE supplier_item_id = %s"
    php.execute(decide, ("approved", 5, approved))
    php.execute(decide, ("rejected", None, rejected))
    php.execute("UPDATE product_drafts SET status = 'accepted', product_id = 6 WHERE draft_key = 'three'")
    found = php.execute(
        "SELECT id, match_status, product_id FROM supplier_items WHERE supplier_id = %s ORDER BY id", (acme,)
    )
    assert found.fetchall() == [(approved, "confirmed", 5), (rejected, "draft", None), (drafted, "confirmed", 6)]
    offers = php.execute(
        "SELECT product_id, minimum_price FROM product_offers WHERE product_id <> 1 ORDER BY product_id"
    )
    assert offers.fetchall() == [(5, 2), (6, 2)]
    audited = superuser.execute(
        "SELECT action, metadata ->> 'role', actor_id FROM audit_log WHERE entity_type = 'match_review' ORDER BY id"
    ).fetchall()
    assert audited == [("approved", PHP, 7), ("rejected", PHP, 7)]

    php.execute("UPDATE supplier_imports SET status = 'cancelled' WHERE id = %s", (import_id,))
    followed = roles.catalogd(OPERATOR)("tail", str(import_id), "--of", "price-lists")
    assert (followed.returncode, followed.stderr) == (1, "")
    assert f"batch {import_id} of price-lists is cancelled" in followed.stdout
    php.execute(
        "UPDATE supplier_imports SET status = 'pending', retry_count = retry_count + 1, options = NULL WHERE id = %s",
        (import_id,),
    )
    again = roles.run(RUNTIME, "import-prices", "https://example.org/a.csv", "--supplier", "Shop's own", "--no-wait")
    assert f"import {import_id + 1} is ordered" in again
    assert "Shop's own" in roles.run(OPERATOR, "status", str(import_id), "--of", "price-lists")
    assert roles.run(OPERATOR, "errors", str(import_id), "--of", "price-lists") == ""
    assert "is cancelled" in roles.run(RUNTIME, "cancel", str(import_id), "--of", "price-lists")
    assert "is pending again" in roles.run(RUNTIME, "retry", str(import_id), "--of", "price-lists")
    php.execute("DELETE FROM supplier_imports WHERE supplier_id = %s", (acme,))
    php.execute("DELETE FROM suppliers WHERE id = %s", (acme,))
    assert php.execute("SELECT count(*) FROM product_offers WHERE product_id <> 1").fetchone() == (0,)
    assert php.execute("SELECT status FROM product_drafts").fetchall() == [("accepted",)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["retry", "1"],
        ["cancel", "1"],
        ["cancel", "1", "--of", "price-lists"],
        ["import-prices", "https://example.org/a.csv", "--supplier", "Acme"],
        ["learn"],
        ["evaluate"],
    ],
    ids=" ".join,
)
def test_an_operator_who_may_only_read_is_told_so(roles: Shop, arguments: list[str]) -> None:
    result = roles.catalogd(OPERATOR)(*arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("catalogd: this role may not do that (permission denied for table ")
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("superuser")  # a prediction is there
@pytest.mark.parametrize(
    ("role", "arguments", "whose"),
    [
        (RUNTIME, ["explain", "1"], OPERATOR),
        (PHP, ["status"], OPERATOR),
        (PHP, ["tail", "1"], OPERATOR),
        (PHP, ["models", "list"], OPERATOR),
        (OPERATOR, ["cancel", "1"], RUNTIME),
        (OPERATOR, ["learn"], RUNTIME),
        (RUNTIME, ["partition"], OWNER),
    ],
)
def test_who_lacks_a_right_by_design_is_told_who_has_it(
    roles: Shop, role: str, arguments: list[str], whose: str
) -> None:
    result = roles.catalogd(role)(*arguments)
    assert result.returncode == 1
    assert f": it is for {whose}, or for a role with the same rights; if it should have them, " in result.stderr


def test_models_are_listed_by_one_role_and_promoted_by_another() -> None:
    whose = {verb: cli.build_parser().parse_args(["models", *verb.split()]).role for verb in ("list", "promote 1")}
    assert whose == {"list": OPERATOR, "promote 1": RUNTIME}


def test_the_runtime_role_ends_frozen_sessions_of_its_own(roles: Shop, superuser: psycopg.Connection) -> None:
    queue = make_queue(timing=Timing(frozen=timedelta(0)))
    with roles.connect(RUNTIME) as frozen, roles.connect(RUNTIME) as conn:
        frozen.execute("SET application_name = 'catalogd elsewhere'")
        frozen.execute("BEGIN")
        frozen.execute("SELECT 1")
        wait_until_idle(superuser, frozen)
        (ended,) = queue.end_frozen(conn)
        assert (ended.pid, ended.ended) == (frozen.info.backend_pid, True)
        with pytest.raises(psycopg.OperationalError):
            wait_until(lambda: frozen.execute("SELECT 1").fetchone() is None)


def test_a_stuck_daemon_of_another_role_is_not_ended(roles: Shop, superuser: psycopg.Connection) -> None:
    with roles.connect(PHP) as frozen, roles.connect(RUNTIME) as conn:
        frozen.execute("SET application_name = 'catalogd elsewhere'")
        frozen.execute("BEGIN")
        frozen.execute("SELECT 1")
        wait_until_idle(superuser, frozen)
        assert make_queue(timing=Timing(frozen=timedelta(0))).end_frozen(conn) == []


# Each is right but for the role: the superuser may do it.
FORBIDDEN = {
    RUNTIME: [
        "CREATE TABLE mine (a int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE batch_slices ADD COLUMN mine int",
        "ALTER TABLE predictions DISABLE TRIGGER ALL",
        "DROP TRIGGER catalogd_batch_ordered ON categorization_batches",
        "CREATE OR REPLACE VIEW catalogd_categories AS SELECT 'x'::text AS code, 'y'::text AS label, 'z'::text AS path",
        "TRUNCATE batch_slices",
        "DELETE FROM products",
        "INSERT INTO products (sku) VALUES ('x')",
        "UPDATE products SET name = 'x'",
        "UPDATE products SET category_code = 'pipes'",
        "SELECT name FROM products",
        "SELECT * FROM users",
        "UPDATE categories SET label = 'x'",
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "INSERT INTO audit_log (entity_type, entity_id, action, actor_type, created_at) SELECT 'x', 1, 'x', 'x', now()",
        "INSERT INTO categorization_batches (product_ids) VALUES ('[]')",
        "DELETE FROM categorization_batches",
        "UPDATE categorization_batches SET product_ids = '[]'",
        "UPDATE categorization_batches SET created_by = NULL",
        "UPDATE categorization_batches SET priority = 1",
        "DELETE FROM predictions",
        "UPDATE predictions SET confidence_score = 100",
        "SELECT * FROM evidence",
        "SELECT * FROM audit_log",
        "UPDATE evidence SET weight = 1",
        "DELETE FROM evidence",
        "UPDATE categorization_errors SET message = 'x'",
        "UPDATE categorization_models SET content = ''",
        "UPDATE prediction_experiments SET metrics = '{}'",
        "DELETE FROM prediction_experiments",
        "SELECT metrics FROM prediction_experiments",
        "UPDATE prediction_results SET is_correct = true",
        "DELETE FROM prediction_results",
        "INSERT INTO human_recommendations (product_id, category_code) VALUES (1, 'pipes')",
        "UPDATE human_recommendations SET category_code = 'pipes'",
        "DELETE FROM human_recommendations",
        "INSERT INTO human_decisions (product_id, verdict) VALUES (1, 'rejected')",
        "UPDATE human_decisions SET is_right = true",
        "DELETE FROM human_decisions",
        "DROP TRIGGER catalogd_prediction_decided ON predictions",
        "INSERT INTO category_rules (field, pattern, category_code) VALUES ('name', 'x', 'pipes')",
        "UPDATE category_rules SET weight = 1",
        "SELECT * FROM batch_observations",
        "DELETE FROM batch_observations",
        "DELETE FROM category_rules",
        "UPDATE categorization_models SET report = '{}'",
        "UPDATE categorization_models SET learned_at = now()",
        "UPDATE categorization_models SET judged_codes = '{}'",
        "DELETE FROM catalogd_duties",
        "UPDATE catalogd_duties SET name = 'x'",
        "DELETE FROM suppliers",
        "UPDATE suppliers SET name = 'x'",
        "DELETE FROM supplier_imports",
        "UPDATE supplier_imports SET options = '{}'",
        "UPDATE supplier_imports SET created_by = 7",
        "DELETE FROM supplier_items",
        "UPDATE supplier_item_prices SET price = 1",
        "DELETE FROM supplier_item_prices",
        "UPDATE match_reviews SET decided_by = 7",
        "UPDATE match_reviews SET product_id = 1",
        "DELETE FROM match_reviews",
        "UPDATE product_drafts SET status = 'accepted'",
        "UPDATE product_drafts SET product_id = 1",
        "UPDATE product_drafts SET name = 'x'",
        "SELECT * FROM product_offers",
        "UPDATE product_offers SET minimum_price = 1",
        "INSERT INTO product_offers (product_id, currency, suppliers, is_available) VALUES (2, 'EUR', 1, true)",
        "UPDATE catalogd_schema SET checksums = '{}'",
        "DELETE FROM catalogd_additions",
        "DELETE FROM _yoyo_migration",
        "SELECT setval(pg_get_serial_sequence('predictions', 'id'), 1)",
        "SELECT catalogd_note_addition('predictions', 'table', 'predictions')",
        "SELECT catalogd_drop_drafts('{1}')",
    ],
    PHP: [
        "CREATE TABLE mine (a int)",
        "SELECT * FROM batch_slices",
        "INSERT INTO batch_slices (workload, batch_id, turn, items) VALUES ('categorization', 1, 0, '{1}')",
        "UPDATE batch_slices SET attempts = 0",
        "DELETE FROM batch_slices",
        "TRUNCATE batch_slices",
        "SELECT * FROM categorization_models",
        "INSERT INTO categorization_models (products, categories, report, content) VALUES (1, 1, '{}', '')",
        "DELETE FROM categorization_models",
        "SELECT * FROM prediction_experiments",
        "SELECT * FROM prediction_results",
        "DELETE FROM prediction_experiments",
        "UPDATE categorization_models SET promoted_at = now()",
        "SELECT * FROM catalogd_duties",
        "UPDATE catalogd_duties SET due_at = now()",
        "UPDATE predictions SET confidence_score = 100",
        "UPDATE predictions SET confidence_level = 'high'",
        "UPDATE predictions SET suggested_category_code = 'pipes'",
        "UPDATE predictions SET suggested_category_label = 'Pipes'",
        "INSERT INTO predictions (product_id, batch_id) SELECT 2, max(id) FROM categorization_batches",
        "DELETE FROM predictions",
        "INSERT INTO evidence (prediction_id) SELECT max(id) FROM predictions",
        "UPDATE evidence SET evidence_value = 'x'",
        "DELETE FROM evidence",
        "DELETE FROM categorization_errors",
        "UPDATE audit_log SET actor_id = 8",
        "DELETE FROM audit_log",
        "INSERT INTO audit_log (entity_type, entity_id, action, actor_type, created_at) SELECT 'x', 1, 'x', 'x', now()",
        "UPDATE categorization_batches SET processed_products = 1",
        "UPDATE categorization_batches SET success_products = 1",
        "UPDATE categorization_batches SET error_products = 1",
        "UPDATE categorization_batches SET remaining_products = 1",
        "UPDATE categorization_batches SET completed_at = now()",
        "UPDATE categorization_batches SET created_at = now()",
        "INSERT INTO categorization_batches (product_ids, remaining_products) VALUES ('[]', 1)",
        "INSERT INTO human_recommendations (product_id, created_at) VALUES (1, now())",
        "INSERT INTO human_recommendations (id, product_id) VALUES (9999, 1)",
        "UPDATE human_recommendations SET category_code = 'pipes'",
        "UPDATE human_recommendations SET reason = 'x'",
        "DELETE FROM human_recommendations",
        "SELECT * FROM human_decisions",
        "INSERT INTO human_decisions (product_id, verdict) VALUES (1, 'approved')",
        "UPDATE human_decisions SET is_right = true",
        "DELETE FROM human_decisions",
        "ALTER TABLE human_recommendations DISABLE TRIGGER catalogd_recommended",
        "CREATE TRIGGER mine AFTER INSERT ON human_recommendations"
        " FOR EACH ROW EXECUTE FUNCTION catalogd_prediction_decided()",
        "INSERT INTO category_rules (field, pattern, category_code, updated_at) VALUES ('name', 'x', 'pipes', now())",
        "UPDATE category_rules SET updated_at = now()",
        "SELECT * FROM batch_observations",
        "DELETE FROM batch_observations",
        "UPDATE category_rules SET created_at = now()",
        "ALTER TABLE category_rules DISABLE TRIGGER catalogd_rule_changed",
        "CREATE TRIGGER mine AFTER INSERT ON category_rules EXECUTE FUNCTION catalogd_rule_changed()",
        "ALTER TABLE categorization_batches DISABLE TRIGGER catalogd_batch_ordered",
        "CREATE TRIGGER mine AFTER INSERT ON categorization_batches EXECUTE FUNCTION catalogd_batch_inserted()",
        "CREATE TEMP TABLE mine (LIKE categorization_batches);"
        " CREATE TRIGGER mine BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION catalogd_batch_ordered('forged')",
        "SELECT * FROM supplier_import_lines",
        "DELETE FROM supplier_import_lines",
        "SELECT * FROM batch_preparations",
        "DELETE FROM batch_preparations",
        "UPDATE supplier_imports SET phase = 'complete'",
        "UPDATE supplier_imports SET success_lines = 1",
        "UPDATE supplier_imports SET line_numbers = '[1]'",
        "UPDATE supplier_imports SET detected = '{}'",
        "UPDATE supplier_imports SET file_name = 'x'",
        "UPDATE supplier_imports SET supplier_id = NULL",
        "INSERT INTO supplier_imports (supplier_id, phase) SELECT min(id), 'matching' FROM suppliers",
        "INSERT INTO supplier_import_results (import_id, line, match_status, is_new, is_changed)"
        " SELECT min(id), 99, 'linked', true, true FROM supplier_imports",
        "DELETE FROM supplier_import_results",
        "DELETE FROM supplier_import_errors",
        "INSERT INTO supplier_items (supplier_id, item_key, match_status, match_score, name, is_available)"
        " SELECT min(id), 'mine', 'linked', 100, 'mine', true FROM suppliers",
        "UPDATE supplier_items SET product_id = 1",
        "UPDATE supplier_items SET match_status = 'linked'",
        "UPDATE supplier_items SET match_score = 100",
        "UPDATE supplier_items SET price = 1",
        "DELETE FROM supplier_items",
        "INSERT INTO supplier_item_prices (supplier_item_id, price, is_available)"
        " SELECT min(id), 1, true FROM supplier_items",
        "UPDATE supplier_item_prices SET price = 1",
        "DELETE FROM supplier_item_prices",
        "INSERT INTO match_reviews (supplier_item_id, score, candidates) SELECT max(id), 99, '[]' FROM supplier_items",
        "UPDATE match_reviews SET score = 99",
        "UPDATE match_reviews SET candidates = '[]'",
        "UPDATE match_reviews SET decided_at = now()",
        "UPDATE match_reviews SET supplier_item_id = supplier_item_id",
        "DELETE FROM match_reviews",
        "INSERT INTO product_drafts (draft_key, name) VALUES ('mine', 'mine')",
        "UPDATE product_drafts SET name = 'x'",
        "UPDATE product_drafts SET draft_key = draft_key",
        "UPDATE product_drafts SET updated_at = now()",
        "DELETE FROM product_drafts",
        "INSERT INTO product_offers (product_id, currency, suppliers, is_available) VALUES (2, 'EUR', 1, true)",
        "UPDATE product_offers SET minimum_price = 1",
        "DELETE FROM product_offers",
        "SELECT catalogd_refresh_offers('{1}')",
        "SELECT catalogd_drop_drafts('{1}')",
        "ALTER TABLE suppliers DISABLE TRIGGER catalogd_supplier_deleted",
        "CREATE TEMP TABLE mine (LIKE supplier_items);"
        " CREATE TRIGGER mine AFTER DELETE ON mine REFERENCING OLD TABLE AS deleted"
        " FOR EACH STATEMENT EXECUTE FUNCTION catalogd_items_deleted()",
        "ALTER TABLE match_reviews DISABLE TRIGGER catalogd_match_decided",
        "CREATE TEMP TABLE mine (LIKE match_reviews);"
        " CREATE TRIGGER mine BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION catalogd_match_decided()",
        "UPDATE catalogd_schema SET checksums = '{}'",
        "DELETE FROM _yoyo_migration",
    ],
    WEB: [
        "SELECT source_url FROM suppliers",
        "SELECT meta FROM suppliers",
        "SELECT source_url FROM supplier_imports",
        "SELECT options FROM supplier_imports",
        "DELETE FROM categorization_batches",
        "UPDATE categorization_batches SET product_ids = '[]'",
        "UPDATE categorization_batches SET processed_products = 1",
        "UPDATE categorization_batches SET priority = 1",
        "INSERT INTO categorization_batches (product_ids) VALUES ('[]')",
        "DELETE FROM predictions",
        "UPDATE predictions SET confidence_score = 100",
        "UPDATE predictions SET suggested_category_code = 'pipes'",
        "UPDATE evidence SET weight = 1",
        "DELETE FROM categorization_errors",
        "UPDATE human_decisions SET is_right = true",
        "INSERT INTO human_recommendations (product_id, category_code) VALUES (1, 'pipes')",
        "INSERT INTO audit_log (entity_type, entity_id, action, actor_type) VALUES ('x', 1, 'x', 'x')",
        "UPDATE supplier_imports SET source_url = 'x'",
        "UPDATE match_reviews SET status = 'approved'",
        "UPDATE categorization_models SET promoted_at = now()",
        "UPDATE category_rules SET weight = 1",
        "SELECT name FROM products",
        "SELECT * FROM users",
    ],
    OPERATOR: [
        "SELECT source_url FROM suppliers",
        "SELECT meta FROM suppliers",
        "SELECT source_url FROM supplier_imports",
        "SELECT options FROM supplier_imports",
        "INSERT INTO suppliers (name) VALUES ('mine')",
        "UPDATE supplier_imports SET status = 'cancelled'",
        "UPDATE match_reviews SET status = 'approved'",
        "UPDATE product_drafts SET status = 'discarded'",
        "DELETE FROM supplier_items",
        "CREATE TABLE mine (a int)",
        "INSERT INTO categorization_batches (product_ids) VALUES ('[]')",
        "UPDATE categorization_batches SET status = 'cancelled'",
        "DELETE FROM categorization_batches",
        "UPDATE predictions SET status = 'approved'",
        "DELETE FROM predictions",
        "DELETE FROM evidence",
        "DELETE FROM categorization_errors",
        "DELETE FROM batch_slices",
        "UPDATE batch_slices SET attempts = 0",
        "SELECT * FROM batch_slices FOR UPDATE",
        "DELETE FROM categorization_models",
        "DELETE FROM prediction_experiments",
        "DELETE FROM prediction_results",
        "INSERT INTO human_recommendations (product_id) VALUES (1)",
        "DELETE FROM human_decisions",
        "INSERT INTO category_rules (field, pattern, category_code) VALUES ('name', 'x', 'pipes')",
        "UPDATE category_rules SET is_active = false",
        "DELETE FROM batch_observations",
        "DELETE FROM category_rules",
        "UPDATE categorization_models SET promoted_at = now()",
        "UPDATE catalogd_duties SET due_at = now()",
        "INSERT INTO audit_log (entity_type, entity_id, action, actor_type) VALUES ('x', 1, 'x', 'x')",
        "DELETE FROM audit_log",
        "SELECT * FROM products",
        "SELECT * FROM users",
    ],
    OWNER: [
        "DELETE FROM products",
        "UPDATE products SET name = 'x'",
        "ALTER TABLE products ADD COLUMN mine int",
        "SELECT * FROM users",
        "CREATE ROLE mine",
        "CREATE SCHEMA mine",
    ],
}


@pytest.mark.parametrize(
    ("role", "statement"), [(role, statement) for role, statements in FORBIDDEN.items() for statement in statements]
)
def test_what_a_role_may_not_do(
    connections: dict[str, psycopg.Connection], superuser: psycopg.Connection, role: str, statement: str
) -> None:
    with superuser.transaction(force_rollback=True):
        superuser.execute(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refusal, connections[role].transaction():
        connections[role].execute(statement)
    assert refusal.value.sqlstate == "42501"


def test_nothing_in_the_schema_is_without_its_line(roles: Shop, superuser: psycopg.Connection) -> None:
    """A table, view, sequence or function that a new migration makes belongs to the owner and is in the grants."""
    relations = superuser.execute(
        "SELECT relname, pg_get_userbyid(relowner), has_any_column_privilege(%s, oid, 'SELECT') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')",
        (OPERATOR,),
    ).fetchall()
    ours = [relation for relation in relations if relation[0] not in SHOPS_TABLES]
    assert {owner for _, owner, _ in ours} == {OWNER}
    assert {name for name, _, is_seen in ours if not is_seen} == YOYOS_OWN
    functions = superuser.execute(
        "SELECT proname, pg_get_userbyid(proowner), has_function_privilege('public', oid, 'EXECUTE')"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    ).fetchall()
    assert len(functions) >= 11
    assert {(owner, is_everyones) for _, owner, is_everyones in functions} == {(OWNER, False)}


RIGHTS = """
SELECT format('%s %s %s %s %s', relkind, relname, pg_get_userbyid(relowner), relacl,
              (SELECT array_agg(attname || '=' || attacl::text ORDER BY attname) FROM pg_attribute
               WHERE attrelid = c.oid AND attacl IS NOT NULL))
FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('function %s %s %s', proname, pg_get_userbyid(proowner), proacl)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('schema %s %s', nspname, nspacl) FROM pg_namespace WHERE nspname = 'public'
UNION ALL
SELECT format('role %s %s', setrole::regrole, setconfig) FROM pg_db_role_setting
ORDER BY 1
"""


def test_granting_again_changes_nothing_and_takes_back_what_is_too_much(
    roles: Shop, superuser: psycopg.Connection
) -> None:
    before = superuser.execute(RIGHTS).fetchall()
    superuser.execute(f"GRANT UPDATE ON predictions TO {PHP}, PUBLIC")
    superuser.execute("GRANT EXECUTE ON FUNCTION catalogd_batch_ordered TO PUBLIC")
    assert superuser.execute(RIGHTS).fetchall() != before
    assert roles.grant(SHOP) == []
    assert superuser.execute(RIGHTS).fetchall() == before
    assert roles.grant("postgres") == []
    assert superuser.execute(RIGHTS).fetchall() == before


def test_the_owner_may_grant_again_by_itself(roles: Shop, superuser: psycopg.Connection) -> None:
    before = superuser.execute(RIGHTS).fetchall()
    superuser.execute(f"REVOKE ALL ON evidence FROM {RUNTIME}")
    assert all(warning.startswith("no privileges were granted for ") for warning in roles.grant(OWNER))
    assert superuser.execute(RIGHTS).fetchall() == before


def test_what_the_script_cannot_mend_it_reports(roles: Shop, superuser: psycopg.Connection) -> None:
    wrong = {
        "GRANT CREATE ON SCHEMA public TO PUBLIC": "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT {OWNER} TO {OPERATOR}": f"REVOKE {OWNER} FROM {OPERATOR}",
        f"ALTER ROLE {RUNTIME} SUPERUSER": f"ALTER ROLE {RUNTIME} NOSUPERUSER",
    }
    for statement in wrong:
        superuser.execute(statement)
    try:
        warnings = roles.grant("postgres")
    finally:
        for statement in wrong.values():
            superuser.execute(statement)
    assert warnings == [
        f"role {RUNTIME} is a superuser or a member of {OWNER}: what is granted here does not bind it",
        f"role {PHP} may create objects in schema public, and what is put there may run as catalogd",
        f"role {OPERATOR} is a superuser or a member of {OWNER}: what is granted here does not bind it",
        f"role {WEB} may create objects in schema public, and what is put there may run as catalogd",
    ]


def test_roles_sql_is_what_the_command_prints(roles: Shop) -> None:
    documented = Path(__file__).parents[2].joinpath("docs/roles.sql").read_text(encoding="utf-8")
    assert roles.run(OPERATOR, "grants") == documented


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--php", "x" * 64], "from 1 to 63 bytes, not 64"),
        (["--php", "é" * 32], "from 1 to 63 bytes, not 64"),
        (["--schema", ""], "from 1 to 63 bytes, not 0"),
        (["--php", "public"], "a name of Postgres' own"),
        (["--runtime", "pg_monitor"], "a name of Postgres' own"),
        (["--operator", "none"], "a name of Postgres' own"),
        (["--owner", "\udcff"], "a name in UTF-8"),
        (["--owner", "one", "--php", "one"], "the five roles must be five"),
    ],
)
def test_names_that_mean_something_else_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    try:
        code = cli.main(["grants", *arguments])
    except SystemExit as ending:
        code = int(ending.code or 0)
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert problem in said.err
