from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.speed import __main__ as program
from bench.speed.arena import Wrong
from bench.speed.peer import PEERS, Peer, Worker, version_of
from bench.speed.samples import Results


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_the_version_of_every_peer_is_pinned(peer: Peer) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", version_of(peer))


def test_what_a_peer_does_not_manage_is_told_and_the_others_go_on() -> None:
    arena = SimpleNamespace(results=Results())
    with PEERS[0].as_guest(arena, "tiny"):  # type: ignore[arg-type]
        raise Wrong("it wrote too little")
    assert arena.results.failed == ["procrastinate, tiny: it wrote too little"]


def test_a_fault_of_the_harness_is_not_blamed_on_a_peer() -> None:
    arena = SimpleNamespace(results=Results())
    with pytest.raises(KeyError), PEERS[0].as_guest(arena, "tiny"):  # type: ignore[arg-type]
        raise KeyError("mine")
    assert arena.results.failed == []


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """One that says a few lines and ends."""
    said = "print('hello'); print('started 7 100'); print('started 8 oh dear, and more'); print('started 9 200')"
    log = tmp_path / "peer.log"
    log.write_text("it went wrong here")
    with subprocess.Popen([sys.executable, "-c", said], stdout=subprocess.PIPE, text=True) as process:
        found = Worker("a peer", process, log)
        yield found
        found.close()


def test_of_what_a_worker_prints_only_the_lines_of_the_protocol_count(worker: Worker) -> None:
    assert worker.wait_for("started") == (7, 100)
    assert worker.wait_for("started") == (9, 200)
    with pytest.raises(Wrong, match="a peer did not say 'started': it went wrong here"):
        worker.wait_for("started")


def test_cases_and_sizes_are_named_on_the_command_line() -> None:
    assert program.chosen(["batch", "tiny", "idle"])("idle,batch") == ["batch", "idle"]
    assert program.chosen(["batch"])("none") == []
    assert program.setting("big=20000") == ("big", 20_000)
    assert program.setting("grown=0,5") == ("grown", (0, 5))
    for wrong in (program.chosen(["batch"]), program.setting):
        with pytest.raises(argparse.ArgumentTypeError, match="no such"):
            wrong("bath")
