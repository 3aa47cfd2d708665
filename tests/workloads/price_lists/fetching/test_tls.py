"""TLS, with certificates of the test's own: the host must prove to be the one that was named."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from daemon.workloads.price_lists.fetching import sheets
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.fetching.source import SourceKind
from daemon.workloads.price_lists.fetching.transport import trust
from tests.workloads.price_lists.fetching.orders import LIST, LOOPBACK, order, order_first, refused
from tests.workloads.price_lists.fetching.supplier import Behaviour, Supplier, Visit, answer, head, redirect

HOST = "prices.test"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
NAMES = {name: ["127.0.0.1"] for name in (HOST, "other.test", sheets.HOST, "doc-1-sheets.googleusercontent.com")}
SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-abcd"


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.crt, which signed server.crt for all names but one, and late.crt, which is over; and another.crt."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not installed")
    directory = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "another"):
        subject = ("-subj", f"/CN={name}", "-days", "2")
        openssl(directory, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.crt", *subject)
    openssl(directory, "req", *KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={HOST}")
    known = ",".join(f"DNS:{name}" for name in NAMES if name != "other.test")
    keys = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash"  # which newer versions of Python insist on
    (directory / "names").write_text(f"subjectAltName={known}\n{keys}\n")
    by_ca = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    for name, days in (("server", "2"), ("late", "-1")):
        openssl(directory, "x509", "-req", "-in", "server.csr", "-out", f"{name}.crt", *by_ca, "-days", days)
    return directory


def context(certificates: Path, name: str = "server") -> ssl.SSLContext:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates / f"{name}.crt", certificates / "server.key")
    return server


@pytest.fixture
def limits(certificates: Path) -> Limits:
    return Limits(private_networks=LOOPBACK, authorities=certificates / "ca.crt")


def test_a_list_comes_by_tls(shelf: Shelf, certificates: Path, limits: Limits) -> None:
    content = bytes(range(256)) * 8_000
    with Supplier(answer(content), tls=context(certificates)) as supplier:
        for host in (HOST, f"{HOST}.", HOST.upper()):
            names = NAMES | {f"{HOST}.": ["127.0.0.1"]}
            file = order_first(supplier.url(host=host), shelf, limits=limits, names=names).file
            assert file.path.read_bytes() == content


@pytest.mark.parametrize(
    ("host", "certificate", "authority", "reason"),
    [
        (HOST, "server", "another", "unable to get local issuer certificate"),
        (HOST, "server", None, "unable to get local issuer certificate"),
        (HOST, "late", "ca", "certificate has expired"),
        ("other.test", "server", "ca", "Hostname mismatch, certificate is not valid for 'other.test'."),
        ("127.0.0.1", "server", "ca", "IP address mismatch, certificate is not valid for '127.0.0.1'."),
    ],
    ids=["another CA", "the system's", "expired", "another host", "an address"],
)
def test_a_certificate_that_proves_nothing_is_not_believed(
    shelf: Shelf, certificates: Path, host: str, certificate: str, authority: str | None, reason: str
) -> None:
    believed = certificates / f"{authority}.crt" if authority else None
    limits = Limits(private_networks=LOOPBACK, authorities=believed)
    with Supplier(answer(LIST), tls=context(certificates, certificate)) as supplier:
        failure = refused(supplier.url(host=host, login="me:secret@"), shelf, limits=limits, names=NAMES)
    assert (failure.code, failure.is_transient) == ("certificate", False)
    assert failure.message == f"the certificate of {host} is not believed: {reason}"
    assert supplier.visits == []


@pytest.mark.parametrize("said", [b"HTTP/1.0 400 plain\r\n\r\n", b""])
def test_who_does_not_speak_tls(shelf: Shelf, limits: Limits, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def tick(*_: object) -> None:
            listener.setblocking(False)
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            clients.append(client)

        clients: list[socket.socket] = []
        url = f"https://{HOST}:{listener.getsockname()[1]}/"
        failure = refused(url, shelf, limits=limits, names=NAMES, tick=tick)
        assert (failure.code, failure.is_transient) == ("no_tls", True)
        for client in clients:
            client.close()


def test_a_tick_ends_a_handshake_that_does_not_go_on(shelf: Shelf, limits: Limits) -> None:
    ticks = []

    def tick(*_: object) -> None:
        ticks.append(1)
        if len(ticks) == 3:
            raise OSError("enough")  # which must not be taken for the network's

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(OSError, match="enough"):
        order(f"https://{HOST}:{listener.getsockname()[1]}/", shelf, limits=limits, names=NAMES, tick=tick)


def test_an_end_that_is_not_the_servers_is_found_out(shelf: Shelf, certificates: Path, limits: Limits) -> None:
    def behaviour(visit: Visit) -> None:
        visit.send(head(200) + LIST)  # no length: its end is the connection's
        visit.sock.shutdown(socket.SHUT_WR)  # of TCP alone; somebody between could do so

    with Supplier(behaviour, tls=context(certificates)) as supplier:
        failure = refused(supplier.url(host=HOST), shelf, limits=limits, names=NAMES)
    assert (failure.code, failure.is_transient) == ("connection_lost", True)


def test_an_end_that_is_the_servers_is_one(shelf: Shelf, certificates: Path, limits: Limits) -> None:
    def behaviour(visit: Visit) -> None:
        visit.send(head(200) + LIST)
        assert isinstance(visit.sock, ssl.SSLSocket)
        visit.sock.unwrap()

    with Supplier(behaviour, tls=context(certificates)) as supplier:
        assert order_first(supplier.url(host=HOST), shelf, limits=limits, names=NAMES).file.path.read_bytes() == LIST


def test_a_login_goes_along_to_tls_and_not_back(shelf: Shelf, certificates: Path, limits: Limits) -> None:
    """To the same host by http is another origin, where everybody on the way would read it."""
    login = "Basic " + base64.b64encode(b"me:secret").decode()
    with Supplier(answer(LIST)) as plain, Supplier(tls=context(certificates)) as secure:
        secure.behaviour = redirect(plain.url(host=HOST))
        order_first(secure.url(host=HOST, login="me:secret@"), shelf, limits=limits, names=NAMES)
    assert secure.visits[0].headers["Authorization"] == login
    assert plain.visits[0].headers["Authorization"] is None


def test_authorities_that_cannot_be_read(shelf: Shelf, certificates: Path) -> None:
    limits = Limits(private_networks=LOOPBACK, authorities=certificates / "missing.crt")
    with Supplier(tls=context(certificates)) as supplier:
        failure = refused(supplier.url(host=HOST), shelf, limits=limits, names=NAMES)
    assert failure.code == "no_authorities"


def test_where_the_system_has_no_authorities_there_are_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = ssl.DefaultVerifyPaths(None, str(tmp_path), "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    assert len(trust.__wrapped__(None).get_ca_certs()) > 50


@pytest.fixture
def google(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Supplier:
    """Not started. Its address has a port, since the usual one is not ours."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setattr(sheets, "HOST", f"{sheets.HOST}:{port}")
    return Supplier(tls=context(certificates), port=port)


