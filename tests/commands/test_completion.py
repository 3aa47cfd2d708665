"""Completion in a real shell: commands, options, choices and files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from daemon import cli

BASH = shutil.which("bash")
WORDS = """
source "$1"; shift
complete -p catalogd >/dev/null || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
"$(complete -p catalogd | sed 's/.*-F \\([^ ]*\\).*/\\1/')" catalogd
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(capsys: pytest.CaptureFixture[str], shell: str) -> str:
    assert cli.main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_bash_completes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "catalogd.bash"
    file.write_text(script(capsys, "bash"), encoding="utf-8")
    (tmp_path / "bolts.csv").touch()

    def complete(*words: str) -> list[str]:
        command = [str(BASH), "--norc", "-c", WORDS, "bash", str(file), "catalogd", *words]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert result.stderr == ""
        return result.stdout.split()

    assert complete("sta") == ["status"]
    assert set(complete("")) >= set(cli.COMMANDS)
    assert complete("status", "--of", "") == ["categorization", "price-lists"]
    assert "--watch" in complete("status", "--")
    assert complete("models", "pro") == ["promote"]
    assert complete("import", "bol") == ["bolts.csv"]
    assert complete("completion", "z") == ["zsh"]


@pytest.mark.parametrize(("shell", "beginning"), [("zsh", "#compdef catalogd"), ("tcsh", "# AUTOMATICALLY GENERATED")])
def test_other_shells_have_a_script(capsys: pytest.CaptureFixture[str], shell: str, beginning: str) -> None:
    text = script(capsys, shell)
    assert text.startswith(beginning)
    assert "price-lists" in text
    program = shutil.which(shell)
    if program is not None:
        assert subprocess.run([program, "-n"], input=text, text=True, check=False).returncode == 0
