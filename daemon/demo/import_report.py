"""Tells how a supplier's price lists came out."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from daemon.demo.imports import ImportReport, OfferExample, Verdicts
from daemon.demo.screen import Screen, percent, seconds
from daemon.demo.supplier import NAME
from daemon.workloads.price_lists.result import ErrorCount, Result

SHOWN = 3  # reasons of an example

HEADS = {
    ("linked", "linked"): "linked by itself: with",
    ("review", "review"): "for people: perhaps",
    ("vetoed", "review"): "for people, because something speaks against",
    ("vetoed", "draft"): "a draft, however alike one of the shop's products is",
}


def tell_imports(report: ImportReport | None, screen: Screen) -> None:
    """What the lines were said to be, examples with their reasons, and what the next list changed.

    None: price lists were not imported, for their libraries are missing.
    """
    if report is None:
        screen.head("A supplier's price list")
        screen.paragraph("To see one flow in: pip install 'catalogd[price-lists]'")
        return
    first, second = report.first, report.second
    screen.head("A supplier's price list", f"{NAME}: its own numbers, other words, {_manner(first)}")
    screen.table(_table(report.verdicts, first))
    for example in report.examples:
        _tell_example(example, screen)
    screen.head(
        "Lines that cannot be used", "the rest of the list went on; the same as: catalogd errors ID --of price-lists"
    )
    for error in report.errors:
        screen.paragraph(_error(error))
    screen.head("The next list")
    screen.paragraph(
        f"{second.total:,} lines, done {seconds(second.duration_s)} after their insert: {second.changed:,} offers have"
        f" changed, {second.gone:,} are gone, {second.new:,} are new. The first list took"
        f" {seconds(first.duration_s)}, for the catalogue had to be read."
    )
    if (change := report.change) is not None:
        screen.paragraph(
            f"Such as {change.sku}: {change.before:.2f} before, now {change.after:.2f} {change.currency};"
            f" the best offer for {change.product} is {change.minimum_price:.2f}."
        )


def _manner(result: Result) -> str:
    """How the list was found to be written."""
    detected: Mapping[str, Any] = result.detected
    columns = ", ".join(f"“{header}”" for header in list(detected.get("mapping", {}).values())[:2])
    return f"{detected.get('encoding')}, columns such as {columns}"


def _table(verdicts: Verdicts, result: Result) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("lines that are")
    table.add_column("lines", justify="right")
    table.add_column("share", justify="right")
    table.add_column("held against the truth")
    wrong = verdicts.linked - verdicts.linked_right
    missed = verdicts.draft - verdicts.draft_right
    for name, lines, truth in (
        (
            "linked",
            verdicts.linked,
            f"{percent(verdicts.linked_right, verdicts.linked, digits=2)} right, {wrong:,} wrong",
        ),
        (
            "for people",
            verdicts.review,
            f"{verdicts.review_first:,} have the right product first, {verdicts.review_among:,} among the candidates",
        ),
        ("drafts", verdicts.draft, f"{verdicts.draft_right:,} the shop has not, {missed:,} were not recognised"),
        ("in error", result.errors, "told with line, column and value"),
    ):
        table.add_row(name, f"{lines:,}", percent(lines, result.total), Text(truth))
    return table


def _tell_example(example: OfferExample, screen: Screen) -> None:
    screen.say()
    screen.paragraph(f"{example.sku} {example.name}", style="bold")
    what = f" {example.product} {example.product_name}" if example.product else ""
    screen.paragraph(f"{HEADS[example.kind, example.status]}{what}", indent=4)
    told = example.reasons[:SHOWN]
    screen.paragraph(f"score {example.score}: {'; '.join(reason['text'] for reason in told)}", indent=4)


def _error(error: ErrorCount) -> str:
    what = f"“{error.value}”" if error.value else "nothing"
    place = f" has {what} in {error.column}" if error.column else f" reads {what}" if error.value else ""
    return f"{error.lines} × {error.code}; line {error.line}, for one,{place}: {error.message}"
