"""`catalogd rules`: what is listed, what a trial tells, what is refused with one sentence."""

import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon import cli
from daemon.settings import environment_names
from tests.support.database import Database
from tests.support.factories import rule, shop
from tests.support.process import Catalogd
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject are the words on the terminal

HOSTILE = "a\nb\x1b[2J\x07\u202e"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], database: Database) -> Run:
    """Runs `catalogd rules` in this process: exit code, output, errors."""
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.dsn)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main(["rules", *arguments])
        except SystemExit as ending:
            code = int(ending.code or 0)
        return code, *capsys.readouterr()

    return run


def trial(run: Run, *arguments: str, pattern: str = "hammer", category: str = "hammers") -> dict[str, Any]:
    code, out, err = run("test", "--json", "--field", "name", "--pattern", pattern, "--category", category, *arguments)
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_every_rule_is_listed_with_what_is_wrong_with_it(run: Run, db: psycopg.Connection) -> None:
    shop(db)
    assert run("list") == (0, "there are no rules: PHP writes them into category_rules\n", "")
    assert run("list", "--json") == (0, "[]\n", "")
    rule(db, "hammer", "hammers", note="Ann")
    rule(db, "(pipe", "pipes", weight="-1.5")
    rule(db, "saw", "saws", is_active=False)
    rule(db, "x" * 600, "pipes", field="attributes")
    code, out, err = run("list")
    assert (code, err) == (0, "")
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0] == ["1", "active", "+4", "hammers", "name", "hammer", "Ann"]
    assert lines[1][1:5] == [
        "passed over: the pattern is no regular expression of RE2: missing ): (pipe", "-1.5", "pipes", "name",
    ]  # fmt: skip
    assert lines[2][1] == "off"
    assert lines[3][1] == "passed over: the pattern is longer than 500 characters"
    rows = json.loads(run("list", "--json")[1])
    assert [row["problem"] is None for row in rows] == [True, False, True, False]
    assert rows[1]["weight"] == -1.5


def test_what_people_wrote_cannot_move_the_cursor(run: Run, db: psycopg.Connection) -> None:
    shop(db, products=2)
    db.execute("UPDATE products SET name = %s", (HOSTILE,))
    rule(db, HOSTILE, "hammers", note=HOSTILE)
    code, out, _ = run("list")
    assert (code, out.count("\n")) == (0, 1)
    assert out.replace("\t", "").removesuffix("\n").isprintable()
    code, out, _ = run("test", "--field", "name", "--pattern", "a", "--category", "hammers")
    assert code == 0
    assert all(line.isprintable() for line in out.splitlines())


def test_a_trial_counts_what_matches_and_what_people_confirmed(run: Run, db: psycopg.Connection) -> None:
    shop(db, products=100, labelled=60)  # 30 hammers and 30 pipes have their category
    db.execute("UPDATE products SET category_code = 'pipes' WHERE id IN (2, 4, 6)")
    db.execute("UPDATE products SET name = 'a tool' WHERE id IN (8, 10)")
    found = trial(run)
    assert found["products"] == 100
    assert found["matched"] == 48
    assert (found["in_category"], found["in_another"], found["unconfirmed"]) == (25, 3, 20)
    assert found["precision"] == pytest.approx(25 / 28)
    assert found["recall"] == pytest.approx(25 / 27)
    assert [example["id"] for example in found["examples_in_another"]] == [2, 4, 6]
    assert len(found["examples_unconfirmed"]) == 5
    assert (found["is_whole"], found["changes"], found["model_version"]) == (True, None, None)
    against = trial(run, "--weight", "-2")
    assert against["precision"] == pytest.approx(3 / 28)


def test_a_trial_for_people(run: Run, db: psycopg.Connection) -> None:
    shop(db, products=40, labelled=20)
    rule_id = rule(db, r"\bhammer\b", "hammers", is_active=False)
    code, out, err = run("test", str(rule_id))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == r"rule 1: name with “\bhammer\b” speaks for Hammers (hammers), weight +4"
    assert lines[1].startswith("looked at 40 products, ")
    assert lines[1].endswith("; 20 match (50.00%)")
    assert lines[2:6] == [
        "of those that match, people have confirmed 10 as hammers, and 0 as something else; 10 are not confirmed",
        "it is right for 100.0% of the confirmed that match",
        "it finds 100.0% of the 10 confirmed as hammers",
        "there is no model to see what it would change: catalogd learn",
    ]
    assert lines[6:8] == ["confirmed as hammers, such as", "  2 steel hammer 2 [hammers]"]


