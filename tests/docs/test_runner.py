"""A page that says what is not so is found out."""

from pathlib import Path

import psycopg
import pytest

from tests.support.page import Block, PageError, is_as_expected, read_blocks
from tests.support.scene import Scene

pytestmark = pytest.mark.one_server  # its subject is the runner of the pages


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def read(page: Path, *lines: str) -> list[Block]:
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_blocks(page)


def test_blocks_are_read_with_what_is_said_of_them(page: Path) -> None:
    given = ("# Title", "<!-- for whoever edits this -->", "", "<!-- as: catalogd_operator -->", "```sql", "SELECT 1;")
    sql, sh = read(
        page, *given, "```", "prints", "```text", "1", "```", "1. so:", "   ```sh", "   ls \\", "     -l", "   ```"
    )
    assert (sql.language, sql.line, sql.text, sql.expected) == ("sql", 5, "SELECT 1;\n", "1\n")
    assert sql.notes == {"as": "catalogd_operator"}
    assert (sh.text, sh.notes, sh.expected) == ("ls \\\n  -l\n", {}, None)


@pytest.mark.parametrize(
    "lines",
    [
        ("<!-- not runn: because -->", "```sh", "ls", "```"),
        ("<!-- not run -->", "```sh", "ls", "```"),
        ("<!-- not run: because -->", "no block follows"),
        ("```json", "{}", "```", "```text", "nobody prints this", "```"),
    ],
)
def test_a_note_that_is_not_understood_is_refused(page: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(PageError):
        read(page, *lines)


@pytest.mark.parametrize(
    ("expected", "is_so"),
    [
        ("a  b\nc", True),
        ("c", True),
        ("c\na b", False),
        ("a …\n… d", True),
        ("a", False),
        ("a (b)", False),
        ("c d\n", True),
    ],
)
def test_what_is_printed_is_compared_line_by_line(expected: str, is_so: bool) -> None:
    assert is_as_expected(expected, "first\na b\nbetween\nc\nc d\n") is is_so


def test_a_reader_would_be_led_astray(page: Path, scene: Scene) -> None:
    """Each of these blocks fails, and the next one begins where it ended."""
    wrong = {
        "sh": [
            "catalogd status 41",
            "catalogd statsu",
            "no-such-program",
            "echo $UNSET",
            "false | cat",
            "cat missing.csv",
        ],
        "sql": ["UPDATE predictions SET status = 'approved' WHERE id = 1", "SELECT 1 WHERE false"],
        "python": ["raise SystemExit(1)"],
    }
    for language, texts in wrong.items():
        for text in texts:
            with pytest.raises(AssertionError):
                scene.run(Block("page", 1, language, text, {}))
    for text in ("SELECT * FROM batch_slices", "DELETE FROM audit_log", "SELEKT 1"):  # PHP may not, or nobody can
        with pytest.raises(psycopg.Error):
            scene.run(Block("page", 1, "sql", text, {}))
    with pytest.raises(AssertionError, match="this was printed"):
        scene.run(Block("page", 1, "sh", "echo 1", {}, "2"))
    with pytest.raises(pytest.fail.Exception):
        scene.run(Block("page", 1, "sql", "SELECT 1", {"refused": "permission denied"}))


def test_what_a_block_leaves_the_next_one_finds(scene: Scene) -> None:
    scene.run(Block("page", 1, "sh", "mkdir lists && cd lists && export CATALOGD_WORKERS=0", {}))
    scene.run(Block("page", 2, "sh", "pwd; catalogd status", {"exit code": "78"}, "…/lists\n… CATALOGD_WORKERS: …"))
    scene.run(
        Block(
            "page",
            3,
            "sh",
            "unset CATALOGD_WORKERS; catalogd run; catalogd status 42 --json",
            {},
            '…"status": "completed"…',
        )
    )
    scene.run(
        Block(
            "page",
            4,
            "sql",
            "INSERT INTO categorization_batches (product_ids) VALUES ('[1, 2]') RETURNING id AS order",
            {},
        )
    )
    found = "SELECT status, success_products FROM categorization_batches WHERE id = :order"
    scene.run(Block("page", 5, "sql", found, {}, "status | success_products\ncompleted | 2\n(1 row)"))
    scene.run(
        Block("page", 6, "sql", "SELECT id AS prediction FROM predictions WHERE batch_id = :order ORDER BY id", {})
    )
    for _ in range(2):
        scene.run(Block("page", 7, "sql", "UPDATE predictions SET status = 'approved' WHERE id = :prediction", {}))
    approved = "SELECT count(*) FROM predictions WHERE batch_id = :order AND status = 'approved'"
    scene.run(Block("page", 8, "sql", approved, {}, "count\n2"))
