"""The command line: help with examples, one sentence and an exit code for what is wrong, output people can read."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from daemon import cli
from daemon.settings import environment_names
from tests.support.database import Database
from tests.support.factories import batch, read_batch, shop
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject are the words on the terminal

HOSTILE = "a\nb\x1b[2J\x1b]0;title\x07\x9b31m\u202e\r"
STATUS_KEYS = {
    "kind",
    "id",
    "status",
    "total",
    "processed",
    "success",
    "errors",
    "retry_count",
    "created_at",
    "started_at",
    "completed_at",
    "error_message",
    "wait_s",
    "created_by",
    "run_s",
    "items_per_s",
    "left_s",
    "is_unattended",
    "held_by",
    "drift",
}


class Output:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code, self.stdout, self.stderr = code, stdout, stderr


class CommandLine:
    """Runs `catalogd` in this process: a real database, no second of start-up."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Output:
        self._capsys.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as ending:
            code = int(ending.code or 0)
        return Output(code, *self._capsys.readouterr())


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line with no setting at all."""
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


@pytest.fixture
def command(bare: CommandLine, monkeypatch: pytest.MonkeyPatch, database: Database) -> CommandLine:
    """The command line, pointed at the test's database."""
    monkeypatch.setenv("DATABASE_URL", database.dsn)
    return bare


def assert_one_sentence(output: Output, code: int) -> None:
    assert output.code == code
    assert output.stdout == ""
    assert output.stderr.startswith("catalogd: ")
    assert output.stderr.count("\n") == 1
    assert "Traceback" not in output.stderr


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_every_command_shows_an_example(bare: CommandLine, name: str) -> None:
    output = bare(name, "--help")
    assert output.code == 0
    assert output.stderr == ""
    assert re.search(rf"example: .*catalogd {name}\b", output.stdout)


def test_help_lists_every_command_and_an_example(bare: CommandLine) -> None:
    output = bare("--help")
    assert output.code == 0
    assert "example: " in output.stdout
    for name in cli.COMMANDS:
        assert re.search(rf"^ +{name}\s+\w", output.stdout, re.MULTILINE), name  # a long name has a line to itself


