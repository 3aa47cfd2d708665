"""The command line in this process: a real database, no second of start-up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from daemon import cli
from daemon.settings import environment_names
from daemon.workloads.price_lists.settings import PriceListSettings
from tests.support.database import Database

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], database: Database
) -> Command:
    """Runs `catalogd`, pointed at the test's database and a folder of its own: exit code, output, errors."""
    for name in (*environment_names(), *environment_names(PriceListSettings)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("DATABASE_URL", database.dsn)
    monkeypatch.setenv("CATALOGD_PRICE_LIST_FOLDER", str(tmp_path / "shelf"))

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as ending:
            code = int(ending.code or 0)
        return code, *capsys.readouterr()

    return run
