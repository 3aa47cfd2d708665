"""`catalogd install --print`: a script that a person can read and run, without a secret in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from daemon.installation.script import Installation
from daemon.installation.surroundings import Surroundings
from daemon.stand_in.schema import create_stand_in
from tests.support.database import Database

pytestmark = pytest.mark.one_server  # its subject is the script

ROOT = Path(__file__).parents[2]

SOCKET = {"host": "/run/postgresql", "dbname": "shop", "user": "catalogd_runtime"}


def printed(tmp_path: Path, *arguments: str, **environment: str) -> str:
    """The command's output; it writes nothing."""
    result = subprocess.run(
        [sys.executable, "-m", "daemon", "install", "--print", *arguments],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])} | environment,
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []
    return result.stdout


def files(script: str) -> dict[str, str]:
    """What it would write, by path."""
    return dict(re.findall(r"^lay (\S+) <<'END_OF_FILE'\n(.*?)^END_OF_FILE$", script, re.MULTILINE | re.DOTALL))


def composed(
    *, has_password: bool = False, instances: int = 0, program: str = "/opt/x/catalogd", **database: str
) -> str:
    return Installation(Surroundings(program, SOCKET | database, has_password, True, {}), instances).script()


def test_what_the_environment_sets_is_taken_over_but_no_secret(tmp_path: Path) -> None:
    script = printed(
        tmp_path,
        DATABASE_URL="postgresql://shopper:Kq7Wn2@127.0.0.1:6000/warehouse",
        CATALOGD_WORKERS="4",
        CATALOGD_PRICE_LIST_NETWORKS='10.0.0.0/8 "$HOME"',
        CATALOGD_WEB_TOKEN="Zx9Yb4",  # noqa: S106
        DB_PASSWORD="Lm5Tr8",  # noqa: S106
    )
    for secret in ("Kq7Wn2", "Zx9Yb4", "Lm5Tr8"):
        assert secret not in script
    assert files(script)["/etc/catalogd/catalogd.env"].splitlines() == [
        'DATABASE_URL="user=shopper dbname=warehouse host=127.0.0.1 port=6000"',
        r'CATALOGD_PRICE_LIST_NETWORKS="10.0.0.0/8 \"\$HOME\""',
        'CATALOGD_WORKERS="4"',
    ]
    assert "grants --runtime shopper" in script
    assert "\nLoadCredential=db_password:/etc/catalogd/db_password\n" in script


def test_nothing_is_known_and_it_is_printed_all_the_same(tmp_path: Path) -> None:
    script = printed(tmp_path)
    assert "dbname=shop" in files(script)["/etc/catalogd/catalogd.env"]
    assert set(files(script)) == {
        "/etc/catalogd/catalogd.env",
        "/etc/systemd/system/catalogd.service",
        "/usr/local/bin/catalogd",
    }


def test_over_the_socket_no_password_is_asked_for() -> None:
    script = composed()
    assert "runuser -u postgres" in script
    assert "\n#LoadCredential=db_password" in script
    assert "\nask" not in script


def test_a_database_elsewhere_must_be_reached(tmp_path: Path) -> None:
    drop_in = "/etc/systemd/system/catalogd.service.d/network.conf"
    assert files(composed(host="db.example"))[drop_in].splitlines()[-1] == "IPAddressAllow=any"
    for host in ("127.0.0.1", "localhost", "::1"):
        assert drop_in not in files(composed(host=host))


def test_several_instances() -> None:
    script = composed(instances=2)
    assert "systemctl restart catalogd@1 catalogd@2\n" in script
    assert "/etc/systemd/system/catalogd@.service" in files(script)


def test_instances_do_not_share_a_port(tmp_path: Path) -> None:
    written = files(printed(tmp_path, "--instances", "3", CATALOGD_WEB="127.0.0.1:8464"))
    assert written["/etc/catalogd/catalogd-2.env"] == 'CATALOGD_METRICS="127.0.0.1:9465"\nCATALOGD_WEB=""\n'
    assert written["/etc/catalogd/catalogd-3.env"].startswith('CATALOGD_METRICS="127.0.0.1:9466"\n')
    assert "/etc/catalogd/catalogd-1.env" not in written
    off = files(printed(tmp_path, "--instances", "2", CATALOGD_METRICS="off"))
    assert off["/etc/catalogd/catalogd-2.env"] == ""


def test_a_password_inside_of_another_setting_is_not_taken_over(tmp_path: Path) -> None:
    script = printed(
        tmp_path,
        DATABASE_URL="postgresql://catalogd:tell-nobody@db.example/shop?sslpassword=tell-nobody",
        CATALOGD_WEB_DATABASE="user=web password=tell-nobody",
        CATALOGD_SUPPLIERS_SHEET="https://ann:tell-nobody@sheets.example/1",
    )
    assert "tell-nobody" not in script


def test_a_place_that_the_unit_cannot_see_is_told() -> None:
    assert "TO DO FIRST: /home/ann/bin/catalogd lies where the unit cannot see it" in composed(
        program="/home/ann/bin/catalogd"
    )
    assert "TO DO FIRST" not in composed()


def test_with_something_to_do_first_the_script_does_nothing(tmp_path: Path) -> None:
    script = printed(tmp_path, DB_PASSWORD_FILE="/home/ann/secret")  # noqa: S106  # a path
    assert "# TO DO FIRST: what DB_PASSWORD_FILE names lies where the unit cannot see it" in script
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "nothing was done: see TO DO FIRST in this script\n"


