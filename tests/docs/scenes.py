"""What a page finds when its reader begins, and what must be so at its end; for pages that need more than the usual."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.factories import batch
from tests.support.price_lists import rows, write_list
from tests.support.scene import Scene

HEADER = "Artikelnr.;Bezeichnung;Hersteller;Herstellernr.;EK netto"


def readme(scene: Scene) -> Iterator[None]:
    """A checkout with its .venv, and a daemon at work; it fetches nothing from the world."""
    scene.environment["CATALOGD_WORKLOADS"] = "categorization"
    (scene.directory / ".venv").symlink_to(sys.prefix)
    scene.start_daemon(CATALOGD_WORKLOADS="categorization")
    yield
    with scene.database.connect() as db:
        done = rows(db, "SELECT status, success_products FROM categorization_batches WHERE product_ids = '[1, 2, 3]'")
        ordered = rows(db, "SELECT source_type, source_url FROM supplier_imports")
    assert (done, ordered) == ([("completed", 3)], [("csv", "https://example.com/bolts.csv")])


def price_lists(scene: Scene) -> Iterator[None]:
    """A supplier's list, and its next one; a daemon that may read them."""
    write_list(scene.directory / "bolts.csv", HEADER, "B1;copper pipe 37;Flowright;PX1037;3,50")
    folder = scene.directory / "lists"
    first = write_list(folder / "first.csv", *_supplied("3,50"))
    second = write_list(folder / "second.csv", *_supplied("4,00")[:-3])
    scene.start_daemon(CATALOGD_PRICE_LIST_SOURCES=str(folder))
    scene.known |= {"name": "Nuts & Co", "list": str(first), "next_list": str(second), "user": 7, "product": 40}
    yield
    with scene.database.connect() as db:
        assert rows(db, "SELECT status, decided_by FROM match_reviews ORDER BY status, id") == [
            ("approved", 7),
            ("approved", 7),
            ("rejected", 7),
        ]
        ours = "supplier_id = (SELECT id FROM suppliers WHERE name = 'Nuts & Co')"
        found = dict(rows(db, f"SELECT match_status, count(*) FROM supplier_items WHERE {ours} GROUP BY match_status"))  # noqa: S608
        assert found == {"linked": 20, "confirmed": 3, "draft": 1}
        assert rows(db, "SELECT product_id FROM supplier_items WHERE sku = 'X1'") == [(40,)]


def predictions(scene: Scene) -> Iterator[None]:
    """Model 4 beside 3, experiment 12, and where a report is drawn."""
    scene.known |= {"id": 1234}
    with scene.database.connect() as db:
        db.execute("ALTER SEQUENCE prediction_experiments_id_seq RESTART 12")
    scene.command("learn", "--force-promote")
    yield
    with scene.database.connect() as db:
        assert rows(db, "SELECT status FROM predictions WHERE id IN (1234, 1235) ORDER BY id") == [
            ("approved",),
            ("rejected",),
        ]


def tutorial(scene: Scene) -> Iterator[None]:
    """A checkout with its .venv: all else the reader makes, the server too. Nothing says the language, as after a plain
    `su - user`; what is left behind lies in the one folder, which is gone at the end."""
    for name in ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"):
        scene.environment.pop(name, None)
    (environment := scene.directory / ".venv").mkdir()
    (environment / "lib").symlink_to(Path(sys.prefix) / "lib")
    (environment / "bin").symlink_to(scene.on_path.directory)
    before = {path.name for path in scene.directory.iterdir()}
    yield
    assert {path.name for path in scene.directory.iterdir()} == before


def operations(scene: Scene) -> Iterator[None]:
    """A journal, which holds what a daemon has said; the tests of systemd have the real one."""
    scene.start_daemon()
    with scene.database.connect() as db:
        batch(db, [51, 52], created_by=7)
    scene.settle()
    (daemon,) = scene.on_path.daemons
    daemon.stop()
    journal = scene.on_path.directory / "journal"
    journal.write_text("".join(f"{json.dumps(event)}\n" for event in daemon.events), encoding="utf-8")
    program = scene.on_path.directory / "journalctl"
    program.write_text(f"#!/bin/sh\nexec cat {journal}\n", encoding="utf-8")
    program.chmod(0o755)
    yield


def architecture(scene: Scene) -> Iterator[None]:
    """A daemon, to be looked at."""
    scene.start_daemon()
    yield


def terminal(scene: Scene) -> Iterator[None]:
    """A daemon at work."""
    scene.start_daemon()
    yield


def monitoring(scene: Scene) -> Iterator[None]:
    """A daemon at work, at a port that is free; curl finds it under the usual one."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    scene.start_daemon(CATALOGD_METRICS="127.0.0.1:0")
    port = scene.on_path.daemons[0].wait_for("metrics.listening")["port"]
    stand_in = scene.on_path.directory / "curl"
    stand_in.write_text(f'#!/bin/bash\nexec {curl} "${{@/:9464/:{port}}}"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    yield


SCENES: dict[str, Callable[[Scene], Iterator[None]]] = {
    "README.md": readme,
    "operations.md": operations,
    "architecture.md": architecture,
    "price-lists.md": price_lists,
    "predictions.md": predictions,
    "tutorial.md": tutorial,
    "terminal.md": terminal,
    "monitoring.md": monitoring,
}


def _supplied(price: str) -> list[str]:
    kinds = (("copper pipe", "Flowright", "PX"), ("steel hammer", "Hitwell", "HM"))
    known = [
        f"S{i};{kinds[1 - i % 2][0]} {i};{kinds[1 - i % 2][1]};{kinds[1 - i % 2][2]}{1000 + i};{price}"
        for i in range(1, 21)
    ]
    likely = [f"L{i};copper pipe {i};Flowright;PX{1000 + i}-X;{price}" for i in (31, 33, 35)]
    return [HEADER, *known, *likely, f"X1;Quartz wristwatch;Tempora;QW-77;{price}", f"X2;;;;{price}", "X3;Pen;;;minus"]
