"""The pictures, from the figures alone: what was written as JSON gives the same ones again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.predictions.views import AROUND
from daemon.workloads.categorization.decision import THRESHOLD
from daemon.workloads.categorization.experiments import drawings
from daemon.workloads.categorization.experiments.experiment import CurvePoint
from daemon.workloads.categorization.experiments.metrics import Bin, Confusion, Point

# A page of its own below the ink, in both lights: a picture must not depend on what it is put on.
PAGE = """<style>
svg { color: #1f2328 } .page { fill: #ffffff }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } .page { fill: #0d1117 } }
</style>
<rect class="page" width="100%" height="100%"/>
"""


def draw_all(found: Mapping[str, Any]) -> dict[str, Figure]:
    """By name. What was not measured is not drawn."""
    pictures = {
        "hundred": hundred(found["around"]),
        "reliability": drawings.reliability_diagram([Bin(**each) for each in found["reliability"]]),
        "coverage": drawings.coverage_figure([Point(**each) for each in found["coverage"]], THRESHOLD),
        "learning-curve": drawings.curve_figure([CurvePoint(**each) for each in found["curve"]], THRESHOLD),
        "confused": drawings.confusions([Confusion(**each) for each in found["confused"]])
        if found["confused"]
        else None,
    }
    return {name: figure for name, figure in pictures.items() if figure is not None}


def hundred(around: Mapping[str, Any]) -> Figure | None:
    """A hundred products with about the same confidence: as many are filled as were right. None without products."""
    if not around["products"]:
        return None
    right = round(100 * around["right"] / around["products"])
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axis = figure.subplots()
    for name, numbers, colour, filled in (
        (f"{right} right", range(right), drawings.FIRST, True),
        (f"{100 - right} wrong", range(right, 100), drawings.SECOND, False),
    ):
        places = [(number % 20, number // 20) for number in numbers]
        across, down = [x for x, _ in places], [y for _, y in places]
        faces = colour if filled else "none"
        axis.scatter(across, down, s=90, label=name, facecolors=faces, edgecolors=colour, clip_on=False)
    axis.invert_yaxis()
    axis.set_axis_off()
    axis.set_aspect("equal")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(f"Of 100 products with a confidence of about {AROUND:g}", fontsize=11)
    return figure


def write_svg(found: Mapping[str, Any], directory: Path) -> list[str]:
    """Write the pictures for a document, readable in the light and in the dark; returns their names."""
    with drawings.styled():
        pictures = draw_all(found)
        for name, figure in pictures.items():
            head, end, rest = drawings.to_svg(figure, name).partition(">")
            file = directory / f"predictions-{name}.svg"
            file.write_text(f"{head}{end}\n{PAGE}{rest.rstrip()}\n", encoding="utf-8")
    return list(pictures)


def write_all(found: Mapping[str, Any], directory: Path) -> None:
    """As SVG and as PNG."""
    directory.mkdir(parents=True, exist_ok=True)
    write_svg(found, directory)
    with drawings.styled():
        for name, figure in draw_all(found).items():
            figure.savefig(directory / f"predictions-{name}.png", dpi=150, metadata={"Software": None})
