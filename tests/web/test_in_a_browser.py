"""The page in a real Chromium: it moves, everybody can read it, and nothing of the shop's acts in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import axe_core_python
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from daemon.web import live
from tests.support.database import Database
from tests.support.factories import batch, read_batch, shop
from tests.support.process import Catalogd
from tests.support.roles import WEB, give_rights
from tests.support.waiting import wait_until
from tests.web.conftest import TOKEN, Serve, Site
from tests.web.shops import HOSTILE, ended, in_error, is_at_work, predicted

pytestmark = pytest.mark.one_server  # its subject is a browser

AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
WIDTHS = {"wide": 1280, "narrow": 390}


def wait(browser: Chrome, condition: str) -> None:
    """Until this JavaScript expression holds."""
    WebDriverWait(browser, 15, 0.02).until(lambda it: it.execute_script(f"return Boolean({condition})"), condition)


def look(browser: Chrome, scheme: str, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def log_in(browser: Chrome, site: Site) -> None:
    browser.get(f"{site.address}/login")
    browser.find_element(By.ID, "token").send_keys(TOKEN)
    browser.find_element(By.ID, "user").send_keys("7", Keys.ENTER)
    wait(browser, "document.querySelector('.who button')")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.1)


@pytest.fixture
def daemons_page(database: Database, catalogd: Catalogd) -> Iterator[str]:
    """The address of the page of a real daemon."""
    give_rights(database)
    process = catalogd.start(
        CATALOGD_WEB="127.0.0.1:0", CATALOGD_WEB_DATABASE=f"user={WEB}", CATALOGD_WORKLOADS="categorization"
    )
    yield process.wait_for("web.listening")["address"]
    assert process.stop() == 0


def test_the_bar_of_a_running_batch_moves(
    db: psycopg.Connection, database: Database, catalogd: Catalogd, daemons_page: str, browser: Chrome
) -> None:
    ids = shop(db, products=1200, labelled=1200)
    assert catalogd("learn").returncode == 0
    browser.get(daemons_page)
    wait(browser, "document.documentElement.classList.contains('is-live')")
    browser.execute_script("window.never_reloaded = true")
    with psycopg.connect(make_conninfo(database.dsn)) as holder:
        holder.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (ids[-1],))  # its slice has to wait
        batch_id = batch(db, ids)
        bar = f"document.querySelector('[data-key=categorization-{batch_id}] progress')"
        wait(browser, f"{bar}?.value > 0.8 && {bar}.value < 1")
        row = browser.find_element(By.CSS_SELECTOR, f"[data-key=categorization-{batch_id}]")
        assert "processing" in row.text
        assert "1,000 1,200" in row.text
        browser.get(f"{daemons_page}batches/categorization/{batch_id}")
        wait(browser, "document.documentElement.classList.contains('is-live')")
        browser.execute_script("window.never_reloaded = true")
        assert 0.8 < browser.execute_script("return document.querySelector('progress').value") < 1
        assert browser.find_element(By.LINK_TEXT, "Reload").is_displayed()  # predictions and errors do not move
    wait(browser, "document.querySelector('progress').value === 1")
    wait(browser, "document.getElementById('liveness').textContent.startsWith('This batch has ended')")
    assert browser.execute_script("return window.never_reloaded")
    browser.get(daemons_page)
    assert "Nothing is open" in browser.find_element(By.ID, "main").text


def test_a_new_batch_appears_and_one_that_ended_goes(db: psycopg.Connection, site: Site, browser: Chrome) -> None:
    first = ended(db, range(100))
    is_at_work(db, first, 10)
    browser.get(site.address)
    browser.execute_script("window.never_reloaded = true; document.querySelector('details.note').open = true")
    browser.find_element(By.LINK_TEXT, str(first)).send_keys("")  # has the focus
    second = batch(db, [1])
    wait(browser, f"document.querySelector('#open-heading ~ * [data-key=categorization-{second}]')")
    assert browser.switch_to.active_element.text == str(first)  # what moves takes nobody's focus away
    db.execute("UPDATE categorization_batches SET status = 'completed', completed_at = now() WHERE id = %s", (first,))
    wait(browser, f"document.querySelector('#ended-heading ~ * [data-key=categorization-{first}]')")
    wait(browser, f"!document.querySelector('#open-heading ~ * [data-key=categorization-{first}]')")
    assert browser.execute_script("return window.never_reloaded && document.querySelector('details.note').open")


def test_more_tabs_than_a_browser_has_connections_for_are_served(
    db: psycopg.Connection, site: Site, browser: Chrome
) -> None:
    """Each looks at what moves; one that nobody sees lets go of it, and takes it up again."""
    first = browser.current_window_handle
    browser.set_page_load_timeout(15)
    try:
        for _ in range(8):
            browser.switch_to.new_window("tab")
            browser.get(site.address)
            wait(browser, "document.documentElement.classList.contains('is-live')")
        browser.switch_to.window(browser.window_handles[2])
        batch_id = batch(db, [1])
        wait(browser, f"document.querySelector('[data-key=categorization-{batch_id}]')")
    finally:
        browser.set_page_load_timeout(300)
        for handle in [each for each in browser.window_handles if each != first]:
            browser.switch_to.window(handle)
            browser.close()
        browser.switch_to.window(first)


def test_filters_work(db: psycopg.Connection, site: Site, browser: Chrome) -> None:
    plain, failed = ended(db, [1]), ended(db, [1], status="failed", error_message="it is no array")
    browser.get(f"{site.address}/batches")
    links = "[...document.querySelectorAll('tbody a')].map(it => it.textContent)"
    assert browser.execute_script(f"return {links}") == [str(failed), str(plain)]
    browser.find_element(By.ID, "text").send_keys("no array", Keys.ENTER)
    wait(browser, f"location.search.includes('no+array') && {links}.join() === '{failed}'")
    browser.find_element(By.LINK_TEXT, "all").click()
    wait(browser, f"{links}.length === 2")


def test_hostile_texts_stay_texts(db: psycopg.Connection, site: Site, browser: Chrome) -> None:
    batch_id, _ = predicted(db, 2)
    db.execute("UPDATE products SET name = %s", (HOSTILE,))
    db.execute("UPDATE evidence SET evidence_value = %s", (HOSTILE,))
    in_error(db, batch_id, 1, HOSTILE, HOSTILE)
    db.execute("UPDATE categorization_batches SET error_message = %s", (HOSTILE,))
    browser.get(f"{site.address}/batches/categorization/{batch_id}")
    assert browser.execute_script("return document.scripts.length + document.querySelectorAll('main img').length") == 1
    browser.find_element(By.CSS_SELECTOR, ".predictions summary").click()
    text = browser.find_element(By.ID, "main").text
    assert text.count("<script>alert(1)</script>") == 7  # batch, products, evidence; the error: code twice, message
    is_at_work(db, batch_id, 1)
    browser.get(f"{site.address}/batches/categorization/{batch_id}")
    wait(browser, "document.documentElement.classList.contains('is-live')")  # the living part was merged
    assert browser.execute_script("return document.querySelectorAll('main img, main script').length") == 0


def test_it_can_be_read_and_asked_without_javascript(db: psycopg.Connection, site: Site, browser: Chrome) -> None:
    batch_id, _ = predicted(db, 3)
    failed = ended(db, [1], status="failed")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(site.address)
    assert str(batch_id) in browser.find_element(By.ID, "main").text
    assert browser.find_element(By.LINK_TEXT, "Reload").is_displayed()
    browser.get(f"{site.address}/batches/categorization/{batch_id}")
    browser.find_element(By.CSS_SELECTOR, ".predictions summary").click()
    assert "steel hammer" in browser.find_element(By.CSS_SELECTOR, ".why").text
    browser.get(f"{site.address}/batches")
    browser.find_element(By.ID, "text").send_keys(str(failed), Keys.ENTER)
    WebDriverWait(browser, 10, 0.02).until(lambda it: "text=" in it.current_url)
    assert [link.text for link in browser.find_elements(By.CSS_SELECTOR, "tbody a")] == [str(failed)]


def test_all_of_it_is_reached_by_the_keyboard(db: psycopg.Connection, site: Site, browser: Chrome) -> None:
    batch_id, _ = predicted(db, 2)
    browser.get(f"{site.address}/batches/categorization/{batch_id}")

    def press(key: str) -> str:
        browser.switch_to.active_element.send_keys(key)
        focused: str = browser.execute_script(
            "const it = document.activeElement; return it.matches(':focus-visible') || it.id === 'main'"
            " ? it.innerText.trim().split('\\n')[0] : ''"
        )
        return focused

    assert press(Keys.TAB) == "Skip to the content"
    press(Keys.ENTER)
    assert browser.execute_script("return document.activeElement.id") == "main"
    seen = [press(Keys.TAB) for _ in range(13)]
    assert "" not in seen  # whatever has the focus shows it
    assert {"Batches of categorization", "Reload", "all", "high 1", "surest first"} <= set(seen)
    while not browser.execute_script("return document.activeElement.closest('.predictions') !== null"):
        press(Keys.TAB)
    press(Keys.ENTER)
    assert browser.find_element(By.CSS_SELECTOR, ".predictions details[open] .why").is_displayed()


def test_a_person_logs_in_and_cancels(db: psycopg.Connection, serve: Serve, browser: Chrome) -> None:
    shop(db)
    site, waiting = serve(token=TOKEN), batch(db, [1])
    log_in(browser, site)
    browser.get(f"{site.address}/batches/categorization/{waiting}")
    browser.find_element(By.CSS_SELECTOR, "button.danger").click()
    wait(browser, "document.querySelector('.done')?.textContent.includes('is cancelled')")
    assert read_batch(db, waiting)["status"] == "cancelled"
    assert browser.execute_script("return document.cookie") == ""
    browser.find_element(By.CSS_SELECTOR, ".who button").click()
    wait(browser, "document.querySelector('.who a')?.textContent === 'Log in'")


def test_a_person_rejects_a_prediction(db: psycopg.Connection, serve: Serve, browser: Chrome) -> None:
    shop(db)
    site, (batch_id, _) = serve(token=TOKEN), predicted(db, 2)
    log_in(browser, site)
    browser.get(f"{site.address}/batches/categorization/{batch_id}?order=sure")
    browser.find_element(By.CSS_SELECTOR, ".predictions summary").click()
    browser.find_element(By.CSS_SELECTOR, ".acts .danger").click()
    wait(browser, "document.querySelector('.done')?.textContent.includes('is rejected')")
    assert "order=sure" in browser.current_url
    wait_until(lambda: db.execute("SELECT count(*) FROM human_decisions").fetchone() == (1,))


def test_axe_finds_nothing_on_any_page(db: psycopg.Connection, serve: Serve, browser: Chrome) -> None:
    """Also in the dark, on a narrow screen, with everything unfolded."""
    batch_id, _ = predicted(db, 8, error_products=30)
    db.execute(
        "UPDATE predictions SET status = CASE WHEN id % 2 = 0 THEN 'approved' ELSE 'rejected' END WHERE id % 3 > 0"
    )
    db.execute(
        "INSERT INTO categorization_models (products, categories, report, content, promoted_at)"
        " VALUES (20, 2, '{\"judged\": {\"top1\": 0.9}}', '', now())"
    )
    in_error(db, batch_id, 30)
    is_at_work(db, ended(db, range(100)), 10)
    for status in ("failed", "cancelled"):
        ended(db, [1], status=status, error_message="it is no array")
    batch(db, [1])
    site = serve(token=TOKEN)
    source, found = AXE.read_text(encoding="utf-8"), {}
    pages = ["/", "/batches", f"/batches/categorization/{batch_id}", "/categorization/models", "/nowhere"]
    for path in ["/login", *pages]:
        if path == pages[0]:
            log_in(browser, site)
        browser.get(site.address + path)
        browser.execute_script("for (const it of document.querySelectorAll('details')) it.open = true")
        browser.execute_script(source)
        for scheme, width in (("light", "wide"), ("dark", "wide"), ("dark", "narrow")):
            look(browser, scheme, WIDTHS[width])
            result = browser.execute_async_script("axe.run({resultTypes: ['violations']}).then(arguments[0])")
            found |= {
                (path, scheme, width, each["id"]): [node["html"] for node in each["nodes"]][:3]
                for each in result["violations"]
            }
            assert browser.execute_script("return document.documentElement.scrollWidth") <= WIDTHS[width], path
    look(browser, "light", WIDTHS["wide"])
    assert found == {}
    assert re.match(r"4\.\d+", browser.execute_script("return axe.version"))
