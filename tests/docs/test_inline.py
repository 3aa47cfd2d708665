"""What stands in backticks: each `catalogd …` is one that the program understands, each SQL statement one that the
server does; and each link leads somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import ExecStatus

from daemon import cli
from docs.generate.settings import GROUPS, read_fields
from tests.support.page import PAGES, ROOT, read_blocks, short_name

pytestmark = pytest.mark.one_server  # its subject are the words of the pages

TEXTS = [*PAGES, ROOT / "SECURITY.md"]
LINKED = [*TEXTS, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs" / "adr").glob("*.md"))]
FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
KEYWORDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "ALTER", "CREATE", "GRANT", "WITH", "LISTEN", "NOTIFY", "VACUUM")
PLACEHOLDER = re.compile(r"[A-Z_]+")
NAME = re.compile(r"[a-z][a-z-]*")
CUT_SHORT = ["performance.md"]  # its tables show the first signs of the daemon's own statements
BEFORE = re.compile(r"\w+=.*|sudo|do|then|exec|time")  # what may stand before the name of a program
ENDS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "(", ")"}


def inline(page: Path) -> Iterator[str]:
    """What stands in backticks outside of blocks."""
    for _, text in INLINE.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        yield " ".join(text.split())


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each `catalogd` in a line of shell."""
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    found: list[str] | None = None
    is_first = True
    for word in words:
        if word in ENDS:
            if found is not None:
                yield found
            found, is_first = None, True
        elif found is not None:
            found.append(word)
        elif is_first and (word == "catalogd" or word.endswith("/bin/catalogd")):
            found = []
        else:
            is_first = is_first and bool(BEFORE.fullmatch(word))
    if found is not None:
        yield found


def lines_of_blocks(page: Path) -> Iterator[str]:
    for block in read_blocks(page) if page in PAGES else ():
        if block.language == "sh":
            yield from block.text.replace("\\\n", " ").splitlines()
        elif not block.language:
            yield from (line[2:] for line in block.text.splitlines() if line.startswith("$ "))


@pytest.mark.parametrize("page", TEXTS, ids=short_name)
def test_each_command_is_one_that_the_program_understands(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "_act", lambda options: 0)
    lines = [text for text in inline(page) if text.startswith("catalogd ")] + list(lines_of_blocks(page))
    for line in lines:
        for arguments in commands(line):
            if "…" in arguments:  # not the whole of it
                continue
            given = ["1" if PLACEHOLDER.fullmatch(word) else word for word in arguments]
            code = run(*given)
            if code and all(NAME.fullmatch(word) for word in given):  # it is only named
                capsys.readouterr()
                run(*given, "--help")
                code = given[-1] not in capsys.readouterr().out.partition("\n")[0]
            assert not code, f"{page.name}: {line}\n{capsys.readouterr().err}"


def run(*arguments: str) -> int:
    try:
        return cli.main(arguments)
    except SystemExit as ending:
        return int(ending.code or 0)


@pytest.mark.parametrize("page", TEXTS, ids=short_name)
def test_each_setting_and_each_target_of_make_exists(page: Path) -> None:
    settings = {name for group in GROUPS for name, _ in read_fields(group)}
    assert set(re.findall(r"\bCATALOGD_[A-Z_]+", page.read_text(encoding="utf-8"))) <= settings
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in [*inline(page), *lines_of_blocks(page)]:
        if target := re.match(r"make ([a-z-]+)", line):
            assert re.search(rf"^{target[1]}:", makefile, re.MULTILINE), f"{short_name(page)}: {line}"


def statements(page: Path) -> list[str]:
    """The inline SQL that is whole."""
    found = [text for text in inline(page) if text.startswith(KEYWORDS) and len(text.split()) > 2 and "…" not in text]
    return found if page.name not in CUT_SHORT else []


@pytest.mark.parametrize("page", list(filter(statements, TEXTS)), ids=short_name)
def test_each_statement_is_one_that_the_server_understands(page: Path, db: psycopg.Connection) -> None:
    for text in statements(page):
        numbered = re.sub(r"(?<!:):[a-z_]+", "NULL", text)
        result = db.pgconn.prepare(b"", numbered.encode())
        assert result.status == ExecStatus.COMMAND_OK, f"{page.name}: {text}\n{result.error_message.decode()}"


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    found: dict[str, int] = {}
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for heading in re.findall(r"^#{1,6} (.*?)\s*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    repeated = {f"{slug}-{number}" for slug, count in found.items() for number in range(1, count + 1)}
    return found.keys() | repeated | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


@pytest.mark.parametrize("page", LINKED, ids=short_name)
def test_each_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", FENCED.sub("", page.read_text(encoding="utf-8")))
    for target in re.findall(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)|<img[^>]*src=\"([^\"]+)\"", text):
        link = "".join(target)
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT), f"{page.name}: {link} leads out of the repository"
        assert file.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(file), f"{page.name}: {link} has no such heading"


@pytest.mark.parametrize("page", TEXTS, ids=short_name)
def test_each_file_that_is_named_is_there(page: Path) -> None:
    for text in inline(page):
        if re.fullmatch(r"(docs|daemon|bench|tests|systemd|php)/[\w./-]+\.(md|sql|py|svg|service|timer|php)", text):
            assert (ROOT / text).exists(), f"{page.name}: {text}"


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in PAGES if page.parent.name == "docs"} - {"README.md"}
    assert sorted(page for page in pages if f"({page})" not in index) == []
