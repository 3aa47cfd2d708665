"""Commands: how soon help is shown and a daemon is ready; what learning takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from time import monotonic

from bench.shop import Shop
from bench.speed.arena import Arena, Wrong

CATALOGD = str(Path(sys.executable).with_name("catalogd"))


def measure_start(arena: Arena) -> None:
    """Each once before it counts: the files are in memory then, and compiled."""
    with arena.shop("contest") as shop:
        for number in range(arena.scale.starts + 1):
            bare_s, _, _ = _run([sys.executable, "-c", "pass"], shop)
            help_s, _, _ = _run([CATALOGD, "--help"], shop)
            with arena.instance(shop) as daemon:
                ready_s = daemon.ready_after_s
            if number:
                arena.record("start", "catalogd", number, help_s=help_s, ready_s=ready_s, bare_python_s=bare_s)


def measure_learning(arena: Arena) -> None:
    """`catalogd learn` on the whole catalogue, a process of its own each time."""
    for number in range(1, arena.scale.rounds + 1):
        with arena.shop("contest") as shop:
            took_s, peak_mb, said = _run([CATALOGD, "learn"], shop)
        learned = re.search(r"from ([\d,]+) products", said)
        if learned is None:
            raise Wrong(f"catalogd learn said {said!r}")
        products = int(learned[1].replace(",", ""))
        arena.record("learning", "catalogd", number, took_s=took_s, peak_mb=peak_mb, products=products)


def _run(command: list[str], shop: Shop) -> tuple[float, float, str]:
    """Seconds, the process's peak memory in MB, and what it printed."""
    began = monotonic()
    process = subprocess.Popen(command, env=shop.environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    took_s = monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise Wrong(f"{' '.join(command)} ended with {process.returncode}")
    return took_s, usage.ru_maxrss / 1024, said
