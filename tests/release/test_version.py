"""The version stands in one place, and everything that tells it reads it there."""

import re
import tomllib
from pathlib import Path

import pytest

from daemon import __version__
from daemon.cli import main
from daemon.database.schema import LAST_OF
from tests.support.previous import VERSION as PREVIOUS
from tests.support.published import Published

ROOT = Path(__file__).parents[2]
RELEASED = re.compile(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", re.MULTILINE)


def test_the_packages_are_named_by_it(published: Published) -> None:
    assert published.sdist.name == f"catalogd-{__version__}.tar.gz"
    assert published.wheel.name == f"catalogd-{__version__}-py3-none-any.whl"


def test_the_command_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"catalogd {__version__}\n")


def test_it_stands_nowhere_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "daemon.__version__"}
    sources = [*(ROOT / "daemon").rglob("*.py"), *(ROOT / "systemd").iterdir()]
    told = [path for path in sources if __version__ in path.read_text(encoding="utf-8")]
    assert told == [ROOT / "daemon" / "__init__.py"]


def test_the_changelog_knows_it() -> None:
    """A version under way stands under Unreleased, one that is released has its own heading, the newest first."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = RELEASED.findall(changelog)
    newest = released[0]
    assert set(released) - {__version__} == LAST_OF.keys(), "there is a way back to each of them"
    base, _, is_under_way = __version__.partition(".dev")
    if is_under_way:
        assert f"## Unreleased\n\nWhat will be {base}." in changelog
        assert newest == PREVIOUS
    else:
        assert newest == base
