"""Runs PHP scripts against a test's database, as the role that `catalogd grants` gives to PHP."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.roles import PHP as ROLE

PHP = shutil.which("php")
LIBRARIES = Path("/usr/share/php")  # where Debian's packages of PHP libraries lie
needs_php = pytest.mark.skipif(PHP is None, reason="php is not installed")


def source(database: Database, role: str = ROLE) -> str:
    """The way to the database, as PDO writes it."""
    return f"pgsql:host={database.server.host};port={database.server.port};dbname={database.name};user={role}"


def run_php(
    script: str | Path,
    dsn: str = "",
    options: dict[int, object] | None = None,
    include_path: str = "",
    **environment: str,
) -> str:
    """What a script, or a file, printed. It must end well, and warn of nothing."""
    assert PHP is not None
    settings = {"display_errors": "stderr", "error_reporting": "-1"}
    if include_path:
        settings["include_path"] = include_path
    given = [str(script)] if isinstance(script, Path) else []
    result = subprocess.run(
        [PHP, *(f"-d{name}={value}" for name, value in settings.items()), *given],
        input=None if given else str(script),
        env=os.environ | {"SHOP_DSN": dsn, "SHOP_OPTIONS": json.dumps(options or {})} | environment,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, ""), result.stdout[-2000:] + result.stderr
    return result.stdout


def needs(library: str, package: str) -> pytest.MarkDecorator:
    """Skips where a PHP library is not installed as Debian does it."""
    return pytest.mark.skipif(not (LIBRARIES / library).exists(), reason=f"{package} is not installed")