def test_help_shows_no_password(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:s3cret@h/db")
    monkeypatch.setenv("DB_PASSWORD", "s3cret")
    for name in cli.COMMANDS:
        assert "s3cret" not in bare(name, "--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["status", "seven"],
        ["status", "1.5"],
        ["retry"],
        ["cancel", "1", "2"],
        ["explain", ""],
        ["tail"],
        ["tail", "7", "--watch"],
        ["doctor", "7"],
        ["completion"],
        ["completion", "fish"],
        ["errors"],
        ["run", "--workers", "many"],
        ["run", "--workers", "0"],
        ["migrate", "--force"],
        ["precision", "--wanted", "100"],
        ["precision", "--wanted", "0.99"],
        ["precision", "--wanted", "nan"],
        ["learn", "--force-promote", "--no-promote"],
        ["models"],
        ["models", "promote"],
        ["models", "promote", "newest"],
        ["models", "compare", "1"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_usage_errors(bare: CommandLine, arguments: list[str]) -> None:
    output = bare(*arguments)
    assert output.code == 2
    assert output.stdout == ""
    assert "usage: catalogd" in output.stderr
    assert "Traceback" not in output.stderr


DATABASE_COMMANDS = [
    ["run", "--once"],
    ["migrate"],
    ["learn"],
    ["models", "list"],
    ["models", "compare", "1", "2"],
    ["models", "promote", "1"],
    ["models", "rollback"],
    ["status"],
    ["status", "--watch"],
    ["tail", "1"],
    ["errors", "1"],
    ["explain", "1"],
    ["precision"],
    ["retry", "1"],
    ["cancel", "1"],
    ["sync-suppliers"],
    ["cancel", "1", "--of", "price-lists"],
    ["import-prices", "https://example.org/a.csv", "--supplier", "Acme"],
]


@pytest.mark.parametrize("arguments", DATABASE_COMMANDS[1:], ids=" ".join)
def test_without_a_database_every_command_says_which_settings_to_make(bare: CommandLine, arguments: list[str]) -> None:
    output = bare(*arguments)
    assert_one_sentence(output, 78)
    assert "no database is named: set DATABASE_URL" in output.stderr


@pytest.mark.parametrize("arguments", DATABASE_COMMANDS[1:], ids=" ".join)
def test_an_unreachable_server_is_one_sentence_without_the_password(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:1/db")
    output = bare(*arguments)
    assert_one_sentence(output, 1)
    assert "the database cannot be reached" in output.stderr
    assert "check that the server runs there (systemctl status postgresql), then DATABASE_URL" in output.stderr
    assert "s3cret" not in output.stderr


def test_a_database_that_was_not_migrated_is_refused_with_the_command(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch, empty_database: Database
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database.dsn)
    for arguments in DATABASE_COMMANDS[2:]:
        output = bare(*arguments)
        assert_one_sentence(output, 78)
        assert "run: catalogd migrate" in output.stderr


def test_run_announces_a_wrong_setting_on_stdout_too() -> None:
    environment = {"DB_NAME": "shop", "CATALOGD_WORKERS": "none", "DB_PASSWORD": "s3cret"}
    result = subprocess.run(
        [sys.executable, "-m", "daemon", "run"], env=environment, text=True, capture_output=True, check=False
    )
    assert result.returncode == 78
    event = json.loads(result.stdout)
    assert (event["event"], event["error_type"]) == ("daemon.refused", "ConfigurationError")
    assert event["error"].startswith("CATALOGD_WORKERS: ")
    assert result.stderr == f"catalogd: {event['error']}\n"
    assert "s3cret" not in result.stdout + result.stderr


def test_a_run_logs_json_lines_only(db: psycopg.Connection, catalogd: Catalogd) -> None:
    batch(db, [shop(db, products=1)[0], "x\x1b[2J\n"])
    db.execute("UPDATE products SET name = %s", (HOSTILE,))
    result = catalogd("run", "--once", CATALOGD_LOG_LEVEL="debug")
    assert (result.returncode, result.stderr) == (0, "")
    assert all(line.isprintable() for line in result.stdout.splitlines())
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert all({"event", "level", "timestamp"} <= event.keys() for event in events)
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", event["event"]) for event in events)
    keys = {event["event"]: set(event) - {"event", "level", "timestamp"} for event in events}
    assert keys["daemon.started"] >= {"version", "instance", "workers"}
    assert keys["batch.planned"] >= {"batch_id", "items", "success", "errors", "wait_ms", "worker", "workload"}
    assert keys["batch.completed"] >= {
        "batch_id",
        "items",
        "success",
        "errors",
        "wait_ms",
        "duration_ms",
        "items_per_s",
    }
    assert keys["slice.settled"] >= {"batch_id", "items", "duration_ms"}
    assert keys["daemon.stopping"] >= {"signal"}
    assert keys["daemon.stopped"] >= {"duration_ms"}


def test_an_unknown_id_is_a_usage_error(command: CommandLine) -> None:
    for name in ["status", "tail", "errors", "explain", "retry", "cancel"]:
        for number in ["99", "-1", "0", str(2**63), str(10**50)]:
            output = command(name, number)
            assert_one_sentence(output, 2)
            assert "there is no " in output.stderr
            assert number in output.stderr
        assert command(name, "9" * 5000).code == 2


def test_status_of_an_untouched_shop(command: CommandLine) -> None:
    assert (
        command("status").stdout
        == "no batch was ever inserted\nno instance is at work: systemctl start catalogd, or catalogd run\n"
    )
    assert json.loads(command("status", "--json").stdout) == []


def test_status_shows_open_batches_and_the_last_ones(command: CommandLine, db: psycopg.Connection) -> None:
    oldest = batch(db, [1, 2])
    ended = [batch(db, [1], status="completed", total_products=4, processed_products=4) for _ in range(12)]
    output = command("status")
    assert (output.code, output.stderr) == (0, "")
    listed = [int(found) for found in re.findall(r"^ *(\d+) +(?:pending|completed)", output.stdout, re.MULTILINE)]
    assert listed == [oldest, *ended[2:]]
    assert "pending" in output.stdout


def test_status_as_json_has_stable_keys(command: CommandLine, db: psycopg.Connection) -> None:
    batch_id = batch(db, [1], status="failed", error_message=HOSTILE)
    one = json.loads(command("status", str(batch_id), "--json").stdout)
    assert one.keys() == STATUS_KEYS
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*[+-]\d\d:\d\d$", one["created_at"])
    assert (one["id"], one["status"], one["error_message"]) == (batch_id, "failed", HOSTILE)
    (listed,) = json.loads(command("status", "--json").stdout)
    assert listed.keys() == STATUS_KEYS


def test_status_of_a_batch_that_php_left_half_empty(command: CommandLine, db: psycopg.Connection) -> None:
    counters = [
        "total_products",
        "processed_products",
        "success_products",
        "error_products",
        "retry_count",
        "created_at",
    ]
    batch_id = batch(db, [1])
    for column in counters:
        db.execute(f"ALTER TABLE categorization_batches ALTER COLUMN {column} DROP NOT NULL")
        db.execute(f"UPDATE categorization_batches SET {column} = NULL")  # noqa: S608
    assert command("status", str(batch_id)).code == 0
    assert json.loads(command("status", str(batch_id), "--json").stdout)["total"] == 0


@pytest.mark.parametrize("time", ["infinity", "-infinity", "4713-01-01 BC", "294276-01-01"])
def test_status_of_a_batch_from_no_time_at_all(command: CommandLine, db: psycopg.Connection, time: str) -> None:
    batch_id = batch(db, [1], created_at=time, started_at=time, completed_at=time)
    assert command("status", str(batch_id)).code == 0
    shown = json.loads(command("status", str(batch_id), "--json").stdout)
    assert (shown["created_at"], shown["wait_s"], shown["run_s"]) == (None, 0, None)


PRECISION_KEYS = {
    *("wanted", "threshold", "decided", "correct", "precision", "low", "high", "needed", "has_too_few"),
    *("share", "newest", "weeks", "models"),
}


def decided(db: psycopg.Connection, confidence: float, right: int, wrong: int) -> None:
    """People approved so many predictions of this confidence, and rejected so many."""
    made = db.execute("INSERT INTO products SELECT FROM generate_series(1, %s) RETURNING id", (right + wrong,))
    product_ids = [product_id for (product_id,) in made]
    batch_id = batch(db, product_ids, status="completed")
    db.execute(
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code, confidence_score, confidence_level,"
        " model_version) SELECT id, %(batch)s, 'pipes', %(confidence)s,"
        " CASE WHEN %(confidence)s >= 90 THEN 'high' ELSE 'low' END, 4 FROM unnest(%(ids)s::bigint[]) AS id",
        {"batch": batch_id, "confidence": confidence, "ids": product_ids},
    )
    db.execute("UPDATE predictions SET status = 'approved' WHERE product_id = ANY(%s)", (product_ids[:right],))
    db.execute("UPDATE predictions SET status = 'rejected' WHERE product_id = ANY(%s)", (product_ids[right:],))


def test_precision_where_nobody_decided(command: CommandLine) -> None:
    output = command("precision")
    assert (output.code, output.stderr) == (0, "")
    assert output.stdout.startswith("people have not decided on any prediction yet")
    found = json.loads(command("precision", "--json").stdout)
    assert found.keys() == PRECISION_KEYS
    assert (found["threshold"], found["needed"], found["has_too_few"], found["weeks"]) == (None, 381, True, [])


def test_precision_proposes_what_the_decisions_carry(command: CommandLine, db: psycopg.Connection) -> None:
    decided(db, 97.5, right=400, wrong=0)
    decided(db, 91.25, right=400, wrong=0)
    decided(db, 40, right=20, wrong=180)
    output = command("precision")
    assert (output.code, output.stderr) == (0, "")
    lines = [line.split() for line in output.stdout.splitlines()]
    assert ["high", "800", "800", "100.0", "%", "99.5", "and", "100.0", "%"] in [line[1:] for line in lines]
    assert ["4", "low", "200", "20", "10.0", "%", "6.6", "and", "14.9", "%"] in lines
    assert (
        "threshold 91.25 for 99 %: of the 800 predictions at or above it that people decided on, 800 were right,"
        " 100.00 %; of all such between 99.52 and 100.00 %\n"
        "80.0 % of the newest 1,000 predictions are at or above it\n" in output.stdout
    )
    assert "only what people decided on is counted" in output.stdout
    found = json.loads(command("precision", "--json", "--wanted", "75.5").stdout)
    assert found.keys() == PRECISION_KEYS
    assert (found["wanted"], found["threshold"], found["decided"], found["correct"]) == (0.755, 40, 1000, 820)
    assert (found["share"], found["newest"], found["has_too_few"]) == (1, 1000, False)
    assert [(row["level"], row["decided"], row["correct"]) for row in found["models"]] == [
        ("high", 800, 800),
        ("low", 200, 20),
    ]


def test_precision_says_what_is_lacking(command: CommandLine, db: psycopg.Connection) -> None:
    decided(db, 97.5, right=300, wrong=0)
    said = command("precision").stdout
    assert "too few decisions for 99 %: it takes 381 at or above a threshold, all of them right" in said
    assert "there are 300, of which 300 right" in said
    assert "threshold 97.5 for 95 %" in command("precision", "--wanted", "95").stdout
    decided(db, 98, right=100, wrong=50)
    assert "no threshold reaches 95 %" in command("precision", "--wanted", "95").stdout


def assert_harmless(text: str) -> None:
    """Nothing in it moves a cursor, sets a title or hides what follows."""
    assert [line for line in text.split("\n") if not line.replace("\t", " ").isprintable()] == []


def test_hostile_text_reaches_no_terminal(command: CommandLine, db: psycopg.Connection) -> None:
    product_id = shop(db, products=1)[0]
    db.execute("UPDATE products SET name = %s", (HOSTILE,))
    batch_id = batch(db, [1], status="failed", error_message=HOSTILE)
    db.execute(
        "INSERT INTO categorization_errors (batch_id, item, code, message) VALUES (%s, %s, %s, %s)",
        (batch_id, json.dumps(HOSTILE.replace("\x9b", "")), f"code{HOSTILE}", HOSTILE),
    )
    row = db.execute(
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label,"
        " confidence_score, confidence_level) VALUES (%s, %s, %s, %s, 50, 'low') RETURNING id",
        (product_id, batch_id, HOSTILE, HOSTILE),
    ).fetchone()
    assert row is not None
    db.execute(
        "INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)"
        " SELECT %(id)s, coalesce(t, 'name'), t, t, length(t) * 0.01 FROM (VALUES (%(text)s::text), (NULL)) AS v (t)",
        {"id": row[0], "text": HOSTILE},
    )
    for arguments, lines in [
        (["status"], None),
        (["status", str(batch_id)], None),
        (["doctor"], None),
        (["errors", str(batch_id)], 1),
        (["explain", str(row[0])], 5),
    ]:
        output = command(*arguments)
        assert output.code == 0
        assert_harmless(output.stdout)
        assert lines in (None, output.stdout.count("\n"))


def test_a_text_of_a_megabyte_does_not_fill_the_screen(command: CommandLine, db: psycopg.Connection) -> None:
    long = "x:boom:" * 150_000
    product_id = shop(db, products=1)[0]
    db.execute("UPDATE products SET name = %s", (long,))
    batch_id = batch(db, [1], status="failed", error_message=long)
    db.execute(
        "INSERT INTO categorization_errors (batch_id, item, code, message) VALUES (%s, to_jsonb(%s::text), %s, %s)",
        (batch_id, long, long, long),
    )
    row = db.execute(
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label)"
        " VALUES (%s, %s, %s, %s) RETURNING id",
        (product_id, batch_id, long, long),
    ).fetchone()
    assert row is not None
    db.execute(
        "INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value) VALUES (%s, 'name', %s, %s)",
        (row[0], long, long),
    )
    for arguments in (["status"], ["errors", str(batch_id)], ["explain", str(row[0])]):
        output = command(*arguments)
        assert output.code == 0
        assert len(output.stdout) < 3000
        assert "x:boom:x" in output.stdout, "what is shown is shown as it is"


def test_errors_lists_item_code_and_reason(command: CommandLine, db: psycopg.Connection, catalogd: Catalogd) -> None:
    batch_id = batch(db, ["abc", -1, 404, int("9" * 4000)])
    assert command("errors", str(batch_id)).stdout == ""
    assert catalogd("run", "--once").returncode == 0
    lines = command("errors", str(batch_id)).stdout.splitlines()
    rows = sorted(tuple(line.split("\t")) for line in lines)
    assert [(item[:10], code) for item, code, _ in rows] == [
        ('"abc"', "not_an_id"),
        ("-1", "not_an_id"),
        ("404", "unknown_product"),
        ("9999999999", "not_an_id"),
    ]
    assert all(len(line) < 400 for line in lines)


def test_errors_shows_a_number_that_python_will_not_read(command: CommandLine, db: psycopg.Connection) -> None:
    batch_id = batch(db, [])
    db.execute(
        "INSERT INTO categorization_errors (batch_id, item, code, message)"
        " VALUES (%s, repeat('9', 5000)::jsonb, 'not_an_id', 'no')",
        (batch_id,),
    )
    assert command("errors", str(batch_id)).stdout == f"{'9' * 200}\tnot_an_id\tno\n"


def test_explain_says_category_confidence_and_evidence(
    command: CommandLine, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    product_ids = shop(db, products=60, labelled=40)
    assert command("learn").stdout.startswith("learned model 1 from 40 products in 2 categories in ")
    batch(db, [product_ids[41]])
    assert catalogd("run", "--once").returncode == 0
    row = db.execute("SELECT id, confidence_score, confidence_level FROM predictions").fetchone()
    assert row is not None
    output = command("explain", str(row[0]))
    assert output.code == 0
    assert "steel hammer 42" in output.stdout
    assert f"Hammers (hammers), confidence {row[1]} ({row[2]}), pending" in output.stdout
    count = db.execute("SELECT count(*) FROM evidence WHERE weight <> 0").fetchone()
    assert count == (len(re.findall(r"^ +-?\d+\.\d % ", output.stdout, re.MULTILINE)),)
    others = [{"code": "saws", "label": "Hand saws", "probability": 12.5}, {"code": "x", "probability": 1}, "nonsense"]
    db.execute("UPDATE predictions SET alternatives = %s", (Jsonb(others),))
    assert "it might also be Hand saws (12.5 %), x (1 %)\n" in command("explain", str(row[0])).stdout


def test_learn_without_anything_to_learn_from_says_so(command: CommandLine, db: psycopg.Connection) -> None:
    shop(db, products=5)
    output = command("learn")
    assert_one_sentence(output, 1)
    assert "nothing to learn from" in output.stderr


def test_retry_and_cancel_say_what_they_did_and_who_asked(command: CommandLine, db: psycopg.Connection) -> None:
    batch_id = batch(db, [1], status="processing")
    assert_one_sentence(command("retry", str(batch_id)), 2)
    output = command("cancel", str(batch_id))
    assert (output.code, output.stdout) == (0, f"batch {batch_id} is cancelled\n")
    assert_one_sentence(command("cancel", str(batch_id)), 2)
    output = command("retry", str(batch_id))
    assert (output.code, output.stdout) == (0, f"batch {batch_id} is pending again\n")
    row = db.execute("SELECT status, retry_count, completed_at FROM categorization_batches").fetchone()
    assert row == ("pending", 1, None)
    audited = db.execute("SELECT action, actor_type FROM audit_log ORDER BY id").fetchall()
    assert audited == [("cancelled", "operator"), ("retried", "operator")]


def test_the_way_back_leads_to_earlier_releases_only(command: CommandLine, database: Database) -> None:
    refused = command("migrate", "--back-to", "9.9.9")
    assert_one_sentence(refused, 2)
    assert "9.9.9 is no earlier release; these are: 0.1.0" in refused.stderr
    with database.connect() as db:
        db.execute("INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999-of-a-newer-version')")
    refused = command("migrate", "--back-to", "0.1.0")
    assert_one_sentence(refused, 78)
    assert "only the catalogd that made 9999-of-a-newer-version can undo it" in refused.stderr


def test_migrate_says_what_it_applied(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch, empty_database: Database
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database.dsn)
    assert bare("migrate", "--with-stand-in").stdout.startswith("applied 0001-create-adoption-helpers, ")
    assert bare("migrate").stdout == "the schema is up to date\n"


def test_a_reader_that_goes_away_is_no_error(db: psycopg.Connection, catalogd: Catalogd) -> None:
    batch_id = batch(db, [])
    db.execute(
        "INSERT INTO categorization_errors (batch_id, item, code, message)"
        " SELECT %s, to_jsonb(i), 'x', repeat('y', 1000) FROM generate_series(1, 2000) AS i",
        (batch_id,),
    )
    with subprocess.Popen(
        [sys.executable, "-m", "daemon", "errors", str(batch_id)],
        env=catalogd.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("1\tx\t")
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_a_batch_is_retried_twice_at_most(command: CommandLine, db: psycopg.Connection) -> None:
    batch_id = batch(db, [1], status="failed", retry_count=1)
    assert command("retry", str(batch_id)).code == 0
    db.execute("UPDATE categorization_batches SET status = 'failed'")
    refused = command("retry", str(batch_id))
    assert_one_sentence(refused, 2)
    assert "twice at most" in refused.stderr
    assert read_batch(db, batch_id)["status"] == "failed"


def test_learn_says_what_became_of_it(command: CommandLine, db: psycopg.Connection) -> None:
    shop(db, products=300, labelled=300)
    first, second = command("learn"), command("learn", "--no-promote")
    assert (first.code, first.stderr, second.code, second.stderr) == (0, "", 0, "")
    assert re.fullmatch(
        r"learned model 1 from 300 products in 2 categories in \d+\.\d s\nit is in use: it is the first\n", first.stdout
    )
    assert "it is kept back: it was to be kept back\n" in second.stdout
    assert second.stdout.endswith("to use it all the same: catalogd models promote 2\n")
    found = json.loads(command("learn", "--json").stdout)
    assert (found["version"], found["products"], found["categories"]) == (3, 300, 2)
    assert found["promotion"]["promoted"] is True
    assert found["promotion"]["held_out"]["comparison"]["difference"] == 0
    assert found["judged"]["products"] == found["promotion"]["held_out"]["products"]


@pytest.mark.parametrize("name", ["learn", "evaluate"])
def test_a_source_that_is_not_there_is_refused_before_anything_is_learned(
    command: CommandLine, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shop(db, products=60, labelled=60)
    monkeypatch.setenv("CATALOGD_WITHOUT_SOURCES", "descriptions")
    output = command(name)
    assert_one_sentence(output, 78)
    assert "CATALOGD_WITHOUT_SOURCES: there is no source named descriptions" in output.stderr
    assert db.execute("SELECT count(*) FROM categorization_models").fetchone() == (0,)


def test_models_of_an_untouched_shop(command: CommandLine) -> None:
    assert command("models", "list").stdout == "nothing was learned yet: run catalogd learn\n"
    assert json.loads(command("models", "list", "--json").stdout) == []
    for arguments in [["promote", "1"], ["compare", "1", "2"]]:
        assert_one_sentence(command("models", *arguments), 2)
    assert_one_sentence(command("models", "rollback"), 1)


def test_models_are_listed_compared_promoted_and_rolled_back(command: CommandLine, db: psycopg.Connection) -> None:
    shop(db, products=300, labelled=300)
    for wish in [(), (), ("--no-promote",)]:
        assert command("learn", *wish).code == 0
    listed = command("models", "list")
    assert (listed.code, listed.stderr) == (0, "")
    states = re.findall(r"^ *(\d) .* (in use|replaced|kept back) *$", listed.stdout, re.MULTILINE)
    assert states == [("1", "replaced"), ("2", "in use"), ("3", "kept back")]
    assert "model 3 was kept back: it was to be kept back" in listed.stdout
    rows = json.loads(command("models", "list", "--json").stdout)
    assert [(row["version"], row["state"]) for row in rows] == [(int(version), state) for version, state in states]
    assert {"top1", "coverage", "precision", "calibration_error"} <= rows[0]["judged"].keys()

    compared = command("models", "compare", "1", "3")
    assert "products that both have judged, model 3 decides 0.00% more right" in compared.stdout
    figures = json.loads(command("models", "compare", "1", "3", "--json").stdout)
    assert (figures["a"]["version"], figures["b"]["version"]) == (1, 3)
    assert figures["comparison"]["p_value"] == 1

    assert command("models", "promote", "3").stdout == "model 3 is in use, no longer model 2\n"
    assert command("models", "promote", "3").stdout == "model 3 is in use\n"
    assert command("models", "rollback").stdout == "model 3 was taken back, model 2 is in use again\n"
    assert json.loads(command("models", "rollback", "--json").stdout) == {"current": 1, "before": 2}
    assert_one_sentence(command("models", "rollback"), 1)
    assert_one_sentence(command("models", "promote", str(2**70)), 2)


def test_a_version_of_a_catalogd_that_kept_no_figures_is_listed(command: CommandLine, db: psycopg.Connection) -> None:
    db.execute("INSERT INTO categorization_models (products, categories, report, content) VALUES (5, 2, '{}', '')")
    assert re.search(r"^ *1 .* in use *$", command("models", "list").stdout, re.MULTILINE)
    assert json.loads(command("models", "list", "--json").stdout)[0]["judged"] is None


def test_status_tells_of_duties(command: CommandLine, db: psycopg.Connection) -> None:
    db.execute(
        "INSERT INTO catalogd_duties (name, due_at, finished_at, failures, error) VALUES"
        " ('a.new', now() - interval '1 minute', NULL, 0, NULL),"
        " ('b.done', now() + interval '50 minutes', now() - interval '10 minutes', 0, NULL),"
        " ('c.failed', now() + interval '1 minute', NULL, 3, %s)",
        (HOSTILE,),
    )
    lines = command("status").stdout.splitlines()
    assert lines[0] == "no batch was ever inserted"
    assert lines[1] == "no instance is at work: systemctl start catalogd, or catalogd run"
    assert lines[2] == "duty a.new: not done yet, due now"
    assert re.fullmatch(r"duty b\.done: done 0:10:\d\d ago, due in 0:(50:00|49:\d\d)", lines[3])
    assert lines[4].startswith("duty c.failed: failed 3 times: a b")
    assert lines[4].isprintable()
    assert len(lines) == 5
    assert json.loads(command("status", "--json").stdout) == []
