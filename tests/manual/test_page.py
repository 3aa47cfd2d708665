"""The manual page: it is that of these commands and settings, and troff has nothing to complain of."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon import cli
from daemon.cli import build_parser
from daemon.manual.page import write_page
from daemon.manual.roff import escape, paragraphs
from daemon.settings import environment_names
from daemon.workloads.registry import settings_groups

PAGE = Path(__file__).parents[2] / "man" / "catalogd.1"


def rendered(source: str) -> str:
    """As a reader sees it, without its emphasis."""
    result = subprocess.run(
        ["groff", "-mandoc", "-ww", "-Tutf8", "-rLL=200n", "-P-c"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    plain = re.sub(r".\x08", "", result.stdout)
    return plain.replace("\N{HYPHEN}", "-").replace("\N{MINUS SIGN}", "-")


def test_it_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="ascii") == write_page(build_parser(), settings_groups()), "run: make man"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_troff_reads_it_without_a_warning_and_it_says_everything() -> None:
    text = rendered(PAGE.read_text(encoding="ascii"))
    for name in cli.COMMANDS:
        assert re.search(rf"^ +catalogd {name}\b", text, re.MULTILINE), name
        assert re.search(rf"^   {name}\b", text, re.MULTILINE), name
    for group in settings_groups():
        for name in environment_names(group):
            assert re.search(rf"^       {name}\b", text, re.MULTILINE), name
    headings = re.findall(r"^[A-Z][A-Z ]+$", text, re.MULTILINE)
    assert headings == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "SIGNALS", "FILES"),
        *("EXAMPLES", "SEE ALSO"),
    ]
    assert "catalogd run [--once] [--workers N]" in text
    assert "catalogd tail ID [--of categorization|price-lists] [--json]" in text
    assert r"--pattern '\bhammer'" in text
    assert "--child-of" not in text, "what is the daemon's own is nobody's to type"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("text", [".SH x", "'br", "\\fBx", "a\n.b\n'c", "-5 `x` … 'q' \\n(.$"])
def test_a_text_is_never_a_command(text: str) -> None:
    written = rendered(f'.TH X 1 "" x\n.SH X\n.nf\n{escape(text)}\n.fi\n')
    assert all(line in written for line in text.splitlines())


def test_paragraphs_stay_paragraphs_and_columns_stay_columns() -> None:
    assert list(paragraphs("One `two`\nthree.\n\nbash:  a\nzsh:   b\n")) == [
        "One \\fBtwo\\fR three.",
        ".PP",
        ".nf",
        "bash:  a\nzsh:   b",
        ".fi",
    ]
