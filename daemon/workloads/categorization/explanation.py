"""Puts a stored prediction into words."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.store import Explained

LONGEST = 300  # characters of one text
SHOWN = 5  # alternatives


def explain(prediction: Explained, evidence: Sequence[Evidence]) -> str:
    """A few lines for people: what was suggested, how sure, each reason with its share, what else it might be.

    A share below 0 speaks for the runner-up instead.
    """
    product = one_line(prediction.product_name or "") or f"product {prediction.product_id}"
    code = one_line(prediction.suggested_category_code or "none")
    label = one_line(prediction.suggested_category_label or "") or code
    level = one_line(prediction.confidence_level or "none")
    lines = [
        f"{product}",
        f"  is suggested for {label} ({code}),"
        f" confidence {prediction.confidence or 0:.2f} ({level}),"
        f" {one_line(prediction.status)}",
        f"  prediction {prediction.id}, batch {prediction.batch_id}, model {prediction.model_version or 'none'}",
    ]
    lines += [
        f"  {_share(reason.weight or 0)}  {one_line(reason.source_label or reason.source_type)}:"
        f" {one_line(reason.value or '')}"
        for reason in evidence
    ]
    if others := _name_alternatives(prediction.alternatives):
        lines.append(f"  it might also be {others}")
    return "\n".join(lines)


def _share(weight: float) -> str:
    return f"{weight * 100:5.1f} %" if weight else " " * 7


def _name_alternatives(alternatives: object) -> str:
    """Such as "Drills (4.10 %), Saws (1.20 %)"."""
    found = [other for other in alternatives if isinstance(other, dict)] if isinstance(alternatives, list) else []
    named = [f"{other.get('label') or other.get('code')} ({other.get('probability')} %)" for other in found[:SHOWN]]
    return one_line(", ".join(named))


def one_line(text: str) -> str:
    """Without control characters, and not longer than LONGEST: the shop's text must not move a terminal's cursor, nor
    push everything else out of sight."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text[:LONGEST]).strip()
    return f"{shown}…" if len(text) > LONGEST else shown
