"""The password is not in logs, tracebacks or `ps`, not in what objects show of themselves."""

import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon.commands.trouble import explain_trouble
from daemon.database.pool import open_pool
from daemon.sessions import session_of
from daemon.settings import environment_names, read_settings
from tests.support.database import Database
from tests.support.login import Login, password_login
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject is what the daemon tells

SECRET = "Zx7Kq4Wm9Tr2Lp"  # noqa: S105  # letters and digits alone: no encoding changes it
WRONG = "Vb3Nc8Hd5Jf6Ga"

# Runs the real command; a connection for this purpose ends in an error that nobody expects, with the password in the
# local variables of every frame.
CRASH = """
import sys, psycopg
from daemon import cli
from daemon.database.pool import BoundedConnection
connect = BoundedConnection.connect
def crash(conninfo, **keywords):
    password = psycopg.conninfo.conninfo_to_dict(conninfo)["password"]
    if keywords["application_name"].endswith(sys.argv[1]):
        raise RuntimeError("nobody expects this")
    return connect(conninfo, **keywords)
BoundedConnection.connect = crash
sys.exit(cli.main(["run"]))
"""


@pytest.fixture
def catalogd(database: Database) -> Iterator[Catalogd]:
    """Started anew, not forked: what others see of a process is how it was started."""
    runner = Catalogd(database.dsn, prefix=["env"])
    yield runner
    runner.close()


@pytest.fixture
def login(database: Database, tmp_path: Path) -> Iterator[Login]:
    with password_login(database, tmp_path, SECRET) as role:
        yield role


def run(*command: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code, and everything that was printed."""
    bare = {name: value for name, value in os.environ.items() if name not in environment_names()}
    done = subprocess.run(
        [sys.executable, *command],
        env=bare | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def assert_silent(text: str) -> None:
    for secret in (SECRET, WRONG):
        assert secret not in text
        assert secret[:8] not in text


@pytest.mark.parametrize(
    ("code", "environment"),
    [
        (1, {"DATABASE_URL": f"postgresql://u:{SECRET}@127.0.0.1:1/shop"}),
        (1, {"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_NAME": "shop", "DB_PASSWORD": SECRET}),
        (78, {"DATABASE_URL": f"postgresql://u:x@{SECRET}@127.0.0.1:1/shop"}),
        (78, {"DATABASE_URL": f"host=127.0.0.1 password={SECRET} {WRONG} dbname=shop"}),
        (78, {"DB_NAME": "shop", "DB_PASSWORD": SECRET, "CATALOGD_WORKERS": "none"}),
    ],
    ids=["host of a URL", "host", "URL misread", "not a URL", "another setting"],
)
def test_settings_that_fail_do_not_tell_the_password(code: int, environment: dict[str, str]) -> None:
    found, printed = run("-m", "daemon", "run", environment=environment | {"CATALOGD_LOG_LEVEL": "debug"})
    assert found == code, printed
    assert "daemon.refused" in printed
    assert_silent(printed)


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_a_refused_password_is_not_told(login: Login, style: str) -> None:
    settings = {"DATABASE_URL": make_conninfo(login.dsn, password=WRONG), "CATALOGD_LOG_FORMAT": style}
    code, printed = run("-m", "daemon", "run", environment=settings | {"CATALOGD_LOG_LEVEL": "debug"})
    assert code == 1
    assert "password authentication failed" in printed
    assert_silent(printed)


@pytest.mark.parametrize("style", ["json", "pretty"])
@pytest.mark.parametrize("purpose", ["start", "listener"])
def test_a_crash_tells_its_frames_but_not_the_password_in_them(login: Login, style: str, purpose: str) -> None:
    settings = {"DATABASE_URL": make_conninfo(login.dsn, password=SECRET), "CATALOGD_LOG_FORMAT": style}
    code, printed = run("-c", CRASH, purpose, environment=settings | {"CATALOGD_LOG_LEVEL": "debug"})
    assert code == 1
    assert "nobody expects this" in printed
    assert "crash" in printed
    assert "in connect" in printed or '"name": "connect"' in printed
    assert_silent(printed)


def test_a_fatal_signal_dumps_frames_without_the_password(catalogd: Catalogd, login: Login, tmp_path: Path) -> None:
    dump = tmp_path / "stderr"
    with dump.open("w") as stderr:
        process = catalogd.start(stderr=stderr, PYTHONFAULTHANDLER="1", **login.environment)
    assert resource.prlimit(process.popen.pid, resource.RLIMIT_CORE) == (0, 0)  # nor does it leave a core file
    process.signal(signal.SIGABRT)
    assert process.wait() < 0  # SIGABRT, or SIGSEGV: to read the frames of running threads may fail
    assert "most recent call first" in dump.read_text()
    assert_silent(dump.read_text() + str(process.events))


def test_other_users_of_the_machine_do_not_see_the_password(catalogd: Catalogd, login: Login) -> None:
    """`ps` shows the command line to everyone; with a file not even the owner's environment holds it."""
    by_environment = catalogd.start(DATABASE_URL=login.dsn, DB_PASSWORD=SECRET)
    by_file = catalogd.start(**login.environment)
    for process in (by_environment, by_file):
        assert b"daemon" in (shown := proc(process.popen.pid, "cmdline"))
        assert SECRET.encode() not in shown
    assert SECRET.encode() in proc(by_environment.popen.pid, "environ")
    assert SECRET.encode() not in proc(by_file.popen.pid, "environ")
    assert [by_environment.stop(), by_file.stop()] == [0, 0]
    assert_silent(str(by_environment.events + by_file.events))


def test_objects_do_not_show_the_password(monkeypatch: pytest.MonkeyPatch, login: Login) -> None:
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", make_conninfo(login.dsn, password=SECRET))
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    settings = read_settings(dotenv=None)
    session = session_of(settings)
    shown: list[object] = [settings, session, settings.model_dump(), settings.model_dump_json()]
    with open_pool(session, 1) as pool, pool.connection() as conn:
        shown += [pool, pool.get_stats(), conn, conn.info, conn.pgconn, conn.info.dsn, conn.info.get_parameters()]
        with pytest.raises(psycopg.Error) as failure:
            conn.execute("SELECT 1 FROM nowhere")
        shown += [failure.value, explain_trouble(failure.value), *traceback.format_exception(failure.value)]
    login.change_password(WRONG)
    with pytest.raises(psycopg.OperationalError) as refusal:
        session.connect()
    shown += [refusal.value, explain_trouble(refusal.value), *traceback.format_exception(refusal.value)]
    assert_silent(" ".join(f"{thing!r} {thing}" for thing in shown))


def proc(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()
