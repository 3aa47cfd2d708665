"""The pictures of an experiment. The only module that needs matplotlib, which comes with catalogd[report].

Nothing of the shop's is drawn but the codes of `confusions`: no label can break a picture. What is dark in print takes
the colour of the text around it, so that a picture is readable on a light page and on a dark one.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from daemon.workloads.categorization.experiments.experiment import CurvePoint
from daemon.workloads.categorization.experiments.metrics import Bin, Confusion, Point
from daemon.workloads.categorization.intervals import wilson

INK, FIRST, SECOND = "#010203", "#3d85c6", "#d9822b"  # INK becomes the colour of the text around
STYLE: dict[Any, object] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, and scales
    "svg.hashsalt": "catalogd",  # the same figures give the same bytes
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
MOST_POINTS = 400  # of a curve; more cannot be seen
LONGEST_CODE = 30  # characters


@contextmanager
def styled() -> Iterator[None]:
    """Within it every figure is drawn and written in the same way, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def reliability_diagram(bins: Sequence[Bin]) -> Figure:
    """Said and true: the share that is right over the confidence, with its 95 % interval, and the products below."""
    figure, (above, below) = _figure(2, height_ratios=(4, 1))
    said = [100 * each.confidence for each in bins]
    true = [100 * each.right for each in bins]
    limits = [wilson(round(each.right * each.products), each.products) for each in bins]
    reach = [
        [max(0.0, right - 100 * low) for right, (low, _) in zip(true, limits, strict=True)],
        [max(0.0, 100 * high - right) for right, (_, high) in zip(true, limits, strict=True)],
    ]
    above.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle="--", label="what is said is true")
    above.errorbar(said, true, yerr=reach, color=FIRST, marker="o", linewidth=1.5, capsize=3, label="measured")
    above.set(ylabel="right, in %", xlim=(0, 102), ylim=(0, 102))
    above.legend(frameon=False, loc="upper left")
    widths = [each.high - each.low for each in bins]
    below.bar([each.low for each in bins], [each.products for each in bins], widths, align="edge", color=FIRST)
    below.set(xlabel="confidence", ylabel="products", xlim=(0, 102), yscale="log" if bins else "linear")
    below.yaxis.set_major_formatter("{x:,.0f}")
    below.yaxis.set_minor_formatter("")
    return figure


def coverage_figure(points: Sequence[Point], threshold: float) -> Figure:
    """What is had for what: the share right among the surest products, over how many they are."""
    figure, (axis,) = _figure(1)
    drawn = points[:: max(1, len(points) // MOST_POINTS)]
    axis.plot([100 * each.coverage for each in drawn], [100 * each.precision for each in drawn], color=FIRST)
    at = [each for each in points if each.threshold >= threshold][-1:]
    for each in at:
        axis.plot(100 * each.coverage, 100 * each.precision, color=SECOND, marker="o")
        place = (100 * each.coverage, 100 * each.precision)
        axis.annotate(f"confidence >= {threshold:g}", place, (-8, -14), textcoords="offset points", ha="right")
    axis.set(xlabel="products accepted, in %", ylabel="right among them, in %", xlim=(0, 102))
    return figure


def curve_figure(points: Sequence[CurvePoint], threshold: float) -> Figure:
    """How the figures grow with what was learned."""
    figure, (axis,) = _figure(1)
    lines = (
        ("right", FIRST, "-", [each.top1 for each in points]),
        (f"at confidence >= {threshold:g}", SECOND, "--", [each.coverage for each in points]),
        ("right among those", SECOND, "-", [each.precision for each in points]),
    )
    for label, colour, dashes, values in lines:
        known = [(point.learned, 100 * value) for point, value in zip(points, values, strict=True) if value is not None]
        axis.plot(*zip(*known, strict=True), color=colour, linestyle=dashes, marker="o", label=label) if known else None
    axis.set(xlabel="products learned from", ylabel="%", xscale="log")
    axis.set_xticks([point.learned for point in points], [f"{point.learned:,}" for point in points], minor=False)
    axis.xaxis.set_minor_formatter("")
    axis.legend(frameon=False)
    return figure


def confusions(pairs: Sequence[Confusion]) -> Figure:
    """The categories most often taken one for the other, by their codes."""
    figure, (axis,) = _figure(1)
    names = [f"{_plain(each.truth)} → {_plain(each.value)}" for each in pairs]
    places = range(len(pairs))
    axis.barh(places, [each.products for each in pairs], color=FIRST)
    axis.set_yticks(places, names)
    axis.invert_yaxis()
    axis.set(xlabel="products")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def to_svg(figure: Figure, name: str) -> str:
    """An <svg> element to stand in a page; `name` keeps its ids apart from those of the other pictures."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")), transparent=True
    )
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(INK, "currentColor")
    drawn = re.sub(r"<!--.*?-->", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', drawn)
    return re.sub(r'(url\(#|href="#)', rf"\1{name}-", drawn)


def _figure(rows: int, height_ratios: Sequence[float] | None = None) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False, height_ratios=height_ratios)
    return figure, list(axes[:, 0])


def _plain(code: str) -> str:
    """A code in signs that every font has."""
    shown = code.encode("ascii", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else "?" for sign in shown[:LONGEST_CODE])
