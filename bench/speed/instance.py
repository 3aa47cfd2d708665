"""The real daemon with a decision of the harness: `python -m bench.speed.instance run` in the place of `catalogd run`.

BENCH_DECISION: `trivial` gives every product the same decision, with three evidence rows; `heavy:N` does so after
counting to N in Python for each; without it the real one decides. BENCH_STARTS names a file that gets a line for each
batch whenever the workload's `process` is entered with it: `started BATCH NANOSECONDS`, by CLOCK_MONOTONIC.
BENCH_PROFILE names a file for what the worker threads were seen doing.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic_ns

from psycopg import Connection

import daemon.workloads.categorization.workload as categorization
from bench.speed.sampler import Sampler
from bench.speed.work import trivial_decision
from daemon.cli import main
from daemon.engine.workload import Item, Outcome
from daemon.settings import Settings
from daemon.workloads.categorization.decision import Decision
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.product import Product

PROGRAM = "bench.speed.instance"

Decide = Callable[[object, object, Sequence[Product], float], list[Decision]]


def constant() -> Decision:
    given = trivial_decision()
    return Decision(
        category_code=given.code,
        category_label=given.label,
        confidence=given.confidence,
        level=given.level,  # type: ignore[arg-type]  # read from a file
        evidence=tuple(Evidence(*reason) for reason in given.evidence),
    )


def decide_by(name: str) -> Decide:
    """`trivial` or `heavy:N`; raises ValueError for anything else."""
    kind, _, steps = name.partition(":")
    if kind not in ("trivial", "heavy"):
        raise ValueError(f"no such decision: {name}")
    count, decision = int(steps or 0), constant()

    def decide(
        _model: object, _taxonomy: object, products: Sequence[Product], _threshold: float, **_rest: object
    ) -> list[Decision]:
        for _ in range(count * len(products)):
            pass
        return [decision] * len(products)

    return decide


class Recorded(categorization.Categorization):
    """Tells when each slice's processing begins."""

    def __init__(self, settings: Settings, file: str) -> None:
        super().__init__(settings.threshold, workers=settings.workers)
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def process(self, conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        entered = monotonic_ns()
        lines = [f"started {batch_id} {entered}\n" for batch_id in dict.fromkeys(item.batch_id for item in items)]
        os.write(self._file, "".join(lines).encode())
        return super().process(conn, items)


def install(environment: Mapping[str, str]) -> None:
    """Put the harness's parts into the daemon's places. Raises AttributeError when these have moved."""
    if "BENCH_DECISION" in environment:
        replace(categorization, "decide", decide_by(environment["BENCH_DECISION"]))
    if "BENCH_STARTS" in environment:
        file = environment["BENCH_STARTS"]
        replace(categorization, "build_categorization", lambda settings: Recorded(settings, file))
    if "BENCH_PROFILE" in environment:
        sampler = Sampler(Path(environment["BENCH_PROFILE"]))
        sampler.start()
        atexit.register(sampler.write)


def replace(module: object, name: str, value: object) -> None:
    getattr(module, name)
    setattr(module, name, value)


if __name__ == "__main__":
    install(os.environ)
    sys.exit(main())
