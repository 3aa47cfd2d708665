"""How fast a price list is read, and in how much memory.

    python -m bench.price_lists.reading [--lines 1000000] [--runs 3] [--kinds csv,xlsx]

The list is invented, of ten columns: numbers, names, part numbers and barcodes are different on every line, prices have
20,000 values. Each run is a process of its own, timed from opening the file to the last Line object, so that mapping,
validation and detection are in the figure. "parse alone" is csv.reader over the same file, without any of it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from xml.sax.saxutils import escape

from bench.figures import Figure, print_table

HEADER = ["SKU", "Name", "Brand", "MPN", "EAN", "Price", "Currency", "Stock", "Colour", "Weight"]
WANTED = {"csv": 150_000, "parse": 150_000, "xlsx": 20_000}  # lines per second
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def rows(count: int) -> Iterator[list[str]]:
    """Lines of goods as texts; the price with a point."""
    chance = random.Random(7)
    nouns = ["claw hammer", "hand saw", "wood screw", "paint brush", "cable", "switch", "pipe clamp", "drill bit"]
    brands = [f"Maker {number}" for number in range(400)]
    colours = ["red", "blue", "green", "", "black"]
    for number in range(count):
        body = f"40{number:010d}"
        digit = -sum(int(each) * (3 if place % 2 else 1) for place, each in enumerate(body)) % 10
        yield [
            f"A-{number:07d}",
            f"{chance.choice(nouns)} {chance.choice(colours)} {number % 977} mm, pack of {number % 50 + 1}",
            chance.choice(brands),
            f"HM{number * 7919 % 10_000_019}",
            f"{body}{digit}",
            f"{chance.randrange(200_00) / 100 + 1:.2f}",
            "EUR",
            str(chance.randrange(500)),
            chance.choice(colours),
            f"{number % 400 + 10} g",
        ]


def write_csv(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(";".join(HEADER) + "\n")
        file.writelines(";".join([*row[:5], row[5].replace(".", ","), *row[6:]]) + "\n" for row in rows(count))


def write_xlsx(path: Path, count: int) -> None:
    """As spreadsheets write them: texts are shared, barcodes, prices and stocks are numbers."""
    shared: dict[str, int] = {}
    numbers = {4, 5, 7}

    def cells(number: int, row: list[str]) -> str:
        parts = []
        for place, text in enumerate(row):
            at = f"{chr(65 + place)}{number}"
            if place in numbers and number > 1:
                parts.append(f'<c r="{at}"><v>{text}</v></c>')
            elif text:
                parts.append(f'<c r="{at}" t="s"><v>{shared.setdefault(text, len(shared))}</v></c>')
        return f'<row r="{number}">{"".join(parts)}</row>'

    relation = f'<Relationship Id="{{}}" Type="{_OFFICE}/{{}}" Target="{{}}"/>'.format
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as file:
            file.write(f'<worksheet xmlns="{_MAIN}"><sheetData>{cells(1, HEADER)}'.encode())
            for number, row in enumerate(rows(count), start=2):
                file.write(cells(number, row).encode())
            file.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as file:
            file.write(f'<sst xmlns="{_MAIN}">'.encode())
            for text in shared:
                file.write(f"<si><t>{escape(text)}</t></si>".encode())
            file.write(b"</sst>")
        for name, text in {
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}">{relation("r", "officeDocument", "xl/workbook.xml")}'
            "</Relationships>",
            "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            '<sheet name="List" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
            f"{relation('r1', 'worksheet', 'worksheets/sheet1.xml')}"
            f"{relation('r2', 'sharedStrings', 'sharedStrings.xml')}</Relationships>",
        }.items():
            archive.writestr(name, text)


def measure(kind: str, path: Path) -> dict[str, float]:
    """In this process."""
    began, busy = perf_counter(), process_time()
    if kind == "parse":
        import csv

        with path.open(encoding="utf-8", newline="") as file:
            lines = sum(1 for _ in csv.reader(file, delimiter=";")) - 1
    else:
        from daemon.workloads.price_lists.line import Line
        from daemon.workloads.price_lists.reading.reading import read

        lines = sum(isinstance(line, Line) for line in read(path, None, None, lambda done, share: None))
    peak = peak_mb()
    return {"lines": lines, "seconds": perf_counter() - began, "busy": process_time() - busy, "peak_mb": peak}


def peak_mb() -> float:
    """Of this process. What getrusage tells has the parent's peak in it, so the kernel's own note goes first."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kinds", default="parse,csv,xlsx")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure[0], Path(arguments.measure[1]))))
        return
    if arguments.write:
        write = {"csv": write_csv, "xlsx": write_xlsx}[arguments.write[0]]
        write(Path(arguments.write[1]), arguments.lines)
        return
    print_table(measure_kinds(arguments.kinds.split(","), arguments.lines, arguments.runs))


def measure_kinds(kinds: Sequence[str], lines: int, count: int) -> list[Figure]:
    """Of each kind the median of so many runs over so many lines."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {"csv": Path(folder, "list.csv"), "xlsx": Path(folder, "list.xlsx")}
        paths["parse"] = paths["csv"]
        # By processes of their own: what the parent's memory was at its peak counts for its children.
        if {"csv", "parse"} & {*kinds}:
            _run("--write", "csv", str(paths["csv"]), "--lines", str(lines))
        if "xlsx" in kinds:
            _run("--write", "xlsx", str(paths["xlsx"]), "--lines", str(lines))
        for kind in kinds:
            runs: list[dict[str, float]] = [json.loads(_run("--measure", kind, str(paths[kind]))) for _ in range(count)]
            assert all(run["lines"] == lines for run in runs)
            speeds = sorted(run["lines"] / run["seconds"] for run in runs)
            measured = f"{median(speeds):,.0f} ({speeds[0]:,.0f} to {speeds[-1]:,.0f})"
            busy = f"{median(run['lines'] / run['busy'] for run in runs):,.0f} a second of processor time"
            peak = f"peak {max(run['peak_mb'] for run in runs):.0f} MB"
            what = "CSV, csv.reader alone" if kind == "parse" else f"{kind.upper()}, read to lines"
            name = f"{what}: lines/s of {lines:,}, median of {len(runs)} (range)"
            reached = median(speeds) >= WANTED[kind]
            figures.append(Figure(name, f"{WANTED[kind]:,}", f"{measured}; {busy}; {peak}", reached))
    return figures


def _run(*arguments: str) -> str:
    command = [sys.executable, "-m", "bench.price_lists.reading", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
