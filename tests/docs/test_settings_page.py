"""docs/settings.md: made of the code, whole, and true about who reads what."""

import contextlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon import cli
from daemon.settings import SettingsGroup
from docs.generate.settings import GROUPS, read_fields, read_sections, write_settings
from tests.support.database import Database
from tests.support.page import ROOT
from tests.support.price_lists import write_list

pytestmark = pytest.mark.one_server  # its subject is a page

PAGE = ROOT / "docs" / "settings.md"
VARIABLES = {name: field for group in GROUPS for name, field in read_fields(group)}
SAID = {name: said for section in read_sections() for name, said in section["settings"].items()}
OF_THE_PAGE = ("", "_ORIGINS", "_DATABASE", "_TOKEN", "_TOKEN_FILE")
OF_THE_ENDURING = {  # who reads what, of those that go on until they are stopped; "run" without --once
    "CATALOGD_METRICS": {"run"},
    **{f"CATALOGD_WEB{name}": {"run", "web"} for name in OF_THE_PAGE},
}
OF_PARTS = {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER"}  # not read where DATABASE_URL is set, as here

COMMANDS = (
    "migrate",
    "learn --force-promote",
    "run --once",
    "models compare 3 4",
    "evaluate",
    "rules test --field name --pattern hammer --category hammers",
    "import catalogue.csv",
    "import-prices list.csv --supplier Acme --no-wait",
    "import-prices /srv/elsewhere/list.csv --supplier Acme --no-wait",
    "sync-suppliers",
    "status",
    "errors 42",
    "explain 1234",
    "precision",
    "retry 42",
    "cancel 42",
    "partition",
)


def test_the_page_is_what_the_code_says() -> None:
    assert write_settings() == PAGE.read_text(encoding="utf-8"), "out of date: make docs"


def test_every_setting_has_its_place_and_no_other() -> None:
    assert sorted(VARIABLES) == sorted(SAID), "docs/generate/settings.toml"
    for name, field in VARIABLES.items():
        assert field.description, name
        assert field.examples, name


@pytest.fixture
def readers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Database, capsys: pytest.CaptureFixture[str]
) -> dict[str, set[str]]:
    """Which commands read which variable; what each does is not this test's affair."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    sheet = write_list(tmp_path / "sheet.csv", "name;source_url", "Acme;https://example.com/list.csv")
    write_list(tmp_path / "list.csv", "sku;name;price", "A1;bolt;1")
    write_list(tmp_path / "catalogue.csv", "sku,name,category", "N1,new hammer,hammers")
    for name, value in {
        "DATABASE_URL": database.dsn,
        "STATE_DIRECTORY": str(tmp_path / "state"),
        "CATALOGD_SUPPLIERS_SHEET": str(sheet),
        "CATALOGD_PRICE_LIST_SOURCES": str(tmp_path),
        "CATALOGD_RETENTION_DAYS": "30",
    }.items():
        monkeypatch.setenv(name, value)
    found: dict[str, set[str]] = defaultdict(set)
    command = ""
    named = {
        (group, key): name
        for group in GROUPS
        for key, (name, _) in zip(group.model_fields, read_fields(group), strict=True)
    }

    def recorded(self: SettingsGroup, key: str) -> Any:
        if variable := named.get((type(self), key)):
            found[variable].add(command)
        return object.__getattribute__(self, key)

    monkeypatch.setattr(SettingsGroup, "__getattribute__", recorded, raising=False)
    configured = structlog.get_config()
    for line in COMMANDS:
        command, *arguments = line.split()
        with contextlib.suppress(SystemExit):
            cli.main([command, *arguments])
    structlog.configure(**configured)
    capsys.readouterr()
    return found


def test_commands_read_what_the_page_says(readers: dict[str, set[str]]) -> None:
    everyone = {line.split()[0] for line in COMMANDS}
    unseen = OF_PARTS | OF_THE_ENDURING.keys()
    told = {name: everyone if said["read_by"] == "all" else set(said["read_by"]) for name, said in SAID.items()}
    assert {name: readers[name] for name in told.keys() - unseen} == {name: told[name] for name in told.keys() - unseen}
    assert {name: told[name] for name in OF_THE_ENDURING} == OF_THE_ENDURING
