"""Pictures of the page for the documentation, from the running program.

    make screenshots        (or: python -m bench.pictures [--folder docs/images] [--all])

A private server, an invented shop, a real daemon; what it has treated is moved over the last hour and the
last weeks, where a shop's would be. Needs Chromium and its driver.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from bench.processes import write_sample_catalogue
from bench.shop import Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries
from daemon.demo.catalogue import sample_catalogue

PRODUCTS = 20_000
TOKEN = "a-token-for-the-pictures"  # noqa: S105  # opens nothing
LARGEST = 150_000  # bytes of a picture
WIDE, NARROW = 1280, 390

EARLIER = 46  # batches that ended
OF_ONE = 14_000  # products from here on are in one batch each


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
            "CATALOGD_WEB_TOKEN": TOKEN,
            "CATALOGD_FROZEN_SECONDS": "600",
            "CATALOGD_PRICE_LIST_FOLDER": f"{directory}/lists",
        }
        catalogue = Path(directory, "catalogue.csv")
        write_sample_catalogue(catalogue, PRODUCTS)
        say(shop.run("migrate", "--with-stand-in"))
        say(shop.run("import", str(catalogue), "--hold-out", "split=held"))
        for _ in range(2):
            say(shop.run("learn", "--force-promote"))
        shop.db.execute("INSERT INTO users (id, name) VALUES (7, 'Ann'), (12, 'Ben')")
        with shop.daemon() as pid, page(shop) as address, browser(directory) as chrome:
            work(shop, directory)
            live(shop.db)
            with two_at_work(shop, pid):
                take(chrome, shop.db, address, options.folder, everything=options.all)
        shop.db.close()
    return 0


@contextmanager
def page(shop: Shop) -> Iterator[str]:
    """The address of the page."""
    command = shop.command("web", "--listen", "127.0.0.1:0")
    with subprocess.Popen(command, env=shop.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
        process.terminate()


def work(shop: Shop, directory: str) -> None:
    """Batches that ended in the last hour, some with errors, one failed; a price list; of a supplier."""
    chance = random.Random(7)
    minutes = sorted((chance.uniform(0.7, 59) for _ in range(EARLIER)), reverse=True)
    for number, ago in enumerate(minutes):
        size = min(round(20 * 2.7 ** chance.gauss(2.2, 1.1)), 4_000)
        order: list[object] = [*chance.sample(range(1, OF_ONE), size)]
        order += [900_000 + i for i in range(4)] if number % 9 == 4 else []
        if number == 31:
            order = [*range(OF_ONE, OF_ONE + 900), *range(910_000, 910_017), "n/a", None, 2.5]
        insert(shop, order, chance.choice([7, 12]), ago)
    insert(shop, "all", 12, 11.5)
    offers = [f"{i},{name},{chance.uniform(1, 90):.2f}" for i, name in shop.db.execute(
        "SELECT sku, replace(name, ',', ' ') FROM products ORDER BY id LIMIT 400"
    )]  # fmt: skip
    Path(directory, "offers.csv").write_text("\n".join(["part number,name,price", *offers, "x,,"]), encoding="utf-8")
    say(shop.run("import-prices", f"{directory}/offers.csv", "--supplier", "Bolt & Co"))


def insert(shop: Shop, product_ids: object, user: int, minutes_ago: float) -> None:
    """A batch is treated, and then moved into the past."""
    row = shop.db.execute(
        "INSERT INTO categorization_batches (product_ids, created_by) VALUES (%s, %s) RETURNING id",
        (json.dumps(product_ids), user),
    ).fetchone()
    assert row is not None
    shop.wait_until(row[0], "status IN ('completed', 'failed')")
    shop.db.execute(
        "UPDATE categorization_batches SET created_at = created_at - ago, started_at = started_at - ago,"
        " completed_at = completed_at - ago FROM (SELECT make_interval(secs => %s) AS ago) AS moved WHERE id = %s",
        (minutes_ago * 60, row[0]),
    )


@contextmanager
def two_at_work(shop: Shop, pid: int) -> Iterator[None]:
    """Two batches under way, in a daemon that does not move."""
    for user, ids in ((7, range(1, 7_500)), (12, range(OF_ONE + 900, PRODUCTS))):
        row = shop.db.execute(
            "INSERT INTO categorization_batches (product_ids, created_by) VALUES (%s, %s) RETURNING id",
            (json.dumps(list(ids)), user),
        ).fetchone()
    assert row is not None
    shop.wait_until(row[0], "processed_products >= total_products * 0.3 AND total_products > 0")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def freshen(db: psycopg.Connection) -> None:
    """Held batches look as if they were at work."""
    db.execute(
        "UPDATE categorization_batches SET created_at = created_at + late, started_at = started_at + late"
        " FROM (SELECT id, now() - make_interval(secs => processed_products / 5600.0) - started_at AS late"
        " FROM categorization_batches WHERE status = 'processing') AS held WHERE categorization_batches.id = held.id"
    )


def live(db: psycopg.Connection) -> None:
    """What people decided in the last weeks, of products that nothing was learned from: right where the prediction is
    the product's true category."""
    truths = {product.sku: product.true_category for product in sample_catalogue(PRODUCTS).products}
    db.execute("CREATE TEMP TABLE truths (sku text, category text)")
    with db.cursor() as cursor, cursor.copy("COPY truths FROM STDIN") as copy:
        for truth in truths.items():
            copy.write_row(truth)
    db.execute(
        "UPDATE predictions AS p SET status ="
        " CASE WHEN t.category = p.suggested_category_code THEN 'approved' ELSE 'rejected' END"
        " FROM products AS s JOIN truths AS t USING (sku)"
        " WHERE p.product_id = s.id AND p.status = 'pending' AND s.category_code IS NULL AND p.id % 7 <> 0"
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


def take(chrome: Chrome, db: psycopg.Connection, address: str, folder: Path, *, everything: bool) -> None:
    """The pictures that the documents show; with `everything`, all there could be."""
    address = address.rstrip("/")
    big = biggest(db)
    pages = {
        "overview": "/",
        "batch": f"/batches/categorization/{big}",
        "models": "/categorization/models",
        "batches": "/batches",
        "login": "/login",
    }
    wanted = (
        [(name, width, scheme) for name in pages for width in (WIDE, NARROW) for scheme in ("light", "dark")]
        if everything
        else [
            ("overview", WIDE, "light"),
            ("overview", WIDE, "dark"),
            ("batch", WIDE, "light"),
            ("models", WIDE, "light"),
        ]
    )
    chrome.get(f"{address}/login")
    chrome.find_element(By.ID, "token").send_keys(TOKEN)
    chrome.find_element(By.ID, "user").send_keys("7")
    chrome.find_element(By.CSS_SELECTOR, "main button").click()
    for name, width, scheme in wanted:
        look(chrome, scheme, width)
        freshen(db)
        chrome.get(address + pages[name])
        if name == "overview":
            WebDriverWait(chrome, 10, 0.05).until(lambda it: it.find_elements(By.CSS_SELECTOR, "html.is-live"))
        if name == "batch":
            chrome.execute_script("document.querySelectorAll('.predictions details')[0].open = true")
        height = min(
            chrome.execute_script("return document.documentElement.scrollHeight"), 1_300 if width == WIDE else 3_000
        )
        look(chrome, scheme, width, height)
        shot = chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        suffix = ("-narrow" if width == NARROW else "") + ("-dark" if scheme == "dark" else "")
        save(shot["data"], folder / f"web-{name}{suffix}.png")


def look(chrome: Chrome, scheme: str, width: int, height: int = 900) -> None:
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == NARROW}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def save(data: str, file: Path) -> None:
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        picture.convert("RGB").quantize(256, kmeans=1, dither=Image.Dither.NONE).save(file, optimize=True)
    size = file.stat().st_size
    say(f"{file}: {size:,} bytes")
    assert size <= LARGEST, f"more than {LARGEST:,} bytes"


if __name__ == "__main__":
    raise SystemExit(main())
