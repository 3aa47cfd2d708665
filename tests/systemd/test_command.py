"""The command that people at an installed machine type: it is what the unit is, under a real systemd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.machine import Machine, why_not
from tests.support.roles import runtime_dsn

pytestmark = [
    pytest.mark.one_server,
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
]

BUS = """
printf '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n' > dbus.socket
printf '[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\n[Service]\nType=notify\nExecStart=%s %s\n' \
    /usr/bin/dbus-daemon '--system --address=systemd: --nofork --nopidfile --systemd-activation' > dbus.service
systemctl daemon-reload
systemctl start dbus.socket dbus.service
install -m 755 command.sh /usr/local/bin/catalogd
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with TemporaryDirectory(prefix="catalogd-") as work, Machine(Path(work)) as booted:
        booted.run("sh", "-ec", f"cd /etc/systemd/system; {BUS}")
        yield booted


def catalogd(machine: Machine, *arguments: str, **environment: str) -> tuple[int, str]:
    """The exit code, and what it says; typed by root."""
    assignments = [f"{name}={value}" for name, value in environment.items()]
    typed = 'env -i PATH=/usr/local/bin:/usr/bin:/bin "$@" 2>&1; echo "exit code $?"'
    said, _, code = machine.run("sh", "-c", typed, "sh", *assignments, "catalogd", *arguments).rpartition("exit code ")
    return int(code), said


@pytest.fixture
def settings(machine: Machine, database: Database) -> None:
    """Written as for the unit; the password is a credential."""
    parts = conninfo_to_dict(runtime_dsn(database, tcp=True))
    machine.write("db_password", f"{parts.pop('password')}\n")
    machine.write("catalogd.env", f'DATABASE_URL="{make_conninfo("", **parts)}"\nCATALOGD_METRICS=off\n')
    with database.connect() as db:
        shop(db, products=3)


@pytest.mark.usefixtures("settings")
def test_root_has_the_settings_the_password_and_the_rights_of_the_unit(machine: Machine, database: Database) -> None:
    with database.connect() as db:
        batch_id = batch(db, [1, 2, 3, 999])
    assert catalogd(machine, "run", "--once")[0] == 0
    code, said = catalogd(machine, "errors", str(batch_id))
    assert (code, "999" in said) == (0, True)
    assert catalogd(machine, "errors", "4711") == (2, "catalogd: there is no batch 4711\n")
    assert "catalogd_runtime" in catalogd(machine, "doctor")[1]


@pytest.mark.usefixtures("settings")
def test_a_price_list_is_laid_where_the_daemon_looks(machine: Machine) -> None:
    write = "cd /var/log/catalogd; echo 'sku;name;price' > a.csv; echo 'B1;bolt;3,50' >> a.csv"
    machine.run("sh", "-ec", write)
    assert catalogd(machine, "import-prices", "/var/log/catalogd/a.csv", "--supplier", "Bolt", "--no-wait")[0] == 0
    (laid,) = machine.run("sh", "-c", "echo /var/lib/catalogd/price-lists/incoming/a-*.csv").split()
    owner = machine.run("stat", "--format=%u", laid, "/var/lib/catalogd/").split()
    assert owner[0] == owner[1] != "0"


def test_with_settings_of_one_s_own_they_count(machine: Machine, database: Database) -> None:
    dsn = runtime_dsn(database, tcp=True)
    machine.write("catalogd.env", 'DATABASE_URL="postgresql://nobody@127.0.0.1:1/nowhere"\n')
    assert catalogd(machine, "status", DATABASE_URL=dsn)[0] == 0
    code, said = catalogd(machine, "status")
    assert (code, "port 1 failed" in said) == (1, True)


def test_what_asks_no_database_needs_no_settings(machine: Machine) -> None:
    machine.run("rm", "-f", "/etc/catalogd/catalogd.env")
    code, said = catalogd(machine, "grants")
    assert (code, "CREATE ROLE" in said) == (0, True)
    assert "no database is named" in catalogd(machine, "status")[1]
