"""A process from the nursery is what one that was started anew would be."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.nursery import is_forkable, popen

pytestmark = pytest.mark.skipif(not is_forkable(os.environ), reason="here every process is started anew")

PROGRAM = "tests.support.mirror"
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@pytest.fixture(params=["forked", "anew"])
def prefix(request: pytest.FixtureRequest) -> list[str]:
    """Whatever a forked one tells, one with a prefix must tell, too: that is always started anew."""
    return ["env"] if request.param == "anew" else []


def see(process: Any, words: str = "") -> tuple[dict[str, Any], str]:
    out, err = process.communicate(words, timeout=50)
    return json.loads(out), err


def test_it_is_a_child_with_an_environment_and_files_of_its_own(prefix: list[str]) -> None:
    process = popen([PROGRAM, "7", "--x"], os.environ | {"SOME": "thing"}, prefix, **PIPES)
    seen, err = see(process, "words")
    assert process.returncode == 7
    assert (seen["pid"], seen["parent"]) == (process.pid, os.getpid())
    assert seen["environment"] == os.environ | {"SOME": "thing"}
    assert (seen["arguments"], seen["input"], err) == (["7", "--x"], "words", "ä")
    assert seen["directory"] == str(Path.cwd())


def test_the_projects_modules_are_read_by_itself(prefix: list[str]) -> None:
    seen, _ = see(popen([PROGRAM, "0"], os.environ, prefix, **PIPES))
    assert [name for name in seen["modules"] if name.split(".")[0] in ("daemon", "bench")] == []
    assert ("numpy" in seen["modules"]) == (not prefix)


def test_it_starts_where_the_test_is(prefix: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("import os; print(os.getcwd(), flush=True); os.abort()")
    process = popen(["own"], os.environ, prefix, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.communicate(timeout=50)[0] == f"{tmp_path}\n"
    assert process.returncode == -signal.SIGABRT


def test_a_signal_ends_it(prefix: list[str]) -> None:
    process = popen([PROGRAM, "0"], os.environ, prefix, **PIPES)  # waits for its input
    with process:
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_what_only_a_start_takes_notice_of_is_started_anew() -> None:
    assert is_forkable(os.environ | {"PYTHONUNBUFFERED": "1", "DATABASE_URL": "x"})
    for name in ("PYTHONFAULTHANDLER", "LD_PRELOAD", "LC_ALL", "TZ", "COVERAGE_PROCESS_START"):
        assert not is_forkable(os.environ | {name: "1"})


def test_what_one_has_compiled_the_next_finds(prefix: list[str]) -> None:
    seen, _ = see(popen([PROGRAM, "0"], os.environ, prefix, **PIPES))
    assert seen["keeps bytecode"]
