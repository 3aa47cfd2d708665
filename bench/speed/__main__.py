"""The benchmark: catalogd beside its limits, a naive script and other queues, on one durable server.

    make bench          (or: python -m bench.speed)
    make bench-full     (or: python -m bench.speed --full --document docs)

A part alone: python -m bench.speed --only batch,pickup --rounds 1 --products 10000 --peers pgqueuer
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import daemon
from bench.figures import print_table
from bench.shop import SERVER, say
from bench.speed import batch, commands, costs, growth, idle, instances, latency, peer, report, tiny, trigger
from bench.speed.arena import SETTINGS, Arena, Scale, listening
from bench.speed.hosts import network
from bench.speed.samples import Results
from daemon.database.embedded import EmbeddedServer, embedded_binaries

SHORT = Scale(
    rounds=3,
    peer_rounds=1,
    side_rounds=1,
    products=100_000,
    naive=3_000,
    tiny=1_500,
    pickups=200,
    idle_s=60,
    starts=10,
    small=10_000,
    big=100_000,
    fair=15,
    grown=(0, 1_000_000),
    heavy=32_000,
    instances=(1, 2),
    trigger_s=3,
)
FULL = replace(
    SHORT,
    rounds=5,
    peer_rounds=5,
    side_rounds=3,
    naive=10_000,
    tiny=20_000,
    pickups=400,
    idle_s=120,
    starts=20,
    big=1_000_000,
    fair=60,
    grown=(0, 1_000_000, 4_000_000, 16_000_000),
    heavy=40_000,
    instances=(1, 2, 4, 8),
    trigger_s=10,
)

CASES: dict[str, Callable[[Arena], None]] = {
    "batch": batch.measure,
    "tiny": tiny.measure,
    "latency": latency.measure,
    "idle": idle.measure,
    "trigger": trigger.measure,
    "size": growth.measure_size,
    "fairness": growth.measure_fairness,
    "first": growth.measure_first,
    "grown": growth.measure_grown,
    "instances": instances.measure,
    "start": commands.measure_start,
    "learning": commands.measure_learning,
    "costs": costs.measure,
}


def main() -> int:
    options = parse()
    results = Results.read(options.json) if options.render else measure(options)
    print_table(report.figures(results))
    if options.document:
        publish(results, options.document)
    for name, reason in results.absent.items():
        say(f"{name} is absent: {reason}")
    for failure in results.failed:
        say(f"FAILED: {failure}")
    return 1 if results.failed else 0


def measure(options: argparse.Namespace) -> Results:
    """Case after case; what was found is kept in the file after each."""
    scale = FULL if options.full else SHORT
    changes = {"rounds": options.rounds, "products": options.products} | dict(options.set)
    scale = replace(scale, **{name: value for name, value in changes.items() if value is not None})
    before = Results.read(options.json) if options.anew else None
    results = Results(about=about(options, scale))
    with (
        tempfile.TemporaryDirectory(prefix="catalogd-bench-") as directory,
        network(max(scale.instances) if "instances" in options.only else 0) as others,
        EmbeddedServer(embedded_binaries(), settings=SETTINGS | listening(others), durable=True) as server,
    ):
        arena = Arena(server, Path(directory), scale, results, others)
        arena.prepare(options.catalogue, options.hold_out)
        peer.prepare(arena, options.peers)
        found = results
        for name in options.only:
            began = monotonic()
            say(f"\n{name}")
            CASES[name](arena)
            say(f"{name} took {monotonic() - began:.0f} s")
            found = results if before is None else before.renewed_by(results)
            found.write(options.json)
    return found


def about(options: argparse.Namespace, scale: Scale) -> dict[str, object]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores ({processor()}), {platform.system()} {platform.release()}",
        "catalogd": f"{daemon.__version__} on Python {platform.python_version()}, 2 workers",
        "server": f"{embedded_binaries().name}, " + ", ".join(f"{name} {value}" for name, value in SERVER.items()),
        "catalogue": options.catalogue.name if options.catalogue else "the sample catalogue of the demo",
        "scale": asdict(scale),
    }


def processor() -> str:
    """What the kernel calls it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def publish(results: Results, directory: Path) -> None:
    """The document, the chart and what both are made of."""
    results.write(directory / "performance.json")
    (directory / "performance.md").write_text(report.document(results), encoding="utf-8")
    if not peer.PYTHON.exists():
        say("no chart: there is no .venv-bench")
        return
    command = [str(peer.PYTHON), "-m", "bench.speed.chart"]
    files = [str((directory / name).absolute()) for name in ("performance.json", "performance.svg")]
    subprocess.run([*command, *files], cwd=peer.ROOT, check=True)


def chosen(names: Iterable[str]) -> Callable[[str], list[str]]:
    """For argparse: some of these names, in their own order; `none` for none of them."""

    def parse_names(text: str) -> list[str]:
        wanted = set(text.split(",")) - {"none"}
        if wanted - set(names):
            raise argparse.ArgumentTypeError(f"no such name: {', '.join(sorted(wanted - set(names)))}")
        return [name for name in names if name in wanted]

    return parse_names


def sizes() -> dict[str, object]:
    """What can be set, with the type by example."""
    return asdict(SHORT)


def setting(text: str) -> tuple[str, object]:
    """For argparse: a size of Scale, such as `big=20000` or `grown=0,100000`."""
    name, _, value = text.partition("=")
    if name not in sizes():
        raise argparse.ArgumentTypeError(f"no such size: {name}")
    numbers = [int(number) for number in value.split(",")]
    return name, tuple(numbers) if isinstance(sizes()[name], tuple) else numbers[0]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="everything in its full size: more than an hour")
    parser.add_argument("--catalogue", type=Path, help="a file for `catalogd import` (default: the sample catalogue)")
    parser.add_argument("--hold-out", default="split=dev", metavar="COLUMN=VALUE", help="of the catalogue")
    parser.add_argument("--only", type=chosen(CASES), default=list(CASES), metavar="CASE,...", help=", ".join(CASES))
    names = [each.name for each in peer.PEERS]
    parser.add_argument("--peers", type=chosen(names), default=names, metavar="PEER,...", help=", ".join(names))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--products", type=int, help="of the batch (default: 100,000)")
    parser.add_argument(
        "--set",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help=f"another size, for a trial: {', '.join(sizes())}; several numbers with a comma for grown and instances",
    )
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE")
    parser.add_argument("--anew", action="store_true", help="keep what the JSON file has of other cases than these")
    parser.add_argument("--document", type=Path, metavar="DIRECTORY", help="write performance.md and its chart there")
    parser.add_argument("--render", action="store_true", help="measure nothing: use what is in the JSON file")
    options = parser.parse_args()
    if options.catalogue is not None and not options.catalogue.is_file():
        parser.error(f"no such file: {options.catalogue}")
    if (options.anew or options.render) and not options.json.is_file():
        parser.error(f"no such file: {options.json}")
    return options


if __name__ == "__main__":
    sys.exit(main())
