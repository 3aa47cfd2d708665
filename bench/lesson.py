"""Learns from a catalogue in a process of its own, on one core, then decides.

    python -m bench.lesson FILE [--part 0.1]

Prints as JSON the CPU seconds and the memory of learning, the products decided in a CPU second, and the model's digest.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic, process_time

ONE_CORE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LEAST_DECIDED = 5_000  # products


def measure_lesson(catalogue: Path, part: float) -> dict[str, float | str | int]:
    """Run this module on one core and return what it printed."""
    pinned = ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if shutil.which("taskset") else []
    command = [*pinned, sys.executable, "-m", "bench.lesson", str(catalogue), "--part", str(part)]
    result = subprocess.run(command, env=os.environ | ONE_CORE, text=True, stdout=subprocess.PIPE, check=True)
    found: dict[str, float | str | int] = json.loads(result.stdout)
    return found


def is_in_part(product_id: int, part: float) -> bool:
    """Whether a product is among the share that is learned from; the same ones each time."""
    return part >= 1 or random.Random(product_id).random() < part


def peak_memory_mb() -> float:
    """Of this program alone; getrusage counts what the parent held when it started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main() -> int:
    from daemon.workloads.categorization.decision import decide
    from daemon.workloads.categorization.experiments.catalogue import read_rows, taxonomy_of
    from daemon.workloads.categorization.experiments.experiment import SLICE
    from daemon.workloads.categorization.model.learning import learn
    from daemon.workloads.categorization.model.storage import from_bytes, to_bytes
    from daemon.workloads.categorization.product import Product

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--part", type=float, default=1.0, help="share of the products to learn from")
    options = parser.parse_args()

    def labelled() -> Iterator[tuple[Product, str]]:
        for row in read_rows(options.catalogue):
            if not row.is_held_out and is_in_part(row.case.product.id, options.part):
                yield row.case.product, str(row.case.truth)

    began = process_time()
    products = sum(1 for _ in labelled())
    reading = process_time() - began
    taxonomy = taxonomy_of(row.category for row in read_rows(options.catalogue))
    began, began_wall = process_time(), monotonic()
    content = to_bytes(learn(labelled(), taxonomy=taxonomy).model)
    learning, wall = process_time() - began, monotonic() - began_wall
    peak_mb = peak_memory_mb()

    model = from_bytes(content)
    judged = [row.case.product for row in read_rows(options.catalogue) if row.is_held_out]
    if len(judged) < LEAST_DECIDED:
        judged += [product for product, _ in islice(labelled(), LEAST_DECIDED)]
    gc.collect()
    gc.freeze()  # as the daemon does when it has read a model
    decide(model, taxonomy, judged[:SLICE])  # what is done once
    began = process_time()
    for start in range(SLICE, len(judged), SLICE):
        decide(model, taxonomy, judged[start : start + SLICE])
    deciding = process_time() - began
    found = {
        "products": products,
        "learning_s": max(0.0, learning - reading),
        "learning_wall_s": wall,
        "reading_s": reading,
        "peak_mb": peak_mb,
        "model_mb": len(content) / 1e6,
        "decided_per_s": max(0, len(judged) - SLICE) / deciding if deciding else 0.0,
        "digest": hashlib.sha256(content).hexdigest(),
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
