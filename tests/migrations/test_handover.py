"""Tables of others, and names that nobody expects: who may migrate, and who owns what afterwards."""

from daemon.stand_in.schema import create_stand_in
from tests.migrations.catalogue import PHP_TABLES
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.roles import OWNER, PHP, RUNTIME, SHOP, shop_of_its_own
from tests.support.server import PrivateServer


def test_tables_that_php_made_are_handed_over(server: PrivateServer) -> None:
    """Serial columns, and tables that only their owner may alter: so the first migration is the shop's."""
    with shop_of_its_own(server) as place:
        with place.connect(SHOP) as conn:
            conn.execute(PHP_TABLES)
        assert place.grant(SHOP) == []
        refused = place.catalogd(OWNER)("migrate")
        assert refused.returncode == 78
        assert (
            "must be owner of table categorization_batches; remedy: migrate as the owner of that table"
            in refused.stderr
        )
        place.run(SHOP, "migrate")
        assert place.grant(SHOP) == []
        with place.connect(PHP) as php, place.database.connect() as superuser:
            waiting = read_batch(superuser, 2)["status"]
            assert waiting == "pending"
            batch_id = batch(php, [1, 2, 3, 4], created_by=1)
            place.run(RUNTIME, "run", "--once")
            assert_settled(superuser, batch_id, [1, 2, 3], errors=1)
            superuser.execute("DROP TRIGGER catalogd_batch_ordered ON categorization_batches")
        repaired = "repaired what was changed: trigger catalogd_batch_ordered on categorization_batches\n"
        assert place.run(OWNER, "migrate") == repaired


HOSTILE_NAMES = [
    'a"b; DROP TABLE products; --',
    "a'b\\'; DROP TABLE products; --",
    "$grants$ %I %s {owner} :php \n é" + "x" * 30,
]


def test_hostile_names_are_quoted(server: PrivateServer) -> None:
    owner, runtime, php = HOSTILE_NAMES
    with shop_of_its_own(server, *HOSTILE_NAMES) as place:
        with place.connect(SHOP) as conn:
            create_stand_in(conn)
            conn.execute("DROP TABLE akeneo_workflow")
        names = ["--owner", owner, "--runtime", runtime, "--php", php]
        place.grant(SHOP, *names)
        place.run(owner, "migrate")
        place.grant(SHOP, *names)
        with place.connect(SHOP) as conn:
            product_ids = shop(conn, products=3)
        with place.connect(php) as conn:
            batch_id = batch(conn, product_ids)
        place.run(runtime, "run", "--once")
        with place.database.connect() as superuser:
            assert_settled(superuser, batch_id, product_ids)
