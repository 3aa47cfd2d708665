"""What was measured, run by run, and what it amounts to: medians, ranges, ratios within a round. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one competitor in one case.

    `probe` is what the machine's disk was worth just before: one-row commits per second. `values` are the measures by
    name; the name ends with the unit.
    """

    case: str
    competitor: str
    round: int
    probe: float
    values: dict[str, float]


@dataclass(slots=True)
class Results:
    """Everything that one run of the harness has found."""

    about: dict[str, object] = field(default_factory=dict)  # machine, server, options, versions
    absent: dict[str, str] = field(default_factory=dict)  # competitors that could not take part, with the reason
    failed: list[str] = field(default_factory=list)  # what a competitor did not manage, in a sentence each
    samples: list[Sample] = field(default_factory=list)
    notes: dict[str, list[list[str]]] = field(default_factory=dict)  # tables of words: where the time goes

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1, default=str) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Results:
        found = json.loads(file.read_text(encoding="utf-8"))
        return cls(**found | {"samples": [Sample(**sample) for sample in found["samples"]]})

    def renewed_by(self, newer: Results) -> Results:
        """With the cases that were measured anew in the place of what they were; `about` tells which."""
        cases = {sample.case for sample in newer.samples}
        order = list(dict.fromkeys(sample.case for sample in [*self.samples, *newer.samples]))
        kept = [sample for sample in self.samples if sample.case not in cases]
        names = ", ".join(f"“{case}”" for case in order if case in cases)
        anew = {
            f"measured anew, {names}": f"{newer.about.get('date')}, by themselves; scale: {newer.about.get('scale')}"
        }
        present = {sample.competitor for sample in newer.samples}
        return Results(
            about=self.about | anew,
            absent={name: why for name, why in self.absent.items() if name not in present} | newer.absent,
            failed=[*self.failed, *newer.failed],
            samples=sorted([*kept, *newer.samples], key=lambda sample: order.index(sample.case)),
            notes=self.notes | newer.notes,
        )

    def competitors(self, case: str) -> list[str]:
        """In the order in which they first ran."""
        return list(dict.fromkeys(sample.competitor for sample in self.samples if sample.case == case))

    def by_round(self, case: str, competitor: str, measure: str) -> dict[int, float]:
        return {
            sample.round: sample.values[measure]
            for sample in self.samples
            if (sample.case, sample.competitor) == (case, competitor) and measure in sample.values
        }

    def spread(self, case: str, competitor: str, measure: str) -> Spread | None:
        """None where it was not measured."""
        return Spread.of(self.by_round(case, competitor, measure).values())

    def ratio(self, case: str, one: str, other: str, measure: str, other_case: str | None = None) -> Spread | None:
        """Of `one` to `other`, each round with itself: what the machine does to both is left out."""
        ones = self.by_round(case, one, measure)
        others = self.by_round(other_case or case, other, measure)
        return Spread.of(ones[number] / others[number] for number in ones.keys() & others.keys() if others[number])


@dataclass(frozen=True, slots=True)
class Spread:
    median: float
    least: float
    most: float
    rounds: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """None of nothing."""
        found = sorted(values)
        return cls(median(found), found[0], found[-1], len(found)) if found else None

    def tell(self, form: str) -> str:
        """Median and range, each in this format; the median alone where there was one round."""
        middle = format(self.median, form)
        return f"{middle} ({self.least:{form}} to {self.most:{form}})" if self.rounds > 1 else middle


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that this share of them does not exceed. Raises ValueError of nothing."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