def test_a_sheet_is_fetched_as_csv(shelf: Shelf, limits: Limits, google: Supplier) -> None:
    def behaviour(visit: Visit) -> None:
        elsewhere = google.url("/export/1?x=secret", host="doc-1-sheets.googleusercontent.com")
        (answer(LIST) if visit.path.startswith("/export/") else redirect(elsewhere, 307))(visit)

    google.behaviour = behaviour
    place = f"https://docs.google.com/spreadsheets/d/{SHEET}/edit#gid=7"
    with google:
        file = order_first(place, shelf, kind=SourceKind.GOOGLE_SHEETS, limits=limits, names=NAMES).file
    assert file.path.read_bytes() == LIST
    assert google.visits[0].path == f"/spreadsheets/d/{SHEET}/export?format=csv&gid=7"
    assert file.label.source == google.url(f"/spreadsheets/d/{SHEET}/export?format=csv&gid=7", host="docs.google.com")
    assert file.label.url == google.url("/export/1?x=…", host="doc-1-sheets.googleusercontent.com")


@pytest.mark.parametrize(
    "behaviour",
    [
        redirect("https://accounts.google.com/ServiceLogin?service=wise"),
        answer(b"<!DOCTYPE html><title>Sign in</title>", "Content-Type: text/html"),
        answer(b"<html>You need access</html>", status=401),
        answer(b"<html>You need access</html>", status=403),
    ],
    ids=["to sign in", "a page to sign in", "401", "403"],
)
def test_a_sheet_that_is_not_shared(shelf: Shelf, limits: Limits, google: Supplier, behaviour: Behaviour) -> None:
    google.behaviour = behaviour
    with google:
        failure = refused(SHEET, shelf, kind=SourceKind.GOOGLE_SHEETS, limits=limits, names=NAMES)
    assert (failure.code, failure.is_transient) == ("not_shared", False)
    assert failure.message == "the Google sheet is not shared; share it with “anyone with the link” as a viewer"
    assert len(google.visits) == 1
