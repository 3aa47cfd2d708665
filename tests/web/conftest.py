"""The page on a database of the test's own, served by this process; and one Chromium for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from psycopg.conninfo import make_conninfo
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from daemon.database.pool import Session
from daemon.web.server import PageServer
from daemon.web.settings import Access, Address
from tests.support.database import Database
from tests.support.roles import WEB, give_rights

TOKEN = "a-token-that-opens-nothing"  # noqa: S105

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@dataclass(frozen=True)
class Site:
    """A page that is served."""

    address: str
    http: httpx.Client
    stop: Callable[[], None]

    def get(self, path: str, status: int = 200, **headers: str) -> str:
        answer = self.http.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path: str, status: int = 303, **form: str) -> httpx.Response:
        """As a form of this site does it."""
        origin = self.http.headers.get("host", self.address.removeprefix("http://"))
        answer = self.http.post(path, data=form, headers={"origin": f"http://{origin}"})
        assert answer.status_code == status, answer.text
        return answer

    def log_in(self, user: str = "7") -> str:
        """Returns what forms must bring along."""
        self.post("/login", token=TOKEN, user=user)
        return self.get("/").split('name="csrf" value="')[1].split('"')[0]


Serve = Callable[..., Site]


@pytest.fixture
def serve(database: Database) -> Iterator[Serve]:
    """Serves the page, with the rights of a role; without a token, unless told otherwise."""
    with ExitStack() as stack:

        def start(role: str = WEB, token: str | None = None, origins: frozenset[str] = frozenset()) -> Site:
            give_rights(database)
            session = Session(make_conninfo(database.dsn, user=role), "catalogd test")
            server = PageServer(Access(Address("127.0.0.1", 0), origins, token), session, "test")
            server.bind()
            server.start()
            stack.callback(server.stop)
            address = server.place.rstrip("/")
            return Site(address, stack.enter_context(httpx.Client(base_url=address, timeout=20)), server.stop)

        yield start


@pytest.fixture
def site(serve: Serve) -> Site:
    """Read-only."""
    return serve()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One for all tests. It asks nobody outside for anything."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("Chromium is missing: apt install chromium chromium-driver")
    folder: Path = tmp_path_factory.mktemp("chromium")
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
        *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={folder}"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options, Service(DRIVER))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(chromium: Chrome) -> Iterator[Chrome]:
    """As new: without cookies. Afterwards it has nothing to complain of, such as of the content security policy."""
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.get_log("browser")
    yield chromium
    said = [entry["message"] for entry in chromium.get_log("browser") if "/nowhere" not in entry["message"]]
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.get("about:blank")
    assert said == []