def test_a_trial_of_an_empty_shop(run: Run, db: psycopg.Connection) -> None:
    shop(db)
    code, out, _ = run("test", "--field", "name", "--pattern", "a", "--category", "hammers")
    assert code == 0
    assert out.splitlines()[1] == "there are no products to look at"


def test_a_trial_looks_at_as_many_as_it_may(run: Run, db: psycopg.Connection) -> None:
    shop(db, products=1_500)
    assert trial(run, "--limit", "100")["products"] == 100
    short = trial(run, "--seconds", "0.000001")
    assert (short["products"], short["is_whole"]) == (500, False)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["test"], "give the ID of a rule, or all of --field, --pattern and --category"),
        (["test", "--field", "name"], "give the ID of a rule, or all of"),
        (["test", "1", "--pattern", "x"], "give an ID, or --field, --pattern and --category, not both"),
        (["test", "99"], "there is no rule 99; see: catalogd rules list"),
        (["test", str(2**63)], f"there is no rule {2**63}"),
        (["test", "-1"], "there is no rule -1"),
        (["test", "--field", "names", "--pattern", "x", "--category", "pipes"], "--field: names is none of sku, name"),
        (["test", "--field", "name", "--pattern", "x", "--category", "sows"], "the shop has no category sows"),
        (["test", "--field", "name", "--pattern", "(x", "--category", "pipes"], "the pattern is no regular expression"),
        (["test", "--field", "name", "--pattern", "", "--category", "pipes"], "the pattern is empty"),
        (
            ["test", "--field", "name", "--pattern", "x", "--category", "pipes", "--weight", "21"],
            "--weight: from -20 to 20 and not 0",
        ),
        (["test", "--field", "name", "--pattern", "x", "--category", "pipes", "--weight", "nan"], "--weight: from -20"),
    ],
)
def test_what_cannot_be_tried_out_is_a_sentence(
    run: Run, db: psycopg.Connection, arguments: list[str], problem: str
) -> None:
    shop(db)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"catalogd: {problem}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["test", "--limit", "0"], ["test", "--seconds", "-1"]])
def test_wrong_usage(run: Run, arguments: list[str]) -> None:
    code, out, _ = run(*arguments)
    assert (code, out) == (2, "")


@pytest.mark.parametrize("action", ["list", "test"])
def test_help_shows_an_example(run: Run, action: str) -> None:
    code, out, _ = run(action, "--help")
    assert code == 0
    assert f"example: catalogd rules {action}" in out


def test_a_rule_that_the_daemon_would_leave_out_is_told(run: Run, db: psycopg.Connection) -> None:
    shop(db, products=1)
    chance = random.Random(1)
    db.execute("UPDATE products SET name = %s", ("".join(chance.choices("ab", k=4_000)),))
    code, out, err = run("test", "--field", "name", "--pattern", "(?:a|b)*a.{995}c", "--category", "pipes")
    assert (code, out) == (2, "")
    assert err.startswith("catalogd: the daemon would leave this rule out: a search took ")


def test_an_interrupted_trial_ends_at_once_and_says_nothing_else(db: psycopg.Connection, catalogd: Catalogd) -> None:
    shop(db, products=50)
    db.execute("CREATE TABLE held (); ALTER VIEW catalogd_products RENAME TO whole")
    db.execute("CREATE VIEW catalogd_products AS SELECT * FROM whole WHERE product_id < 40 OR pg_sleep(600) IS NULL")
    process = catalogd.popen("rules", "test", "--field", "name", "--pattern", "a", "--category", "pipes")
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    wait_until(lambda: db.execute(asleep).fetchone() == (1,))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "")
    assert db.execute(asleep).fetchone() == (0,)
