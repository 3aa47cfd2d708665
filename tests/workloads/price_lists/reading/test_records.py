"""Records are cut from lines; a quote that is never closed costs its own line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.reading import records
from daemon.workloads.price_lists.reading.dialect import Dialect, detect_dialect
from daemon.workloads.price_lists.reading.records import BLOCK, LONGEST, blocks_of

SEMICOLON = Dialect(";")


def cut(text: str, width: int = 3, dialect: Dialect = SEMICOLON) -> tuple[list[tuple[int, list[str]]], list[int]]:
    """Rows with their numbers, blank ones left out, and the numbers of bad lines."""
    good, bad = [], []
    for block in blocks_of(iter(io.StringIO(text)), dialect, width):
        good += [(number, list(row)) for number, row in zip(block.numbers, block.rows, strict=True) if row]
        bad += [line.number for line in block.bad]
    return good, bad


def test_lines_and_cells():
    assert cut('a;b;c\n\n1;"x;y";3\n4;5;6') == (
        [(1, ["a", "b", "c"]), (3, ["1", "x;y", "3"]), (4, ["4", "5", "6"])],
        [],
    )


def test_a_cell_over_several_lines():
    assert cut('a;b;c\n1;"x\ny, z\n";3\n4;5;6\n') == (
        [(1, ["a", "b", "c"]), (2, ["1", "x\ny, z\n", "3"]), (5, ["4", "5", "6"])],
        [],
    )
    assert cut('a;b;c\n1;2;"x\n"\n4;5;6\n')[0][1:] == [(2, ["1", "2", "x\n"]), (4, ["4", "5", "6"])]


@pytest.mark.parametrize(
    "text",
    [
        'a;b;c\n1;"19 inch;3\n4;5;6\n7;8;9\n',
        'a;b;c\n1;"19 inch;3\n4;5;6\n7;"8;9\n',
        'a;b;c\n1;"19 inch;3\n4;"5";6\n7;8;9\n',
        'a;b;c\n1;2;"3\n4;5;6\n7;8;9',
    ],
)
def test_a_quote_that_is_not_closed_costs_its_line(text):
    good, bad = cut(text)
    assert bad[0] == 2
    assert (3, ["4", "5", "6"]) in good


def test_an_open_quote_does_not_swallow_a_long_file():
    lines = [f"{number};name {number};5\n" for number in range(20 * BLOCK)]
    lines[7] = '7;"19 inch;5\n'
    lines[15_000] = '15000;"21 inch;5\n'
    good, bad = cut("".join(lines))
    assert bad == [8, 15_001]
    assert len(good) == len(lines) - 2


def test_many_open_quotes_cost_little(monkeypatch):
    seen = 0
    original = Dialect.reader

    def counting(self, lines, **options):
        nonlocal seen
        seen += 1
        return original(self, lines, **options)

    monkeypatch.setattr(records.Dialect, "reader", counting)
    good, bad = cut('1;"19 inch;5\n' * 3000)
    assert len(good) + len(bad) == 3000
    assert seen < 10_000


def test_a_cell_longer_than_the_limit_is_no_cell():
    text = '1;"' + "x\n" * (LONGEST + 50) + '";3\n4;5;6\n'
    good, bad = cut(text)
    assert bad[0] == 1
    assert good[-1][1] == ["4", "5", "6"]


def test_an_open_quote_holds_back_few_lines():
    taken = 0

    def lines():
        nonlocal taken
        for line in ['1;"19 inch;5\n', *["x\n"] * (10 * BLOCK)]:
            taken += 1
            yield line

    given = 0
    for block in blocks_of(lines(), SEMICOLON, 3):
        given += len(block.numbers) + len(block.bad)
        assert taken - given <= BLOCK + LONGEST


def test_a_cell_across_blocks():
    text = "1;2;3\n" * (BLOCK - 2) + '4;"x\ny\nz";6\n' + "7;8;9\n" * 5
    good, bad = cut(text)
    assert not bad
    assert good[BLOCK - 2] == (BLOCK - 1, ["4", "x\ny\nz", "6"])
    assert good[-1][0] == BLOCK + 6


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=30),
    st.sampled_from(",;\t|"),
)
def test_what_was_written_is_read(rows, delimiter):
    # A last line that is a whole record by itself is taken for one: so no delimiters in cells over several lines.
    rows = [[cell.replace(delimiter, "") if "\n" in cell else cell for cell in row] for row in rows]
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)
    good, bad = cut(written.getvalue(), 4, Dialect(delimiter))
    assert not bad
    assert [row for _, row in good] == rows


@given(st.text(st.sampled_from('ab;"\n\\'), max_size=300))
def test_any_text_is_cut_and_every_line_is_accounted_for(text):
    numbers = []
    for block in blocks_of(iter(io.StringIO(text)), SEMICOLON, 3):
        numbers += [*block.numbers, *(line.number for line in block.bad)]
    assert len(numbers) == len(set(numbers))
    assert max(numbers, default=0) <= text.count("\n") + 1
    assert min(numbers, default=1) == 1


def known(rows):
    return max((len({"sku", "name", "price"} & set(row)) for row in rows), default=0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_names_columns(delimiter):
    lines = [
        "ACME, Inc.; 5, Main Street\n", "Date; 2026, 1\n",
        delimiter.join(["sku", "name", "price"]) + "\n", delimiter.join(["1", '"a, b; c | d"', "5"]) + "\n",
    ]  # fmt: skip
    assert detect_dialect(lines, None, known).delimiter == delimiter


def test_quotes_are_found_out():
    assert detect_dialect(["sku;name\n"] + ["'1';'it is';'3'\n"] * 5, None, known).quote == "'"
    assert detect_dialect(["sku,name\n", '1,"19\\" screen"\n'], None, known).escape == "\\"
    assert detect_dialect(["sku,name\n", '1,"19"" screen"\n'], None, known).escape is None
