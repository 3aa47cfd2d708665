"""Writes an experiment as one HTML file that needs nothing else: no script, no other file, no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from daemon.workloads.categorization.experiments import metrics
from daemon.workloads.categorization.experiments.comparison import Comparison
from daemon.workloads.categorization.experiments.experiment import CurvePoint, Result
from daemon.workloads.categorization.experiments.metrics import Metrics
from daemon.workloads.categorization.explanation import one_line
from daemon.workloads.categorization.taxonomy import Taxonomy

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto;
        max-width: 46rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid GrayText; overflow-wrap: anywhere; padding: .25rem .75rem; text-align: left;
          vertical-align: top; }}
td.number {{ font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }}
figure {{ margin: 2rem 0; }}
svg {{ height: auto; max-width: 100%; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything about an experiment that people are shown. `settings` and its values may be any text."""

    title: str
    settings: Mapping[str, str]
    metrics: Metrics
    results: Sequence[Result]
    curve: Sequence[CurvePoint]
    compared: tuple[str, Comparison] | None  # with what


def write_report(findings: Findings, taxonomy: Taxonomy) -> str:
    """The page. Needs matplotlib: raises ImportError without it."""
    from daemon.workloads.categorization.experiments import drawings

    known = [each for each in findings.results if each.is_correct is not None]
    sure, rights = [each.confidence for each in known], [bool(each.is_correct) for each in known]
    bins, points = metrics.reliability(sure, rights), metrics.coverage_curve(sure, rights)
    threshold = findings.metrics.threshold
    content = [_table(("", ""), [(name, value) for name, value in findings.settings.items()])]
    content += ["<h2>Figures</h2>", _table(("figure", ""), figures(findings.metrics))]
    if findings.compared is not None:
        content += ["<h2>Compared</h2>", f"<p>{_safe(compared_in_words(*findings.compared))}</p>"]
    with drawings.styled():
        content += [
            _picture(
                "Is what is said true?",
                "Each point is the share of right predictions among those of about the same confidence. On the dashed"
                " line the confidence is true; above it the predictions are better than they say, below it worse.",
                _bins_in_words(bins),
                drawings.to_svg(drawings.reliability_diagram(bins), "reliability"),
            ),
            _picture(
                "What a threshold gives",
                "Taking the surest products first: how many are accepted, and how many of those are right.",
                _coverage_in_words(findings.metrics),
                drawings.to_svg(drawings.coverage_figure(points, threshold), "coverage"),
            ),
        ]
        if findings.curve:
            content.append(
                _picture(
                    "What more learning gives",
                    "The same products predicted after learning from fewer and from more.",
                    _curve_in_words(findings.curve),
                    drawings.to_svg(drawings.curve_figure(findings.curve, threshold), "curve"),
                )
            )
    content += ["<h2>Most often confused</h2>", _confused(known, taxonomy)]
    return PAGE.format(title=_safe(findings.title), content="\n".join(content))


def figures(found: Metrics) -> list[tuple[str, str]]:
    """Each figure's name and value, as people read them."""
    return [
        ("products judged", f"{found.products:,}"),
        ("categories among them", f"{found.categories:,}"),
        ("top-1: right", share(found.top1)),
        ("macro F1", share(found.macro_f1)),
        ("top-3: right, or among the next two", share(found.top3)),
        (f"at confidence >= {found.threshold:g}", share(found.coverage)),
        ("right among those", share(found.precision)),
        ("wrong among those", f"{found.wrong_above:,}"),
        ("expected calibration error", share(found.calibration_error)),
    ]


def share(value: float | None) -> str:
    """Four decimals, or a dash where there is none."""
    return "–" if value is None else f"{value:.4f}"


def compared_in_words(other: str, comparison: Comparison) -> str:
    """One sentence for people, with the verdict."""
    if comparison.p_value >= 0.05:
        verdict = "that is within chance"
    else:
        verdict = "better" if comparison.difference > 0 else "worse"
    return (
        f"against {other}: {comparison.only_b:,} products right only here, {comparison.only_a:,} only there;"
        f" {100 * comparison.difference:+.2f} points"
        f" (95 %: {100 * comparison.low:+.2f} to {100 * comparison.high:+.2f}, p = {comparison.p_value:.2g}): {verdict}"
    )


def _confused(known: Sequence[Result], taxonomy: Taxonomy) -> str:
    named = [(each.truth, each.value, each.confidence) for each in known if each.truth is not None]
    pairs = metrics.most_confused(*([each[at] for each in named] for at in range(3)))  # type: ignore[arg-type]
    if not pairs:
        return "<p>No product was put into a wrong category.</p>"
    rows = [
        (taxonomy.label_of(pair.truth), taxonomy.label_of(pair.value), f"{pair.products:,}", f"{pair.confidence:.1f}")
        for pair in pairs
    ]
    return _table(("is", "was taken for", "products", "mean confidence"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_safe(text)}</th>' for text in heads)
    head = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return f"<table>{head}<tbody>\n{body}</tbody></table>"


def _cell(text: str) -> str:
    kind = ' class="number"' if text.replace(",", "").replace(".", "").isdigit() else ""
    return f"<td{kind}>{_safe(text)}</td>"


def _picture(title: str, caption: str, alternative: str, svg: str) -> str:
    """The alternative text says in words what the picture shows."""
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{_safe(alternative)}" ', 1)
    return f"<h2>{_safe(title)}</h2>\n<figure>\n{svg}\n<figcaption>{_safe(caption)}</figcaption>\n</figure>"


def _safe(text: str) -> str:
    return escape(one_line(text))


def _bins_in_words(bins: Sequence[metrics.Bin]) -> str:
    said = [f"{100 * each.right:.0f} % right at {100 * each.confidence:.0f}" for each in bins[-4:]]
    return f"Reliability diagram: {', '.join(said) or 'no product'}"


def _coverage_in_words(found: Metrics) -> str:
    return (
        f"Precision over coverage: at confidence {found.threshold:g} and more {share(found.coverage)} of the products,"
        f" of which {share(found.precision)} are right"
    )


def _curve_in_words(points: Sequence[CurvePoint]) -> str:
    said = [f"{share(each.top1)} right after {each.learned:,} products" for each in points]
    return f"Learning curve: {', '.join(said)}"