@pytest.mark.parametrize("sign", ["'", '"', "\\"])
def test_a_place_that_systemd_takes_in_no_unit_is_told(sign: str) -> None:
    assert f"TO DO FIRST: /opt/a{sign}b/catalogd has a sign in its path" in composed(program=f"/opt/a{sign}b/catalogd")


@pytest.mark.parametrize("hostile", ["a'; touch x; '", "$(touch x)", "a}b", "a\nEND_OF_FILE\ntouch x", 'a"b'])
def test_a_hostile_name_stays_a_name(tmp_path: Path, hostile: str) -> None:
    """Of a database, or of a folder: what runs are the shell's own words alone."""
    script = composed(dbname=hostile, user=hostile, program=f"/opt/{hostile}/catalogd")
    place = tmp_path / "etc"
    (place / "systemd" / "system").mkdir(parents=True)
    (place / "catalogd").mkdir()
    stubs = "runuser() { :; }\npsql() { :; }\nsystemctl() { :; }\nmkdir() { :; }\n"
    harmless = stubs + script.replace("set -eu\ncd /\n", "").replace("/etc/", f"{place}/")
    harmless = harmless.replace("/usr/local/bin/", f"{place}/")
    anyway = os.environ | {"ANYWAY": "1"}
    subprocess.run(["sh", "-c", harmless], cwd=tmp_path, check=False, capture_output=True, env=anyway)
    assert [path.name for path in tmp_path.iterdir()] == ["etc"]
    assert (place / "systemd" / "system" / "catalogd.service").read_text().endswith("WantedBy=multi-user.target\n")


def test_it_is_a_shell_script() -> None:
    for script in (composed(), composed(has_password=True, instances=3, host="db.example")):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)


class Target:
    """A machine that the script is run on, but for its folders and systemd: the server is real."""

    def __init__(self, place: Path, database: Database) -> None:
        self.place = place
        for folder in ("etc/systemd/system", "usr/local/bin"):
            (place / folder).mkdir(parents=True)
        self.program = place / "catalogd"
        self.program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m daemon "$@"\n')
        self.program.chmod(0o755)
        (stub := place / "systemctl").write_text("#!/bin/sh\n")
        stub.chmod(0o755)
        self.admin = database.server.dsn(database.name, tcp=True)
        where = conninfo_to_dict(self.admin) | {"user": "catalogd_runtime"}
        self.login = {key: str(value) for key, value in where.items() if key != "password"}

    def install(self, *typed: str) -> subprocess.CompletedProcess[str]:
        script = composed(program=str(self.program), **self.login).replace("cd /\n", "")
        for folder in ("/etc/", "/usr/local/bin/"):
            script = script.replace(folder, f"{self.place}{folder}")
        return subprocess.run(
            ["sh", "-c", script],
            input="".join(f"{line}\n" for line in typed),
            env={"PATH": f"{self.place}:{os.environ['PATH']}", "ADMIN_URL": self.admin, "ANYWAY": "1"},
            cwd=self.place,
            capture_output=True,
            check=False,
            text=True,
        )

    def file(self, path: str) -> Path:
        return self.place / path


@pytest.fixture
def target(empty_database: Database, tmp_path: Path) -> Iterator[Target]:
    if shutil.which("psql") is None:
        pytest.skip("psql is not installed")
    with empty_database.connect() as db:
        create_stand_in(db)
    yield Target(tmp_path, empty_database)
    with empty_database.connect() as db:
        db.execute("ALTER ROLE catalogd_runtime PASSWORD NULL")


def test_the_password_is_asked_for_and_becomes_that_of_the_role(target: Target) -> None:
    """Through no command line, whatever signs it has; asked for again once it is wrong, and only then."""
    password = "it's $HOME \\ `x` ü"  # noqa: S105
    first = target.install(password, password)
    assert first.returncode == 0, first.stderr
    assert target.file("etc/catalogd").stat().st_mode & 0o777 == 0o700
    kept = target.file("etc/catalogd/db_password")
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == (f"{password}\n", 0o600)
    psycopg.connect(**target.login, password=password).close()
    assert target.install().returncode == 0
    with psycopg.connect(target.admin, autocommit=True) as db:
        db.execute("ALTER ROLE catalogd_runtime PASSWORD 'another'")
    assert target.install("another").returncode == 0
    assert kept.read_text() == "another\n"
    kept.unlink()
    differing = target.install("one", "two")
    assert (differing.returncode, kept.exists()) == (1, False)
    psycopg.connect(**target.login, password="another").close()  # noqa: S106


def test_what_somebody_changed_stays(target: Target) -> None:
    assert target.install("x", "x").returncode == 0
    changed = {
        "etc/catalogd/catalogd.env": "DATABASE_URL=mine\n",
        "etc/systemd/system/catalogd.service": "[Service]\nExecStart=/bin/true\n",
        "usr/local/bin/catalogd": "#!/bin/sh\n",
    }
    assert not list(target.place.rglob("*.new"))
    assert os.access(target.file("usr/local/bin/catalogd"), os.X_OK)
    for path, text in changed.items():
        target.file(path).write_text(text)
    again = target.install()
    assert again.returncode == 0
    for path, text in changed.items():
        assert target.file(path).read_text() == text
        assert f"kept as it is: {target.file(path)}; what it would be now: {target.file(path)}.new" in again.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("count", [0, 2])
def test_systemd_understands_the_printed_unit(tmp_path: Path, count: int) -> None:
    program = tmp_path / "catalogd 100% $own"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path, text in files(composed(has_password=True, instances=count, program=str(program))).items():
        if path.endswith(".service"):
            (unit := tmp_path / Path(path).name).write_text(text)
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    result = subprocess.run(verify, capture_output=True, check=False, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
