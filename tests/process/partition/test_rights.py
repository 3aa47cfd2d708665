"""Who may partition, and what each role may do afterwards."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from daemon.workloads.categorization.partitioning.partition import read_partitions
from tests.support.factories import assert_settled, batch
from tests.support.partitions import partition, value
from tests.support.roles import OWNER, PHP, RUNTIME, Shop, shop_with_roles
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def roles(server: PrivateServer) -> Iterator[Shop]:
    """For both: one of them changes nothing."""
    with shop_with_roles(server) as place:
        yield place


def test_each_role_keeps_its_rights_and_gets_no_others(roles: Shop) -> None:
    """The owner partitions without owning the shop's tables, while the daemon works."""

    def rights(db: psycopg.Connection) -> list[tuple[Any, ...]]:
        return db.execute(
            "SELECT table_name, grantee, column_name, privilege_type FROM information_schema.column_privileges"
            " WHERE table_name IN ('predictions', 'evidence') AND grantee LIKE 'catalogd%' ORDER BY 1, 2, 3, 4"
        ).fetchall()

    catalogd = roles.catalogd(RUNTIME)
    roles.run(RUNTIME, "learn")
    with roles.database.connect() as db, roles.connect(PHP) as php:
        before = rights(db)
        process = catalogd.start()
        stop = threading.Event()
        batch_ids: list[int] = []

        def order() -> None:
            with roles.connect(PHP) as conn:
                while not stop.is_set():
                    batch_ids.append(batch(conn, range(1, 61)))
                    stop.wait(0.02)

        orders = threading.Thread(target=order)
        orders.start()
        try:
            wait_until(lambda: value(db, "SELECT count(*) FROM predictions") > 500)
            partition(roles.catalogd(OWNER))
            wait_until(lambda: value(db, "SELECT max(id) FROM predictions") > 3200, timeout_s=60)
            partition(roles.catalogd(OWNER))
        finally:
            stop.set()
            orders.join()
        process.wait_for("batch.completed", count=len(batch_ids), timeout_s=60)
        assert process.stop() == 0
        for batch_id in batch_ids:
            assert_settled(db, batch_id, range(1, 61))
        assert rights(db) == before
        assert value(php, "SELECT count(*) FROM predictions") == 60 * len(batch_ids)
        for table in (name for pair in read_partitions(db) for name in pair.tables):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                php.execute(f"TABLE {table}")  # type: ignore[call-overload]
        owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE tablename ~ '^(predictions|evidence)'"
        assert db.execute(owners).fetchall() == [(OWNER,)]
        roles.grant("shop_admin")
        assert rights(db) == before
    catalogd.close()


def test_the_runtime_role_may_not(roles: Shop) -> None:
    result = roles.catalogd(RUNTIME)("partition")
    assert result.returncode == 1
    assert "may not do that" in result.stderr
