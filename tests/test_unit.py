"""The systemd unit: agrees with the exit codes, the settings and systemd itself."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from daemon.database.pool import ANSWER_S
from daemon.engine.watch import LOOK_EVERY_S
from daemon.errors import ConfigurationError, DaemonError, SchemaMismatch, UsageError
from daemon.settings import Settings

UNIT = Path(__file__).parents[1] / "systemd" / "catalogd.service"


@pytest.fixture(scope="module")
def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"))
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


def test_a_daemon_that_hangs_is_replaced(unit: ConfigParser) -> None:
    assert seconds(unit["Service"]["WatchdogSec"]) >= 3 * (LOOK_EVERY_S + 2 * ANSWER_S)


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
    keeps it from running: no bound on memory or processes that a daemon alone would need."""
    service = unit["Service"]
    assert service["OOMPolicy"] == "continue"
    assert {"MemoryMax", "MemoryHigh", "TasksMax", "MemoryDenyWriteExecute", "SystemCallFilter"}.isdisjoint(service)
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


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", [UNIT.name, "catalogd-partition.service", "catalogd-partition.timer"])
def test_systemd_understands_every_line(tmp_path: Path, name: str) -> None:
    """Unknown keys and bad values still exit 0: only silence is good."""
    for unit in UNIT.parent.iterdir():  # a timer needs its service beside it
        text = unit.read_text(encoding="utf-8")
        fake = text.replace("/opt/catalogd/bin/catalogd", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(fake)
    copy = tmp_path / name
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
