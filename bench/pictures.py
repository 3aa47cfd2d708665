"""Pictures of the page for the documentation, from the running program.

    make screenshots        (or: python -m bench.pictures [--folder docs/images] [--all])

A private server, an invented shop, a real daemon with CATALOGD_WEB; what it has treated is moved over the last hour and the
last weeks, where a shop's would be. Needs Chromium and its driver.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from bench.processes import write_sample_catalogue
from bench.shop import Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries
from daemon.demo.catalogue import sample_catalogue

PRODUCTS = 9_000
TOKEN = "a-token-for-the-pictures"  # noqa: S105  # opens nothing
LARGEST = 150_000  # bytes of a picture
WIDE, NARROW = 1280, 390

# How long ago each of the earlier batches was inserted, in minutes, and its products.
EARLIER = [(58, 300), (55, 700), (51, 120), (47, 900), (41, 40), (38, 450), (33, 1200), (26, 25), (22, 600), (17, 350),
           (12, 800), (8, 60), (5, 240), (2, 10)]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("docs/images"))
    parser.add_argument("--all", action="store_true", help="every page, wide and narrow, light and dark")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as directory, EmbeddedServer(embedded_binaries()) as server:
        shop = Shop(server.dsn())
        shop.environment |= {
            "CATALOGD_LEARN": "off",
            "CATALOGD_WEB": "127.0.0.1:0",
            "CATALOGD_WEB_TOKEN": TOKEN,
            "CATALOGD_PRICE_LIST_FOLDER": f"{directory}/lists",
        }
        catalogue = Path(directory, "catalogue.csv")
        write_sample_catalogue(catalogue, PRODUCTS)
        say(shop.run("migrate", "--with-stand-in"))
        say(shop.run("import", str(catalogue), "--hold-out", "split=held"))
        for _ in range(2):
            say(shop.run("learn", "--force-promote"))
        shop.db.execute("INSERT INTO users (id, name) VALUES (7, 'Ann'), (12, 'Ben')")
        with running(shop) as address:
            work(shop, address)
            live(shop.db)
            with browser(directory) as chrome:
                take(chrome, address, options.folder, everything=options.all, big=biggest(shop.db))
        shop.db.close()
    return 0


@contextmanager
def running(shop: Shop) -> Iterator[str]:
    """A daemon at work; the address of its page."""
    with subprocess.Popen(shop.command("run"), env=shop.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(
            event["address"] for event in map(json.loads, process.stdout) if event["event"] == "web.listening"
        )
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        try:
            yield address
        finally:
            process.terminate()
            process.wait(30)
            reader.join()


def work(shop: Shop, address: str) -> None:
    """Batches that ended in the last hour, some with errors, one failed; one under way; and one that waits."""
    chance = random.Random(7)
    for minutes, size in EARLIER:
        bad = [900_000 + i for i in range(size // 60)] if size > 500 else []
        ids = [*chance.sample(range(1, PRODUCTS + 1), size), *bad, *(["n/a"] if minutes == 33 else [])]
        row = shop.db.execute(
            "INSERT INTO categorization_batches (product_ids, created_by) VALUES (%s, %s) RETURNING id",
            (json.dumps(ids), chance.choice([7, 12])),
        ).fetchone()
        assert row is not None
        shop.wait_until_completed(row[0])
        wait_s, run_s = chance.uniform(0.02, 0.4) * (4 if size > 500 else 1), size / chance.uniform(14, 22)
        shop.db.execute(
            "UPDATE categorization_batches SET created_at = start, started_at = start + make_interval(secs => %s),"
            " completed_at = least(start + make_interval(secs => %s), now() - interval '20 seconds')"
            " FROM (SELECT now() - make_interval(mins => %s) AS start) AS moved WHERE id = %s",
            (wait_s, wait_s + run_s, minutes, row[0]),
        )
    shop.db.execute("INSERT INTO categorization_batches (product_ids, created_by) VALUES ('\"all\"', 12)")
    shop.db.execute("INSERT INTO suppliers (name) VALUES ('Bolt & Co')")
    hold_one(shop, chance.sample(range(1, PRODUCTS + 1), 8_000), 0.62, 7)
    hold_one(shop, chance.sample(range(1, PRODUCTS + 1), 6_000), 0.18, 12)


def hold_one(shop: Shop, ids: list[int], at: float, user: int) -> None:
    """A batch that stays where it is: its slices are put off."""
    row = shop.db.execute(
        "INSERT INTO categorization_batches (product_ids, created_by) VALUES (%s, %s) RETURNING id",
        (json.dumps(ids), user),
    ).fetchone()
    assert row is not None
    shop.wait_until(row[0], f"processed_products >= total_products * {at} AND total_products > 0")
    shop.db.execute("UPDATE batch_slices SET run_after = now() + interval '1 hour' WHERE batch_id = %s", (row[0],))
    shop.db.execute(
        "UPDATE categorization_batches SET created_at = now() - make_interval(secs => 96.3),"
        " started_at = now() - make_interval(secs => 96.1) WHERE id = %s",
        (row[0],),
    )


def live(db: psycopg.Connection) -> None:
    """What people decided in the last weeks: right where the prediction is the product's true category."""
    truths = {product.sku: product.true_category for product in sample_catalogue(PRODUCTS).products}
    db.execute("CREATE TEMP TABLE truths (sku text, category text)")
    with db.cursor() as cursor, cursor.copy("COPY truths FROM STDIN") as copy:
        for truth in truths.items():
            copy.write_row(truth)
    db.execute(
        "UPDATE predictions AS p SET status ="
        " CASE WHEN t.category = p.suggested_category_code THEN 'approved' ELSE 'rejected' END"
        " FROM products AS s JOIN truths AS t USING (sku)"
        " WHERE p.product_id = s.id AND p.status = 'pending' AND p.id % 3 <> 0"
        " AND p.batch_id <= (SELECT max(id) - 3 FROM categorization_batches)"
    )
    db.execute("UPDATE human_decisions SET decided_at = now() - (id % 43) * interval '1 day'")
    db.execute("VACUUM ANALYZE")


