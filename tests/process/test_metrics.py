"""A real daemon lets itself be watched; every figure that documents, alerts and dashboard name is there."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from daemon.monitoring import survey
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.process import Catalogd, Process
from tests.support.proxy import Proxy
from tests.support.roles import runtime_dsn
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server

ROOT = Path(__file__).parents[2]
ALERTS = yaml.safe_load((ROOT / "monitoring/alerts.yml").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "monitoring/grafana.json").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
OF_PROMETHEUS = {"up": {"job", "instance"}}
ADDED_BY_IT = {"job", "instance"}  # labels that every series has once it is scraped
SERVED = "127.0.0.1:0"


@dataclass
class Exposed:
    """What the daemon served: families with their types, samples with the values of each label."""

    types: dict[str, str]
    samples: dict[str, dict[str, set[str]]]


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:  # our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def port_of(process: Process) -> int:
    port: int = process.wait_for("metrics.listening")["port"]
    return port


def figures(port: int) -> dict[str, float]:
    """Values by name and labels, as they are written."""
    _, text = get(port, "/metrics")
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.fixture(scope="module")
def exposed(server: PrivateServer, template: str) -> Exposed:
    """Of a daemon that has worked: batches with and without errors, and decisions on what was predicted."""
    database = Database.create(server, template=template)
    catalogd = Catalogd(database.dsn, daemon_dsn=runtime_dsn(database))
    with closing(catalogd), database.connect() as db:
        product_ids = shop(db, products=60, labelled=40)
        assert catalogd("learn").returncode == 0
        process = catalogd.start(CATALOGD_METRICS=SERVED)
        batch_id = batch(db, [*product_ids[40:], 999_999, "x"])
        process.wait_for("batch.completed", batch_id=batch_id)
        process.wait_for("duty.done")
        db.execute(
            "UPDATE predictions SET status = CASE WHEN product_id % 3 = 0 THEN 'rejected' ELSE 'approved' END,"
            " confidence_level = 'high'"
        )
        _, text = get(port_of(process), "/metrics")
        assert process.stop() == 0
    database.drop()
    found = Exposed({}, {})
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.types[name] = family.type
        for sample in family.samples:
            labels = found.samples.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


def test_every_figure_is_documented_with_its_type_and_labels(exposed: Exposed) -> None:
    rows = re.findall(r"^\| `(catalogd_\w+)` \| (\w+) \|([\w, ]*)\| ", DOCUMENT, re.MULTILINE)
    documented = {name: (kind, set(filter(None, labels.strip().split(", ")))) for name, kind, labels in rows}
    ours = {name: kind for name, kind in exposed.types.items() if name.startswith("catalogd_")}
    assert {name: kind for name, (kind, _) in documented.items()} == ours
    for name, (kind, labels) in documented.items():
        sample = f"{name}_count" if kind == "histogram" else name
        assert set(exposed.samples[sample]) == labels, name


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_what_is_there(exposed: Exposed, rule: dict[str, Any]) -> None:
    assert_there(exposed, rule["expr"])
    known = set().union(*(exposed.samples.get(name, ()) for name in names_in(rule["expr"]))) | ADDED_BY_IT
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= known
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
    assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_every_alert_is_documented() -> None:
    rows = dict(re.findall(r"^\| (Catalogd\w+) \| (\w+) \| ", DOCUMENT, re.MULTILINE))
    assert rows == {rule["alert"]: rule["labels"]["severity"] for rule in RULES}


@pytest.mark.skipif(not (ROOT / "docs/operations.md").exists(), reason="docs/operations.md is not there")
def test_every_alert_has_its_place_in_the_runbook() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    headings = {heading.strip().lower() for heading in re.findall(r"^#+ (\w+)$", text, re.MULTILINE)}
    anchors = headings | set(re.findall(r'id="([\w-]+)"', text))
    assert {rule["alert"].lower() for rule in RULES} <= anchors


def test_the_dashboard_asks_for_what_is_there(exposed: Exposed) -> None:
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    queries += [each["expr"] for each in DASHBOARD["annotations"]["list"]]
    queries += [re.sub(r", \w+\)$", ")", each["query"]["query"]) for each in DASHBOARD["templating"]["list"][1:]]
    assert len(queries) > 60
    for query in queries:
        assert_there(exposed, query)
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for query in queries for name in names_in(query)}
    hidden = {"catalogd_database_up", "catalogd_items_per_second"}  # the first is a stat, the second for people
    assert {name for name in exposed.types if name.startswith("catalogd_")} - hidden <= shown


def test_the_dashboard_is_laid_out_without_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def names_in(query: str) -> set[str]:
    """The series that a query asks for."""
    return set(re.findall(r"\b(?:catalogd|process|python)_\w+|\bup\b(?=\{)", query))


def assert_there(exposed: Exposed, query: str) -> None:
    names = names_in(query)
    assert names, query
    samples = exposed.samples | {name: {label: set() for label in labels} for name, labels in OF_PROMETHEUS.items()}
    for name in names:
        assert name in samples, f"{name} in {query}"
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", query):
        for label, operator, value in re.findall(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"', matchers):
            if label not in ADDED_BY_IT:
                assert label in samples[name], f"{label} of {name} in {query}"
                if operator in ("=", "!=") and not value.startswith("$"):
                    assert value in samples[name][label], f"{label}={value} of {name} in {query}"
    grouped = {label.strip() for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in group.split(",")}
    known = set().union(*(samples[name] for name in names)) | ADDED_BY_IT | {"le"}
    assert grouped <= known, query


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Prometheus, is not installed")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "monitoring/alerts.yml"), ("test", "rules", "tests/monitoring/alerts.test.yml")]
)
def test_promtool_finds_nothing_wrong_with_the_alerts(arguments: tuple[str, ...]) -> None:
    assert PROMTOOL is not None
    result = subprocess.run([PROMTOOL, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Prometheus, is not installed")
def test_promtool_finds_nothing_wrong_with_the_figures(db: psycopg.Connection, catalogd: Catalogd) -> None:
    assert PROMTOOL is not None
    process = catalogd.start(CATALOGD_METRICS=SERVED)
    _, text = get(port_of(process), "/metrics")
    result = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert process.stop() == 0


def test_it_is_ready_while_it_works_and_not_once_it_stops(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=3)
    db.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END';"
        "CREATE TRIGGER dawdle BEFORE INSERT ON predictions EXECUTE FUNCTION dawdle()"
    )
    process = catalogd.start(CATALOGD_METRICS=SERVED)
    port = port_of(process)
    assert get(port, "/readyz") == (200, "ready\n")
    batch_id = batch(db, product_ids)
    wait_until(lambda: db.execute("SELECT true FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone())
    process.signal(signal.SIGTERM)
    process.wait_for("daemon.stopping")
    assert get(port, "/readyz") == (503, "stopping\n")
    assert get(port, "/healthz") == (200, "alive\n")
    assert figures(port)["catalogd_ready"] == 0
    assert process.wait() == 0
    assert process.named("batch.completed")[0]["batch_id"] == batch_id
    with pytest.raises(urllib.error.URLError):
        get(port, "/readyz")


def test_a_second_instance_of_the_host_works_without_its_port(db: psycopg.Connection, catalogd: Catalogd) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = catalogd.start(CATALOGD_METRICS=address)
        told = process.wait_for("metrics.unavailable", level="warning")
        assert "CATALOGD_METRICS" in told["hint"]
        process.wait_for("batch.completed", batch_id=batch(db, []))
        assert process.stop() == 0


def test_who_does_what_is_open_and_ends_serves_nothing(db: psycopg.Connection, catalogd: Catalogd) -> None:
    result = catalogd("run", "--once", CATALOGD_METRICS=SERVED)
    assert result.returncode == 0
    assert "metrics." not in result.stdout


def test_a_scrape_while_the_database_is_away_is_answered_from_memory(database: Database) -> None:
    with (
        Proxy(runtime_dsn(database, tcp=True)) as proxy,
        closing(Catalogd(database.dsn, daemon_dsn=proxy.dsn)) as catalogd,
    ):
        process = catalogd.start(CATALOGD_METRICS=SERVED)
        port = port_of(process)
        proxy.refuse()
        process.wait_for("listener.lost")
        began = monotonic()
        found = figures(port)
        assert monotonic() - began < 5
        assert found["catalogd_database_up"] == found["catalogd_ready"] == 0
        assert found['catalogd_workers{workload="categorization"}'] == 2
        assert "catalogd_instances" not in found
        status, reason = get(port, "/readyz")
        assert status == 503
        assert reason.strip()
        assert get(port, "/healthz")[0] == 200
        proxy.resume()
        process.wait_for("listener.connected", count=2)
        wait_until(lambda: get(port, "/readyz")[0] == 200)
        assert process.stop() == 0


def test_however_often_it_is_scraped_the_database_is_asked_now_and_then(
    db: psycopg.Connection, catalogd: Catalogd
) -> None:
    process = catalogd.start(CATALOGD_METRICS=SERVED)
    port = port_of(process)
    began = monotonic()
    answers = {figures(port)["catalogd_survey_seconds"] for _ in range(20)}
    assert len(answers) <= 1 + (monotonic() - began) / survey.FRESH_S
    assert process.stop() == 0
