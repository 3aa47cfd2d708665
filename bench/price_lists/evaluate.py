"""How well and how fast price lists are read and matched, in one table; no database is needed.

    python -m bench.price_lists.evaluate DIR [--catalogue path.csv.gz] [--held-out] [--list] [--lines 200000]

The quality is that of bench.price_lists.matching, the speed of reading that of bench.price_lists.reading with fewer
lines. "parse and match" is the whole way of a list from its file to its matches, in one process on one thread: the list
of DIR is repeated to some 20,000 lines, each time with other sku, and written as CSV; it is read, judged in slices of
500 lines as the daemon does, and settled. Neither writing the file nor making the index of the catalogue is in it.
"""

from __future__ import annotations

import argparse
import csv
import platform
import tempfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from bench.figures import Figure, print_table
from bench.price_lists import matching, reading
from bench.price_lists.known import Known, read_known
from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.matching import judge, settle
from daemon.workloads.price_lists.matching.scorer import Scorer, shipped_scorer
from daemon.workloads.price_lists.reading.reading import read

WHOLE = 20_000  # lines that are parsed and matched
SPEED = 2_000.0  # of these in a second
LINES, RUNS = 200_000, 3  # of reading alone
HEADER = ("SKU", "Name", "Brand", "MPN", "Price")


def measure_whole(known: Known, scorer: Scorer, count: int = WHOLE) -> Figure:
    """From the file to the matches, the best of three."""
    catalogue = Catalogue(known.products)
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.csv")
        write_list(path, known.all_lines, count)
        for _ in range(RUNS):
            began, worked = perf_counter(), process_time()
            lines = [line for line in read(path, None, None, lambda done, share: None) if isinstance(line, Line)]
            assert len(lines) == count, "the list was not read as it was written"
            slices = [lines[at : at + matching.SLICE] for at in range(0, count, matching.SLICE)]
            matches = settle(lines, [found for each in slices for found in judge(each, catalogue, scorer)])
            rates.append((count / (perf_counter() - began), count / (process_time() - worked)))
            assert len(matches) == count
    rate, busy = max(rates)
    return Figure(
        f"lines/s, parse and match, {count:,} lines of CSV, {len(catalogue):,} products",
        f"{SPEED:,.0f}",
        f"{rate:,.0f} ({busy:,.0f} per CPU second)",
        rate >= SPEED,
    )


def write_list(path: Path, lines: Sequence[Line], count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number, line in enumerate(islice(cycle(lines), count)):
            price = "" if line.price is None else f"{line.price:.2f}"
            writer.writerow([f"L{number:06d}", line.name, line.manufacturer, line.part_number, price])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--held-out", action="store_true", help="learn without each list in turn; needs --catalogue")
    parser.add_argument("--list", action="store_true", help="list what was left out, too")
    parser.add_argument("--lines", type=int, default=LINES, help="of the lists that are only read")
    options = parser.parse_args()
    figures = reading.measure_kinds(("parse", "csv", "xlsx"), options.lines, RUNS)
    scorer, known = shipped_scorer(), read_known(options.directory)
    figures.append(measure_whole(known, scorer))
    figures += matching.measure_known(known, scorer, shows=options.list)
    if options.catalogue:
        for name, make in matching.HARD.items():
            figures += matching.measure_hard(name, make(options.catalogue), scorer)
        if options.held_out:
            figures += matching.measure_held_out(options.directory, options.catalogue)
    print_table(figures)
    print(f"\n{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
