"""A database that Phinx made is adopted as it is: no row changes, and the work that waits in it is done."""

from pathlib import Path

import pytest

from daemon.database.schema import migrate, rollback
from tests.migrations.catalogue import columns_of, rows_of, schema_of, tables_of
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, errors_of, read_batch
from tests.support.roles import OWNER, PHP, RUNTIME, SHOP, shop_of_its_own
from tests.support.server import PrivateServer

pytestmark = pytest.mark.one_server

PHINX = Path(__file__).with_name("phinx.sql").read_text(encoding="utf-8")
ADDED = {  # to tables that Phinx made with all columns, keys and indexes of the contract
    "categorization_batches": ["batch_status_known", "priority", "remaining_products"],
    "predictions": ["confidence_level_known", "confidence_score_in_range", "model_version", "prediction_status_known"],
}


def test_it_is_adopted_and_given_back_with_its_rows(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHINX)
        columns, made_by_phinx = columns_of(db), schema_of(db)
        rows = rows_of(db, columns)
        assert "phinxlog" in tables_of(db)
        assert all(rows.values())

        migrate(empty_database.session)
        assert rows_of(db, columns) == rows
        added = db.execute(
            "SELECT table_name, array_agg(name ORDER BY name) FROM catalogd_additions WHERE table_name = ANY(%s)"
            " GROUP BY table_name",
            (list(columns),),
        ).fetchall()
        defaults = {"predictions": ["updated_at"]}
        assert {table: sorted(set(names) - set(defaults.get(table, []))) for table, names in added} == ADDED

        rollback(empty_database.session)
        assert schema_of(db) == made_by_phinx
        assert rows_of(db, columns) == rows


def test_what_waits_in_it_is_done_and_what_was_decided_counts(server: PrivateServer) -> None:
    """By the way that docs/php.md tells: the shop migrates, the roles take over, the daemon starts."""
    with shop_of_its_own(server) as place:
        with place.connect(SHOP) as shop:
            shop.execute(PHINX)
        with place.database.connect() as db:
            db.execute(f"ALTER DATABASE {place.database.name} SET timezone TO 'Pacific/Auckland'")
        place.grant(SHOP)
        place.run(SHOP, "migrate")
        assert place.grant(SHOP) == []
        with place.connect(PHP) as php, place.database.connect() as db:
            batch_id = batch(php, ["2", 4, "4", 5, 9999], created_by=1)
            place.run(RUNTIME, "run", "--once")
            assert_settled(db, batch_id, [2, 4, 5], errors=1)
            waited = db.execute(
                "SELECT completed_at - created_at < interval '1 minute',"
                " created_at BETWEEN localtimestamp - interval '1 minute' AND localtimestamp"
                " FROM categorization_batches WHERE id = %s",
                (batch_id,),
            ).fetchone()
            assert waited == (True, True), "times without a zone are of one clock"

            left_in_the_middle = read_batch(db, 3)
            assert left_in_the_middle["status"] == "completed"
            assert (left_in_the_middle["success_products"], left_in_the_middle["error_products"]) == (2, 1)
            assert errors_of(db, 3) == [("404", "unknown_product")]
            assert_settled(db, 4, [3, 5])
            assert read_batch(db, 2)["error_message"] == "worker killed"
            of_old = db.execute("SELECT id, status FROM predictions WHERE id <= 4 ORDER BY id").fetchall()
            assert of_old == [(1, "approved"), (2, "rejected"), (3, "superseded"), (4, "pending")]
            numbered = db.execute(
                "SELECT min(id), count(*), count(DISTINCT id) FROM predictions WHERE id > 4"
            ).fetchone()
            assert numbered == (5, 6, 6)
            work = db.execute("SELECT product_id, prediction_id FROM akeneo_workflow ORDER BY id").fetchall()
            assert work == [(1, 1), (3, 3), (4, None)]
            decided = db.execute("SELECT prediction_id, verdict FROM human_decisions ORDER BY id").fetchall()
            assert decided == [(1, "approved"), (2, "rejected")]
            suggested = db.execute(
                "SELECT suggested_category_code FROM predictions WHERE product_id = 2 AND id > 4"
            ).fetchall()
            assert suggested == [("pipes",)], "what people rejected is not suggested again"
        place.run(OWNER, "migrate")
