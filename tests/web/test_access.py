"""What every answer forbids, which names are answered to, and which settings are refused."""

from pathlib import Path

import psycopg
import pytest

from daemon.errors import ConfigurationError
from daemon.web.guard import is_ours
from daemon.web.settings import Access, Address, parse_address, read_access
from tests.support.database import Database
from tests.web.conftest import TOKEN, Serve, Site

pytestmark = pytest.mark.one_server  # its subject are requests and settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("", "_TOKEN", "_TOKEN_FILE", "_ORIGINS", "_DATABASE"):
        monkeypatch.delenv(f"CATALOGD_WEB{name}", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)


def test_every_answer_forbids_what_it_does_not_need(db: psycopg.Connection, serve: Serve) -> None:
    site = serve(token=TOKEN)
    site.log_in()
    paths = ("/", "/batches", "/login", "/nowhere", "/static/page.js", "/static/none", "/categorization/models")
    answers = [site.http.get(path) for path in paths]
    answers += [site.http.post("/login"), site.http.put("/"), site.http.get("/", headers={"host": "evil.example"})]
    with site.http.stream("GET", "/live") as stream:
        answers.append(stream)
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
            " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers
        is_file = answer.request.url.path == "/static/page.js"
        assert answer.headers["cache-control"] == ("public, max-age=31536000, immutable" if is_file else "no-store")


def test_nothing_in_a_page_needs_what_the_policy_forbids(db: psycopg.Connection, site: Site) -> None:
    for path in ("/", "/batches", "/categorization/models", "/nowhere"):
        html = site.http.get(path).text
        assert " style=" not in html
        assert "<style" not in html
        assert html.count("<script") == 1
        assert " onclick" not in html
        assert "http://" not in html.replace("http://www.w3.org", "")


def test_another_sites_name_that_leads_here_is_not_answered(site: Site) -> None:
    """DNS rebinding: a browser on this host would let that site's page read ours."""
    for host in (
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8464",
        "",
        "[::1",
    ):
        site.get("/", 421, host=host)
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:99", "[::1]", "[::1]:8464"):
        site.get("/", 200, host=host)


def test_names_are_told_from_ports() -> None:
    hosts = Access(Address("::1", 1), frozenset({"https://catalogd.example:8443", "http://b.example"}), TOKEN).hosts
    assert {"catalogd.example", "b.example", "localhost", "127.0.0.1", "[::1]"} == hosts
    assert is_ours("catalogd.example:8443", hosts)
    assert not is_ours("catalogd.example:x", hosts)
    assert not is_ours("::1", hosts)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("127.0.0.1:8464", Address("127.0.0.1", 8464)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:80", Address("::1", 80)),
        (" shop.example:80 ", Address("shop.example", 80)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, wanted: Address) -> None:
    assert parse_address(text) == wanted
    assert parse_address(str(wanted)) == wanted


@pytest.mark.parametrize("text", ["8464", ":8464", "localhost", "localhost:", "h:65536", "h:-1", "h h", "h:x", "h:١"])
def test_anything_else_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CATALOGD_WEB", text)
    with pytest.raises(ConfigurationError, match=r"CATALOGD_WEB: .*example: CATALOGD_WEB=127\.0\.0\.1:8464"):
        read_access()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("_ORIGINS", value)
            for value in ("catalogd.example", "ftp://x", "https://x/path", "https://", "https://u@x")
        ),
        *(("_DATABASE", value) for value in ("nonsense", "user=x colour=red")),
        *(("_TOKEN", value) for value in ("short", "fifteen-letters")),
        ("_TOKEN_FILE", "/nowhere/token"),
    ],
)
def test_wrong_settings_are_refused_without_their_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("CATALOGD_WEB", "127.0.0.1:0")
    monkeypatch.setenv(f"CATALOGD_WEB{name}", value)
    with pytest.raises(ConfigurationError, match=f"CATALOGD_WEB{name}: ") as refusal:
        read_access()
    assert name == "_TOKEN_FILE" or value not in str(refusal.value).split("example:")[0]


@pytest.mark.parametrize(
    "settings",
    [{"CATALOGD_WEB": "0.0.0.0:8464"}, {"CATALOGD_WEB": "shop.example:80"},
     {"CATALOGD_WEB": "127.0.0.1:1", "CATALOGD_WEB_ORIGINS": "https://catalogd.example"}],
)  # fmt: skip
def test_whom_others_reach_needs_a_token(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="set CATALOGD_WEB_TOKEN_FILE"):
        read_access()
    monkeypatch.setenv("CATALOGD_WEB_TOKEN", TOKEN)
    access = read_access()
    assert access is not None
    assert not access.is_for_this_host_only
    assert TOKEN not in repr(access)


def test_the_token_comes_from_a_file_a_credential_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CATALOGD_WEB", "127.0.0.1:0")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert getattr(read_access(), "token", "") is None
    (tmp_path / "web_token").write_text("from-the-credential\n", encoding="ascii")
    assert getattr(read_access(), "token", "") == "from-the-credential"
    monkeypatch.setenv("CATALOGD_WEB_TOKEN", "from-the-environment")
    assert getattr(read_access(), "token", "") == "from-the-environment"
    file = tmp_path / "token"
    file.write_text("from-a-file-of-its-own\n", encoding="ascii")
    monkeypatch.setenv("CATALOGD_WEB_TOKEN_FILE", str(file))
    assert getattr(read_access(), "token", "") == "from-a-file-of-its-own"


def test_an_origin_is_known_as_browsers_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOGD_WEB", "127.0.0.1:0")
    monkeypatch.setenv("CATALOGD_WEB_TOKEN", TOKEN)
    monkeypatch.setenv("CATALOGD_WEB_ORIGINS", "https://Catalogd.Example:443/, HTTP://shop.example:8080")
    access = read_access()
    assert access is not None
    assert access.origins == {"https://catalogd.example", "http://shop.example:8080"}
    assert {"catalogd.example", "shop.example"} < access.hosts


def test_without_an_address_there_is_no_page() -> None:
    assert read_access() is None


def test_the_page_may_have_a_role_of_its_own(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """And then not the password of the other."""
    monkeypatch.setenv("CATALOGD_WEB", "127.0.0.1:0")
    access = read_access()
    assert access is not None
    session = database.session
    assert access.session(session) is session
    monkeypatch.setenv("CATALOGD_WEB_DATABASE", "user=catalogd_web options='-c geqo=off'")
    access = read_access()
    assert access is not None
    session = access.session(type(database.session)(f"{database.dsn} password=secret", "x"))
    conninfo = session.current_conninfo()
    assert "user=catalogd_web" in conninfo
    assert "secret" not in conninfo
    assert f"dbname={database.name}" in conninfo
