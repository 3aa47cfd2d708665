"""The table of batches on terminals of any width."""

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from daemon.terminal.columns import Column, fit, tabulate


def columns() -> list[Column]:
    return [
        Column("batch", cells=[Text("12345")]),
        Column("waited", rank=2, cells=[Text("1.2 s")]),
        Column("took", rank=3, cells=[Text("3 min 20 s")]),
        Column("supplier", rank=1, is_right=False, least=8, cells=[Text("Bolt & Söhne Handelsgesellschaft")]),
    ]


def draw(width: int) -> str:
    console = Console(file=StringIO(), width=width, highlight=False)
    console.print(tabulate(columns(), width))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_what_matters_least_goes_first() -> None:
    assert [column.heading for column in fit(columns(), 200)[0]] == ["batch", "waited", "took", "supplier"]
    assert [column.heading for column in fit(columns(), 30)[0]] == ["batch", "waited", "supplier"]
    assert [column.heading for column in fit(columns(), 15)[0]] == ["batch", "supplier"]
    assert [column.heading for column in fit(columns(), 13)[0]] == ["batch"]
    assert [column.heading for column in fit(columns(), 1)[0]] == ["batch"]


def test_the_gaps_become_narrow_before_a_column_goes() -> None:
    narrowest = 5 + 6 + 10 + 8
    assert fit(columns(), narrowest + 6)[1] == 2
    kept, gap = fit(columns(), narrowest + 5)
    assert (len(kept), gap) == (4, 1)


def test_a_text_of_the_shops_is_cut_where_it_must() -> None:
    assert "Bolt & Söhne Handelsgesellschaft" in draw(80)
    assert "Bolt & S" in draw(40)
    assert "…" in draw(40)


@given(st.integers(20, 120))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert all(len(line) <= width for line in draw(width).splitlines())
    assert len(draw(width).splitlines()) == 2
