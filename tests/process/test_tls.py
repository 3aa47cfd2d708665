"""TLS with sslmode=verify-full, against a server with a certificate of a CA of the test's own."""

import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daemon.database.embedded import find_servers
from tests.support.database import Database
from tests.support.process import Catalogd
from tests.support.server import private_server

HOST = "db.test"  # known to nobody: the address is given apart
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # of the PostgreSQL protocol
REMEDY = "check sslmode and sslrootcert in DATABASE_URL, or PGSSLMODE and PGSSLROOTCERT"


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.crt, which signed server.crt for HOST, and another.crt, which signed nothing."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not installed")
    directory = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "another"):
        subject = ("-subj", f"/CN={name}", "-days", "2")
        openssl(directory, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.crt", *subject)
    openssl(directory, "req", *KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={HOST}")
    (directory / "names").write_text(f"subjectAltName=DNS:{HOST}\n")
    by_ca = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
    openssl(directory, "x509", "-req", "-in", "server.csr", "-out", "server.crt", *by_ca)
    (directory / "server.key").chmod(0o600)
    return directory


@pytest.fixture(scope="module")
def tls_database(certificates: Path) -> Iterator[Database]:
    """Migrated, on a server that speaks TLS; the embedded one is built without it."""
    system = [server for server in find_servers() if server.name.startswith("system-")]
    if not system:
        pytest.skip("no PostgreSQL of the system: the embedded one is built without TLS")
    files = {"ssl_cert_file": str(certificates / "server.crt"), "ssl_key_file": str(certificates / "server.key")}
    with private_server(system[0], {"ssl": "on", **files}) as server:
        yield Database.create(server).migrated()


def verified(database: Database, root: Path, host: str = HOST) -> str:
    """A connection string that insists on a certificate for `host`, signed by `root`."""
    dsn = database.server.dsn(database.name, tcp=True)
    return make_conninfo(dsn, host=host, hostaddr="127.0.0.1", sslmode="verify-full", sslrootcert=str(root))


def test_every_session_is_encrypted_to_the_host_that_was_named(tls_database: Database, certificates: Path) -> None:
    runner = Catalogd(verified(tls_database, certificates / "ca.crt"))
    assert runner("migrate").stdout == "the schema is up to date\n"
    process = runner.start()
    try:
        with tls_database.connect() as db:
            rows = db.execute(
                "SELECT ssl.ssl, activity.application_name FROM pg_stat_ssl AS ssl"
                " JOIN pg_stat_activity AS activity USING (pid) WHERE application_name LIKE 'catalogd %'"
            ).fetchall()
        assert len(rows) >= 3  # the pool's and the listener's
        assert all(is_encrypted for is_encrypted, _ in rows), rows
        assert process.stop() == 0
    finally:
        runner.close()


@pytest.mark.parametrize(
    ("root", "host", "reason"),
    [
        ("another.crt", HOST, "certificate verify failed"),
        ("ca.crt", "other.test", 'server certificate for "db.test" does not match host name "other.test"'),
        ("missing.crt", HOST, "missing.crt"),
    ],
    ids=["another CA", "another host", "no CA file"],
)
def test_a_server_that_is_not_the_one_named_is_refused(
    tls_database: Database, certificates: Path, root: str, host: str, reason: str
) -> None:
    result = Catalogd(verified(tls_database, certificates / root, host))("run", "--once")
    assert result.returncode == 1
    assert reason in result.stderr
    assert REMEDY in result.stderr
    assert "daemon.started" not in result.stdout


def test_a_server_without_tls_is_refused(database: Database, certificates: Path) -> None:
    dsn = verified(database, certificates / "ca.crt")
    result = Catalogd(dsn)("run", "--once")
    assert result.returncode == 1
    assert "server does not support SSL, but SSL was required" in result.stderr
    assert REMEDY in result.stderr
    plain = make_conninfo("", **conninfo_to_dict(dsn) | {"sslmode": "disable"})
    psycopg.connect(plain).close()  # it was the missing encryption, nothing else


def test_who_does_not_speak_tls_is_told_nothing(tmp_path: Path) -> None:
    """Neither user nor database nor password: the client asks for TLS, hears no, and goes."""
    (tmp_path / "ca.crt").touch()
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(60)
        heard = pool.submit(answer_no, listener)
        port = listener.getsockname()[1]
        dsn = make_conninfo("host=db.test hostaddr=127.0.0.1 user=u password=p dbname=d sslmode=verify-full", port=port)
        result = Catalogd(make_conninfo(dsn, sslrootcert=str(tmp_path / "ca.crt")))("status")
        assert result.returncode == 1
        assert REMEDY in result.stderr
        assert heard.result(60) == SSL_REQUEST


def answer_no(listener: socket.socket) -> bytes:
    """Refuse TLS to one client; everything that it said."""
    client, _ = listener.accept()
    with client:
        client.settimeout(60)
        said = client.recv(8)
        client.sendall(b"N")
        while more := client.recv(4096):
            said += more
    return said
