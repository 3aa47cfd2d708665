"""Draws the chart from the harness's own results: `python -m bench.speed.chart RESULTS.json CHART.svg`.

Runs in .venv-bench, where matplotlib is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.speed.samples import Results, Spread

OWN, LIMIT, OTHER = "#1f6f8b", "#9aa5b1", "#d98e4a"


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    bars: Sequence[tuple[str, Spread]]
    is_less_better: bool


def panels(results: Results) -> list[Panel]:
    """What is drawn: cases that were measured, the best competitor first."""
    wanted = (
        ("batch", "products_per_s", "One batch, products/s", False),
        ("tiny", "batches_per_s", "One-product batches, batches/s", False),
        ("pickup", "p50_ms", "Pickup after the insert's commit, median in ms", True),
    )
    found = []
    for case, measure, title, is_less_better in wanted:
        bars = [(name, spread) for name in results.competitors(case) if (spread := results.spread(case, name, measure))]
        bars.sort(key=lambda bar: bar[1].median, reverse=not is_less_better)
        if bars:
            found.append(Panel(title, bars, is_less_better))
    return found


def colour_of(name: str) -> str:
    if name.startswith("catalogd"):
        return OWN
    return LIMIT if name.startswith(("L1", "L2")) else OTHER


def draw(found: Sequence[Panel], file: Path) -> None:
    """The same results give the same file."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "catalogd", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot

    heights = [len(panel.bars) + 1.5 for panel in found]
    figure, axes = pyplot.subplots(
        len(found), 1, figsize=(8, 0.3 * sum(heights)), height_ratios=heights, layout="constrained", squeeze=False
    )
    for axis, panel in zip(axes[:, 0], found, strict=True):
        names = [name for name, _ in panel.bars]
        middles = [spread.median for _, spread in panel.bars]
        reach = [
            [spread.median - spread.least for _, spread in panel.bars],
            [spread.most - spread.median for _, spread in panel.bars],
        ]
        bars = axis.barh(names, middles, color=[colour_of(name) for name in names], xerr=reach, ecolor="#555555")
        axis.bar_label(bars, [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in middles], padding=6)
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:,g}")
        axis.margins(x=0.15)
        axis.set_title(panel.title + (" (less is better)" if panel.is_less_better else ""), loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})


def main() -> int:
    results, file = map(Path, sys.argv[1:])
    found = panels(Results.read(results))
    if found:
        draw(found, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
