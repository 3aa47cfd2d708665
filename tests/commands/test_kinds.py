"""`--of`: status, errors, retry and cancel of every kind of work."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from daemon.commands import kinds
from daemon.workloads.registry import REGISTRY
from tests.support.factories import batch
from tests.support.price_lists import order, read_import, supplier

pytestmark = pytest.mark.one_server  # its subject is the command

Command = Callable[..., tuple[int, str, str]]
HOSTILE = "a\nb\x1b[2J\x07\u202e"


def test_status_shows_the_batches_of_every_kind(command: Command, db: psycopg.Connection) -> None:
    first = batch(db, [1])
    acme = supplier(db, "Acme & Söhne")
    reading = order(db, acme, "a.csv", phase="analyzing", phase_percent=42)
    failed = order(db, acme, "b.csv", status="failed", phase="failed", failed_phase="downloading", error_message="Why.")
    code, out, err = command("status")
    assert (code, err) == (0, "")
    table = [line for line in out.splitlines() if re.match("(categorization|price-lists) ", line)]
    rows = {(words[0], int(words[1])): line for line in table if (words := line.split())}
    assert rows.keys() == {("categorization", first), ("price-lists", reading), ("price-lists", failed)}
    assert re.search(r"pending .* Acme & Söhne +analyzing 42 %", rows["price-lists", reading])
    assert re.search(r"failed .* Acme & Söhne +failed in downloading", rows["price-lists", failed])
    assert f"batch {failed} of price-lists: Why." in out
    listed = json.loads(command("status", "--json")[1])
    assert [(row["kind"], row["id"]) for row in listed] == list(rows)
    assert listed[0]["drift"] is None
    keys = ("supplier", "phase", "phase_percent", "failed_phase")
    assert [listed[1][key] for key in keys] == ["Acme & Söhne", "analyzing", 42, None]


def test_status_of_one_kind_names_none(command: Command, db: psycopg.Connection) -> None:
    batch(db, [1])
    import_id = order(db, supplier(db), "a.csv")
    out = command("status", "--of", "categorization")[1]
    assert "categorization" not in out
    assert "supplier" not in out
    out = command("status", str(import_id), "--of", "price-lists")[1]
    assert "price-lists" not in out
    assert re.search(r"Acme +downloading 0 %", out)
    assert json.loads(command("status", str(import_id), "--of", "price-lists", "--json")[1])["id"] == import_id


def test_status_of_an_import_whose_supplier_was_deleted(command: Command, db: psycopg.Connection) -> None:
    import_id = order(db, supplier(db), "a.csv")
    db.execute("DELETE FROM suppliers")
    assert "(deleted)" in command("status", str(import_id), "--of", "price-lists")[1]


def test_errors_of_a_list_tell_line_column_and_value(command: Command, db: psycopg.Connection) -> None:
    import_id = order(db, supplier(db), "a.csv")
    for line, details in ((3, {"column": "EK netto", "value": "minus"}), (4, None), (5, {"value": HOSTILE})):
        db.execute(
            "INSERT INTO supplier_import_errors (import_id, item, code, message, details)"
            " VALUES (%s, %s, 'bad_price', 'the price is not a number', %s)",
            (import_id, Jsonb(line), Jsonb(details)),
        )
    code, out, err = command("errors", str(import_id), "--of", "price-lists")
    assert (code, err) == (0, "")
    lines = [line.split("\t") for line in out.splitlines()]
    said = ["bad_price", "the price is not a number"]
    assert lines[:2] == [["line 3", *said, "EK netto", "minus"], ["line 4", *said, "", ""]]
    assert lines[2][:4] == ["line 5", *said, ""]
    assert lines[2][4].isprintable()
    assert len(lines) == 3


def test_retry_and_cancel_an_import(command: Command, db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    import_id = order(db, supplier(db), "a.csv", phase="analyzing")
    assert batch_id == import_id, "or the wrong one could not be met"
    named = f"batch {import_id} of price-lists"
    assert command("cancel", str(import_id), "--of", "price-lists") == (0, f"{named} is cancelled\n", "")
    code, _, err = command("cancel", str(import_id), "--of", "price-lists")
    assert (code, err) == (
        2,
        f"catalogd: there is no open {named}; see: catalogd status {import_id} --of price-lists\n",
    )
    assert command("retry", str(import_id), "--of", "price-lists") == (0, f"{named} is pending again\n", "")
    found = read_import(db, import_id)
    assert (found["status"], found["phase"], found["retry_count"]) == ("pending", "analyzing", 1)
    assert db.execute("SELECT status FROM categorization_batches").fetchall() == [("pending",)]
    audited = db.execute("SELECT entity_type, action, actor_type FROM audit_log ORDER BY id").fetchall()
    assert audited == [("supplier_import", "cancelled", "operator"), ("supplier_import", "retried", "operator")]


@pytest.mark.parametrize("name", ["status", "errors", "retry", "cancel"])
def test_an_unknown_import_is_a_usage_error(command: Command, db: psycopg.Connection, name: str) -> None:
    batch_id = batch(db, [1], status="completed")
    code, out, err = command(name, str(batch_id), "--of", "price-lists")
    assert (code, out) == (2, "")
    assert f"batch {batch_id} of price-lists" in err
    assert command(name, "1", "--of", "recommendations")[0] == 2


@pytest.mark.parametrize("name", ["status", "errors", "retry", "cancel"])
def test_who_means_an_import_is_told_how_to_say_so(command: Command, db: psycopg.Connection, name: str) -> None:
    import_id = order(db, supplier(db), "a.csv", status="completed")
    code, out, err = command(name, str(import_id))
    assert (code, out) == (2, "")
    hint = f"; there is one of price-lists: catalogd {name} {import_id} --of price-lists\n"
    assert err.endswith(hint)
    assert batch(db, [1]) == import_id
    assert "price-lists" not in command(name, str(import_id))[2]


def test_help_imports_nothing_heavy() -> None:
    heavy = "psycopg", "pydantic", "structlog", "numpy", "rich", "httpx", "rapidfuzz"
    program = (
        "import sys; from daemon.cli import main\n"
        "try: main(['--help'])\n"
        f"finally: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.stderr == "[]\n"


def test_what_an_extra_brings_is_not_needed_to_look(command: Command, db: psycopg.Connection) -> None:
    import_id = order(db, supplier(db), "a.csv")
    program = (
        "import sys; sys.modules |= dict.fromkeys(('httpx', 'rapidfuzz', 'python_calamine', 'charset_normalizer'))\n"
        "from daemon.cli import main\n"
        f"sys.exit(main(['status']) or main(['errors', '{import_id}', '--of', 'price-lists'])"
        " or main(['import-prices', 'https://example.org/a.csv', '--supplier', 'Acme', '--no-wait']))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"import {import_id + 1} is ordered" in result.stdout


def test_a_list_of_this_machine_needs_the_extra(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("name\nBolt\n")
    missing = REGISTRY[1]._replace(needs=("no_such_library",))
    monkeypatch.setattr(kinds, "REGISTRY", (REGISTRY[0], missing))
    code, out, err = command("import-prices", "a.csv", "--supplier", "Acme")
    assert (code, out) == (1, "")
    assert err == "catalogd: libraries are missing here: pip install 'catalogd[price-lists]'\n"