def biggest(db: psycopg.Connection) -> int:
    """A batch that ended, with errors."""
    row = db.execute(
        "SELECT id FROM categorization_batches WHERE status = 'completed' ORDER BY error_products DESC, id LIMIT 1"
    ).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def browser(directory: str) -> Iterator[Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and driver, "Chromium and its driver are wanted: apt install chromium chromium-driver"  # noqa: PT018
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"),
        *("--disable-component-update", "--disable-sync", "--no-first-run", f"--user-data-dir={directory}/chromium"),
    ):
        options.add_argument(argument)
    chrome = Chrome(options, Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def take(chrome: Chrome, address: str, folder: Path, *, everything: bool, big: int) -> None:
    """The pictures that the documents show; with `everything`, all there could be."""
    address = address.rstrip("/")
    pages = {
        "overview": "/",
        "batch": f"/batches/categorization/{big}?order=sure&level=high",
        "models": "/categorization/models",
        "batches": "/batches",
        "login": "/login",
    }
    wanted = (
        [(name, width, scheme) for name in pages for width in (WIDE, NARROW) for scheme in ("light", "dark")]
        if everything
        else [("overview", WIDE, "light"), ("overview", WIDE, "dark"), ("batch", WIDE, "light"), ("models", WIDE, "light")]
    )
    chrome.get(f"{address}/login")
    chrome.find_element(By.ID, "token").send_keys(TOKEN)
    chrome.find_element(By.ID, "user").send_keys("7")
    chrome.find_element(By.CSS_SELECTOR, "main button").click()
    for name, width, scheme in wanted:
        look(chrome, scheme, width)
        chrome.get(address + pages[name])
        if name == "batch":
            chrome.execute_script("document.querySelectorAll('.predictions details')[1].open = true")
        height = min(chrome.execute_script("return document.documentElement.scrollHeight"), 1_500 if width == WIDE else 3_000)
        look(chrome, scheme, width, height)
        shot = chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        suffix = ("-narrow" if width == NARROW else "") + ("-dark" if scheme == "dark" else "")
        save(shot["data"], folder / f"web-{name}{suffix}.png")


def look(chrome: Chrome, scheme: str, width: int, height: int = 900) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == NARROW}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def save(data: str, file: Path) -> None:
    import base64

    content = base64.b64decode(data)
    file.write_bytes(content)
    say(f"{file}: {len(content):,} bytes")
    assert len(content) <= LARGEST, f"{file} is larger than {LARGEST} bytes"


if __name__ == "__main__":
    raise SystemExit(main())
