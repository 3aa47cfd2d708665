"""docs/predictions.md: the words of the template around what was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from bench.figures import Figure, table
from daemon.workloads.categorization.decision import FAMILIAR, LEAST, MOST, SURE_BRANCH, THRESHOLD
from daemon.workloads.categorization.drift.band import FEWEST
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.model.calibration import UNKNOWN_SHARE
from daemon.workloads.categorization.model.learning import LEFT_OUT
from daemon.workloads.categorization.people.precision import least_needed
from daemon.workloads.categorization.reasons import LEAST_RUNNER_UP
from daemon.workloads.categorization.rules.rule import MOST_WEIGHT
from daemon.workloads.categorization.versions.duty import CHANGED_IN_A_DAY, FIRST_LESSON, LEAST_CHANGED, SHARE_CHANGED
from daemon.workloads.categorization.versions.promotion import LOST_COVERAGE, MARGIN, WANTED_PRECISION

TEMPLATE = Path(__file__).with_name("predictions.md.template")


def write(found: Mapping[str, Any]) -> str:
    """The document. `found` is as it was read from JSON."""
    figures = [Figure(**each) for each in found["figures"]]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        CONSTANTS,
        about=_list_run(found),
        around=_tell_around(found["around"]),
        table=table(figures),
        missed=_list_missed(figures),
        levels=_table_of_levels(found["levels"]),
        reliability=_table_of_reliability(found["reliability"]),
        thresholds=_table_of_thresholds(found["thresholds"]),
        unknown=_table_of_unknown(found),
        curve=_table_of_curve(found["curve"]),
        sources=rows_of(("`source_type`", "what people read", "the field it looks at"), _sources()),
        worth=_table_of_worth(found["worth"]),
        **{f"example_{kind}": _show(found["examples"].get(kind)) for kind in ("sure", "torn", "strange")},
    )


def rows_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{share:.{digits}%}".replace("%", " %")


# What the code fixes and the document tells.
CONSTANTS = {
    "threshold": f"{THRESHOLD:g}",
    "medium": f"{THRESHOLD * 2 / 3:g}",
    "least": f"{LEAST:g}",
    "most": f"{MOST:g}",
    "familiar": percent(FAMILIAR, 0),
    "sure_branch": percent(SURE_BRANCH, 0),
    "runner_up": percent(LEAST_RUNNER_UP, 0),
    "left_out": f"{LEFT_OUT}",
    "unknown_share": percent(UNKNOWN_SHARE, 0),
    "most_weight": f"{MOST_WEIGHT:g}",
    "needed": f"{least_needed(0.99):,}",
    "fewest": f"{FEWEST}",
    "first_lesson": f"{FIRST_LESSON}",
    "least_changed": f"{LEAST_CHANGED}",
    "share_changed": percent(SHARE_CHANGED, 0),
    "changed_in_a_day": f"{CHANGED_IN_A_DAY}",
    "margin": percent(MARGIN),
    "wanted_precision": percent(WANTED_PRECISION, 0),
    "lost_coverage": percent(LOST_COVERAGE, 0),
}


def _list_run(found: Mapping[str, Any]) -> str:
    lines = [f"- {name}: {value}" for name, value in found.get("about", {}).items()]
    lines.append(f"- products: {found['learned']:,} learned from, {found['judged']:,} others judged")
    lines.append(f"- categories: {found['categories']:,}")
    if found["part"] < 1:
        lines.append(
            f"- **a quick run**: it learned from {percent(found['part'], 0)} of the products that there are, so the"
            " figures are lower than they would be"
        )
    return "\n".join(lines)


def _tell_around(around: Mapping[str, Any]) -> str:
    low, high = f"{around['low']:g}", f"{around['high']:g}"
    if not around["products"]:
        return f"In the run shown here no product had a confidence between {low} and {high}."
    share = around["right"] / around["products"]
    return (
        f"In the run shown here {around['products']:,} products had a confidence between {low} and {high},"
        f" {around['said']:.1f} on average. {around['right']:,} of them were right: {percent(share)}. Chance alone"
        f" could have moved that share anywhere between {percent(around['least'])} and {percent(around['most'])}."
    )


def _list_missed(figures: Sequence[Figure]) -> str:
    missed = [each for each in figures if each.is_reached is False]
    if not missed:
        return "In this run nothing of it is missed."
    lines = [f"- {each.name}: {each.measured}; to reach was {each.wanted}" for each in missed]
    return "\n".join(["Missed in this run:", "", *lines])


def _table_of_levels(levels: Sequence[Mapping[str, Any]]) -> str:
    rows = [(each["level"], percent(each["share"]), percent(each["right"])) for each in levels]
    return rows_of(("level", "of all products", "of these right"), rows)


def _table_of_reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{each['low']:.0f} to {each['high']:.0f}",
            f"{each['products']:,}",
            f"{100 * each['confidence']:.1f}",
            percent(each["right"]),
        )
        for each in bins
    ]
    return rows_of(("confidence", "products", "their mean confidence", "right"), rows)


def _table_of_thresholds(thresholds: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{each['threshold']:g}",
            percent(each["coverage"]),
            percent(each["precision"], 2),
            percent(each["unseen"]),
        )
        for each in thresholds
    ]
    head = ("threshold", "products accepted", "right among them", "accepted of categories that nobody taught it")
    return rows_of(head, rows)


def _table_of_unknown(found: Mapping[str, Any]) -> str:
    unseen = found["unseen"]
    shares = {"products of categories that were kept away": sum(unseen) / len(unseen), **found["strange"]}
    return rows_of(
        ("what it was shown", f"said with {THRESHOLD:g} or more"),
        [(name, percent(share)) for name, share in shares.items()],
    )


def _table_of_curve(points: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (f"{each['learned']:,}", percent(each["top1"]), percent(each["coverage"]), percent(each["precision"]))
        for each in points
    ]
    return rows_of(("products learned from", "right", f"at {THRESHOLD:g} or more", "right among those"), rows)


def _sources() -> list[tuple[str, str, str]]:
    return [(f"`{source.name}`", source.label, source.field.replace("_", " ")) for source in SOURCES]


def _table_of_worth(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "It was not measured in this run."
    shown = []
    for row in rows:
        name = "nothing" if row["without"] == "–" else f"`{row['without']}`"
        shares = [percent(row[key], digits) for key, digits in (("top1", 2), ("coverage", 1), ("precision", 2))]
        shown.append((name, *shares, _tell_worth(row.get("worth"))))
    head = ("without", "right", f"at {THRESHOLD:g} or more", "right among those", "it is worth, in points of “right”")
    return rows_of(head, shown)


def _tell_worth(worth: Mapping[str, Any] | None) -> str:
    if worth is None:
        return ""
    return f"{100 * worth['difference']:+.2f} ({100 * worth['low']:+.2f} to {100 * worth['high']:+.2f})"


def _show(example: Mapping[str, Any] | None) -> str:
    """The product as the shop knows it, and what `catalogd explain` says."""
    if example is None:
        return "None of the sample shop's products is one in this version."
    fields = [(name, value.replace("|", "\\|")) for name, value in example["product"]]
    said = f"```\n$ catalogd explain {example['id']}\n{example['explained']}\n```"
    return f"{rows_of(('the shop knows', ''), fields)}\n\n{said}"
