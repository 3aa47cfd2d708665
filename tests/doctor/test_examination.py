"""The examination as a whole: nothing is written, no check ends the others, and the page tells it all."""

import json
import os
import re
import time
from collections.abc import Iterator

import psycopg
import pytest

from daemon.commands.trouble import explain
from daemon.doctor import registry
from daemon.doctor.check import Check, Finding, Level, Needs, ok
from daemon.doctor.checks import connection, settings
from daemon.doctor.examination import examine
from daemon.doctor.patient import Patient
from daemon.workloads.categorization.kind import KIND
from tests.commands.conftest import Command
from tests.support.database import Database
from tests.support.factories import batch, shop

pytestmark = pytest.mark.one_server

COUNTS = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables ORDER BY 1"


def run(*checks: Check) -> list[Finding]:
    """What the checks find, after a connection was made."""
    patient = Patient(environ=os.environ, kinds=[KIND])
    results = list(examine(patient, [settings.CHECK, connection.CHECK, *checks], explain))
    return [finding for result in results[2:] for finding in result.findings]


def test_every_check_has_a_name_of_its_own() -> None:
    names = [check.name for check in registry.CHECKS]
    assert len(set(names)) == len(names) == 21
    assert [check.name for check in registry.CHECKS if check.needs < Needs.DATABASE] == names[:3]


@pytest.mark.usefixtures("environment")
def test_a_check_that_would_write_cannot() -> None:
    def write(patient: Patient) -> Iterator[Finding]:
        patient.database.execute(
            "INSERT INTO audit_log (entity_type, entity_id, action, actor_type) VALUES ('x',1,'x','x')"
        )
        yield ok("written")

    (finding,) = run(Check("x", write, Needs.DATABASE))
    assert finding.level is Level.SKIPPED
    assert "read-only" in finding.says


@pytest.mark.usefixtures("environment")
def test_one_that_fails_or_hangs_ends_none_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.doctor.examination.STATEMENT_MS", 50)
    monkeypatch.setattr("daemon.doctor.examination.DEADLINE_S", 0.3)

    def fail(patient: Patient) -> Iterator[Finding]:
        raise ZeroDivisionError("oh")

    def last(patient: Patient) -> Iterator[Finding]:
        patient.database.execute("SELECT pg_sleep(30)")
        yield ok("awake")

    def hang(patient: Patient) -> Iterator[Finding]:
        patient.database.execute("SET LOCAL statement_timeout = 0")
        return last(patient)

    def look(patient: Patient) -> Iterator[Finding]:
        patient.database.execute("SELECT 1")
        yield ok("fine")

    checks = [Check(act.__name__, act, Needs.DATABASE) for act in (fail, last, hang, look)]
    began = time.monotonic()
    found = run(*checks)
    assert time.monotonic() - began < 5
    assert [finding.level for finding in found] == [Level.SKIPPED, Level.SKIPPED, Level.SKIPPED, Level.OK]
    assert "oh" in found[0].says
    assert "it took longer" in found[1].says
    assert "the connection was lost or took too long" in found[2].says


def test_the_page_and_the_object(command: Command, database: Database, db: psycopg.Connection) -> None:
    shop(db, products=5, labelled=5)
    db.execute("SELECT pg_stat_force_next_flush()")
    before = db.execute(COUNTS).fetchall()
    code, out, err = command("doctor")
    assert (code, err) == (0, "")
    names = re.findall(r"^(?:ok|warning|skipped|wrong) {1,7}([a-z]+) ", out, re.MULTILINE)
    assert set(names) == {check.name for check in registry.CHECKS}
    assert re.search(r"^warning +role .*\n +→ catalogd grants", out, re.MULTILINE)
    assert out.splitlines()[-1].endswith("nothing must be mended")
    assert all(line.isprintable() for line in out.splitlines())
    page = json.loads(command("doctor", "--json")[1])
    assert page.keys() == {"version", "is_well", "checks"}
    assert page["is_well"] is True
    assert all(each.keys() == {"check", "level", "says", "remedy", "facts"} for each in page["checks"])
    assert {each["check"] for each in page["checks"]} == set(names)
    db.execute("SELECT pg_stat_force_next_flush()")
    assert db.execute(COUNTS).fetchall() == before, "nothing is written"


def test_what_is_wrong_is_in_the_exit_status(
    command: Command, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch(db, [1])
    code, out, _ = command("doctor")
    assert code == 1
    assert re.search(r"^wrong +instances .*1 batch waits.*\n +→ systemctl start catalogd", out, re.MULTILINE)
    assert out.splitlines()[-1].endswith("mend what is wrong")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:1/x")
    code, out, _ = command("doctor", "--json")
    page = json.loads(out)
    assert (code, page["is_well"]) == (1, False)
    levels = {each["check"]: each["level"] for each in page["checks"]}
    assert levels.pop("connection") == "wrong"
    assert levels.pop("settings") == levels.pop("extras") == "ok"
    assert set(levels.values()) == {"skipped"}
    assert "s3cret" not in out
    code, out, _ = command("doctor")
    assert re.search(
        r"^wrong +connection .*\n +→ .*\nskipped  18 checks +the connection must be right first\n1 wrong, 18 s",
        out,
        re.MULTILINE,
    )
    assert out.count("skipped") == 2
    monkeypatch.delenv("DATABASE_URL")
    code, out, _ = command("doctor")
    assert code == 1
    assert re.search(r"^wrong +settings +no database is named", out, re.MULTILINE)
