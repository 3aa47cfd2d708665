"""The systemd unit: agrees with the exit codes, the settings and systemd itself."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from daemon.engine.life import PIECE_S
from daemon.engine.supervisor import LEAVE_PATIENCE_S
from daemon.errors import ConfigurationError, DaemonError, SchemaMismatch, UsageError
from daemon.settings import Settings

FOLDER = Path(__file__).parents[1] / "systemd"
UNIT = FOLDER / "catalogd.service"
INSTANCE = FOLDER / "catalogd@.service"
UNITS = (UNIT.name, INSTANCE.name, "catalogd-partition.service", "catalogd-partition.timer")
EXPOSURE = 9  # tenths

needs_systemd_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture(scope="module")
def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"), strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]  # keys keep their case
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser


def seconds(value: str) -> float:
    assert value.endswith("s")
    return float(value.removesuffix("s"))


def test_the_daemon_says_itself_when_it_is_ready(unit: ConfigParser) -> None:
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"
    program, command = service["ExecStart"].split()
    assert program.startswith("/")
    assert program.endswith("/bin/catalogd")
    assert command == "run"


def test_restarts_after_a_crash_but_not_where_only_a_person_can_help(unit: ConfigParser) -> None:
    service = unit["Service"]
    assert service["Restart"] == "always"
    assert seconds(service["RestartSec"]) <= 5
    hopeless = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert hopeless == {UsageError.exit_code, ConfigurationError.exit_code, SchemaMismatch.exit_code} == {2, 78}
    assert DaemonError.exit_code not in hopeless
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_a_thread_that_hangs_is_noticed_and_the_daemon_stopped_before_systemd_loses_patience(
    unit: ConfigParser,
) -> None:
    service, defaults = unit["Service"], Settings.model_fields
    noticed_s = 2 * defaults["frozen_seconds"].default + 2 * PIECE_S
    assert seconds(service["WatchdogSec"]) >= noticed_s + LEAVE_PATIENCE_S
    assert seconds(service["TimeoutAbortSec"]) <= 10  # nothing can be saved of one that the watchdog ends


def test_a_reload_is_a_signal_to_the_daemon_alone(unit: ConfigParser) -> None:
    """Not Type=notify-reload, which systemd has from 253 on."""
    assert unit["Service"]["ExecReload"] == "kill -HUP $MAINPID"


def test_stop_leaves_time_for_the_slices_in_hand(unit: ConfigParser) -> None:
    service = unit["Service"]
    assert seconds(service["TimeoutStopSec"]) >= 2 * Settings.model_fields["stop_seconds"].default
    assert service["KillMode"] == "mixed"
    assert "KillSignal" not in service


def test_password_is_offered_under_the_name_the_settings_read(tmp_path: Path) -> None:
    loads = [line for line in UNIT.read_text(encoding="utf-8").splitlines() if "LoadCredential=" in line]
    assert [line.partition("=")[0] for line in loads] == ["#LoadCredential"]
    name = loads[0].partition("=")[2].partition(":")[0]
    (tmp_path / name).write_text("secret\n")
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        DB_NAME="shop",
        CREDENTIALS_DIRECTORY=tmp_path,
    )
    assert "password=secret" in settings.conninfo


def test_environment_file_may_be_missing(unit: ConfigParser) -> None:
    assert unit["Service"]["EnvironmentFile"].startswith("-/etc/catalogd/")


def test_runs_without_rights(unit: ConfigParser) -> None:
    service = unit["Service"]
    assert service["DynamicUser"] == "yes"
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} == set(service["RestrictAddressFamilies"].split())


def test_a_crash_leaves_no_memory_behind(unit: ConfigParser) -> None:
    assert unit["Service"]["LimitCORE"] == "0"


def test_the_process_that_learns_may_run_out_of_memory_alone(unit: ConfigParser) -> None:
    """It has made itself the first to go; by default systemd would stop the unit with it. And nothing else in the unit
    keeps it from running: no bound on memory or processes that a daemon alone would need. (That it learns behind the
    filter of system calls is seen in tests/systemd.)"""
    service = unit["Service"]
    assert service["OOMPolicy"] == "continue"
    assert {"MemoryMax", "MemoryHigh", "TasksMax"}.isdisjoint(service)
    assert service["NotifyAccess"] == "main"
    assert service["KillMode"] == "mixed"


def test_partitions_are_seen_to_by_the_owner_and_never_cut_short() -> None:
    text = (UNIT.parent / "catalogd-partition.service").read_text(encoding="utf-8")
    assert "ExecStart=/opt/catalogd/bin/catalogd partition\n" in text
    assert "Type=oneshot\n" in text
    assert "User=catalogd_owner\n" in text
    assert "TimeoutStartSec=infinity\n" in text
    hardening = UNIT.read_text(encoding="utf-8").partition("NoNewPrivileges")[2].partition("[Install]")[0].strip()
    assert hardening in text


def test_an_instance_differs_in_its_name_and_its_settings_alone() -> None:
    """But for the comments."""
    own = {"Description", "EnvironmentFile"}

    def lines(path: Path) -> list[str]:
        text = path.read_text(encoding="utf-8")
        return [line for line in text.splitlines() if line and line[0] != "#" and line.partition("=")[0] not in own]

    assert lines(INSTANCE) == lines(UNIT)
    files = [line for line in INSTANCE.read_text(encoding="utf-8").splitlines() if line.startswith("EnvironmentFile=")]
    assert files == [
        "EnvironmentFile=-/etc/catalogd/catalogd.env",
        "EnvironmentFile=-/etc/catalogd/catalogd-%i.env",  # the later goes before
    ]


@needs_systemd_analyze
@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_nothing_is_open_that_need_not_be(name: str) -> None:
    """What is left: addresses of the internet, though only this machine's, and the socket that systemd listens on."""
    analyze = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}"]
    result = subprocess.run([*analyze, str(FOLDER / name)], capture_output=True, check=False, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Overall exposure level" in result.stdout


def test_drop_ins_say_in_which_section_they_stand() -> None:
    """As text of a section that is none of theirs systemd would pass over them."""
    for path in FOLDER.glob("*.conf"):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
        assert lines[0] == "[Service]"
        assert len(lines) > 1


@needs_systemd_analyze
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_every_line(tmp_path: Path, name: str) -> None:
    """Unknown keys and bad values still exit 0: only silence is good."""
    for unit in UNIT.parent.iterdir():  # a timer needs its service beside it
        text = unit.read_text(encoding="utf-8")
        fake = text.replace("/opt/catalogd/bin/catalogd", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(fake)
        if unit.suffix == ".conf":  # as a drop-in of each
            for service in (UNIT.name, INSTANCE.name, "catalogd-partition.service"):
                folder = tmp_path / f"{service}.d"
                folder.mkdir(exist_ok=True)
                (folder / unit.name).write_text(text)
    copy = tmp_path / name
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
