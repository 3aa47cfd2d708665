"""A password in a file: used by every command, changed without a restart, waited for when it is wrong."""

import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.login import Login, password_login
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject is the client

FIRST, SECOND = "first pass'word \\ %41", "sécond"  # they open a test's own database


@pytest.fixture
def login(database: Database, tmp_path: Path) -> Iterator[Login]:
    with password_login(database, tmp_path, FIRST) as role:
        yield role


def test_a_changed_password_is_used_at_the_next_connection(
    db: psycopg.Connection, catalogd: Catalogd, login: Login
) -> None:
    product_ids = shop(db, products=3)
    process = catalogd.start(**login.environment)
    process.wait_for("batch.completed", batch_id=batch(db, product_ids))
    login.change_password(SECOND)
    login.write_file(SECOND)
    login.end_sessions()
    process.wait_for("listener.connected", count=2)
    batch_id = batch(db, product_ids)
    process.wait_for("batch.completed", batch_id=batch_id)
    assert_settled(db, batch_id, product_ids)
    assert process.stop() == 0


def test_a_wrong_or_missing_password_is_waited_for(db: psycopg.Connection, catalogd: Catalogd, login: Login) -> None:
    product_ids = shop(db, products=3)
    process = catalogd.start(**login.environment)
    login.change_password(SECOND)
    login.end_sessions()
    batch_id = batch(db, product_ids)
    refused = process.wait_for("listener.lost", count=4)
    assert "password authentication failed" in refused["error"]
    assert refused["retry_in_s"] > 0.3  # the fourth delay: from the half of 0.8 s on
    process.wait_for("worker.waiting")
    login.file.unlink()
    process.wait_for(
        "listener.lost",
        error=f"DB_PASSWORD_FILE: {login.file} cannot be read (FileNotFoundError);"
        " example: DB_PASSWORD_FILE=/run/secrets/db_password",
    )
    login.write_file(SECOND)
    process.wait_for("listener.connected", count=2)
    process.wait_for("batch.completed", batch_id=batch_id)
    assert_settled(db, batch_id, product_ids)
    assert process.stop() == 0


def test_why_it_cannot_work_is_said_wherever_it_is_asked(catalogd: Catalogd, login: Login) -> None:
    """At once, from whoever knows it first. After a reload, too, which lets no old session live on."""
    process = catalogd.start(**login.environment, CATALOGD_METRICS="127.0.0.1:0")
    port = process.wait_for("metrics.listening")["port"]
    login.change_password(SECOND)
    process.signal(signal.SIGHUP)
    process.wait_for("daemon.reloaded")
    process.wait_for("listener.lost")
    assert "password authentication failed" in why_not_ready(port)
    assert not process.named("daemon.unready")  # no worker has given up yet
    assert "password authentication failed" in process.wait_for("daemon.unready")["error"]
    assert "password authentication failed" in why_not_ready(port)
    assert len(process.named("library.warning")) <= 3
    login.write_file(SECOND)
    process.wait_for("daemon.ready")
    assert process.stop() == 0


def why_not_ready(port: int) -> str:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10)
    with refused.value as answer:
        return str(answer.read().decode())


def test_every_way_to_connect_reads_the_file(catalogd: Catalogd, login: Login) -> None:
    catalogd.environment |= login.environment
    assert catalogd("migrate").stdout == "the schema is up to date\n"
    assert catalogd("run", "--once").returncode == 0
    login.write_file("not this one")
    result = catalogd("status")
    assert result.returncode == 1
    assert "password authentication failed" in result.stderr
    assert "check DB_USER, and DB_PASSWORD_FILE or DB_PASSWORD" in result.stderr
