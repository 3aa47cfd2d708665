"""One check at a time, against a real server."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.commands.trouble import explain
from daemon.doctor.check import Check, Finding
from daemon.doctor.checks import connection, schema, settings
from daemon.doctor.examination import examine
from daemon.doctor.patient import Patient
from daemon.settings import environment_names
from daemon.workloads.registry import REGISTRY, settings_groups
from tests.commands.conftest import command
from tests.support.database import Database

__all__ = ["Examine", "command", "environment", "find"]

Examine = Callable[..., list[Finding]]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Database) -> pytest.MonkeyPatch:
    """Nothing of ours is set but the way to the test's database."""
    for name in list(os.environ):
        if name.startswith("CATALOGD_") or any(name in environment_names(group) for group in settings_groups()):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.dsn)
    monkeypatch.setenv("CATALOGD_PRICE_LIST_FOLDER", str(tmp_path / "shelf"))
    return monkeypatch


@pytest.fixture
def find(environment: pytest.MonkeyPatch) -> Examine:
    """What a check finds, after those that it depends on."""

    def run(check: Check, dsn: str | None = None) -> list[Finding]:
        if dsn is not None:
            environment.setenv("DATABASE_URL", dsn)
        patient = Patient(environ=os.environ, kinds=[entry.describe() for entry in REGISTRY])
        first = [each for each in (settings.CHECK, connection.CHECK, schema.CHECK) if each is not check]
        wanted = [*first[: int(check.needs)], check]
        return list(list(examine(patient, wanted, explain))[-1].findings)

    return run
