"""What users install works outside the checkout: the wheel, in an environment of its own, against a real database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from daemon import __version__
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd
from tests.support.published import Published

PIPX = shutil.which("pipx")


@pytest.fixture(scope="module")
def environment(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel, and sees the libraries of ours, but not our checkout."""
    directory = tmp_path_factory.mktemp("installed") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    pip = [sys.executable, "-m", "pip", "--python", directory / "bin" / "python", "--quiet"]
    only = ["install", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, *only, published.wheel], check=True)
    lend_libraries(directory)
    return directory


def lend_libraries(directory: Path) -> None:
    """Let an environment see our libraries: nothing is fetched, and our checkout is no library."""
    (packages,) = directory.glob("lib/python3*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")


def run(
    program: Path, *arguments: str, env: Mapping[str, str], cwd: Path, check: bool = True
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in env.items() if not name.startswith("PYTHON")}
    return subprocess.run([program, *arguments], env=clean, cwd=cwd, check=check, capture_output=True, text=True)


def test_it_is_not_the_checkout(environment: Path, tmp_path: Path) -> None:
    script = "import daemon; print(daemon.__file__)"
    where = run(environment / "bin" / "python", "-c", script, env=os.environ, cwd=tmp_path).stdout
    assert where.startswith(str(environment))
    told = run(environment / "bin" / "catalogd", "--version", env=os.environ, cwd=tmp_path).stdout
    assert told == f"catalogd {__version__}\n"


@pytest.mark.one_server
def test_it_migrates_and_treats_a_batch(environment: Path, empty_database: Database, tmp_path: Path) -> None:
    env = Catalogd(empty_database.dsn).environment
    catalogd = environment / "bin" / "catalogd"
    migrated = run(catalogd, "migrate", "--with-stand-in", env=env, cwd=tmp_path)
    assert migrated.stdout.startswith("applied 0001-create-adoption-helpers, ")
    with psycopg.connect(empty_database.dsn, autocommit=True) as db:
        product_ids = shop(db, products=3)
        batch_id = batch(db, product_ids)
        run(catalogd, "run", "--once", env=env, cwd=tmp_path)
        assert_settled(db, batch_id, product_ids)


def test_what_belongs_to_no_module_is_in_its_share(environment: Path) -> None:
    assert (environment / "share" / "catalogd" / "systemd" / "catalogd.service").is_file()
    assert (environment / "share" / "catalogd" / "roles.sql").is_file()


def test_it_prints_the_script_that_makes_it_a_service(environment: Path, tmp_path: Path) -> None:
    """Of a text from the package, and one from its share."""
    script = run(environment / "bin" / "catalogd", "install", "--print", env={}, cwd=tmp_path).stdout
    assert f"\ncatalogd={environment}/bin/catalogd\nlay() {{\n" in script
    assert "\n[Service]\n" in script


@pytest.mark.skipif(PIPX is None, reason="pipx is not installed")
def test_pipx_installs_it(published: Published, tmp_path: Path) -> None:
    """With its libraries from the index, as pipx insists on them."""
    homes = {"PIPX_HOME": "home", "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man"}
    env = os.environ | {name: str(tmp_path / folder) for name, folder in homes.items()}
    assert PIPX is not None
    run(Path(PIPX), "install", "--python", sys.executable, str(published.wheel), env=env, cwd=tmp_path)
    told = run(tmp_path / "bin" / "catalogd", "--version", env=os.environ, cwd=tmp_path).stdout
    assert told == f"catalogd {__version__}\n"
