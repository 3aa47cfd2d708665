"""Other queues, as they are published, each by an adapter of ours that runs in an environment of its own."""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

from bench.shop import Shop, say
from bench.speed.arena import Arena, Wrong, ids, open_batch, stop, verify, wait
from bench.speed.load import Load
from bench.speed.work import trivial_decision

ROOT = Path(__file__).parents[2]
ADAPTERS = Path(__file__).with_name("peers")
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
INSTALLED_PYTHON = ROOT / ".venv-bench" / ".installed"  # both are touched by make when all is well
INSTALLED_NODE = ADAPTERS / "node_modules" / ".installed"

JOB_SIZE = 500  # products of a job, where jobs may be big: the size of catalogd's slices
PATIENCE_S = 900.0


@dataclass(frozen=True, slots=True)
class Peer:
    """`open_jobs` is SQL: how many jobs are not yet done."""

    name: str
    adapter: str  # a module or a file in peers/
    open_jobs: str
    settings: str  # in words

    @property
    def is_python(self) -> bool:
        return not self.adapter.endswith(".mjs")

    @property
    def template(self) -> str:
        return "with_" + self.name.replace("-", "_")

    def command(self, *arguments: str) -> list[str]:
        if self.is_python:
            return [str(PYTHON), "-m", f"bench.speed.peers.{self.adapter}", *arguments]
        return [shutil.which("node") or "node", str(ADAPTERS / self.adapter), *arguments]

    def prepare(self, arena: Arena) -> str | None:
        """Make its tables in a template of its own; returns why that cannot be done, or None."""
        if self.is_python and not INSTALLED_PYTHON.exists():
            return f"its Python environment is not installed{reason_in('peers-python.log')}"
        if not self.is_python and not shutil.which("node"):
            return "there is no node"
        if not self.is_python and not INSTALLED_NODE.exists():
            return f"its node modules are not installed{reason_in('peers-node.log')}"
        try:
            with arena.template(self.template) as shop:
                self.tell(arena, shop, ["install"], "")
        except subprocess.SubprocessError as error:
            return f"its tables could not be made: {error}"
        return None

    def tell(self, arena: Arena, shop: Shop, arguments: Sequence[str], text: str, timeout_s: float = 120) -> str:
        """Run the adapter to its end; what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            input=text,
            env=arena.database_environment(shop),
            cwd=ROOT,
            check=False,
            text=True,
            capture_output=True,
            timeout=timeout_s,
        )
        if done.returncode:
            raise subprocess.SubprocessError(f"{self.name} {arguments[0]}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def enqueue(self, arena: Arena, shop: Shop, jobs: Sequence[tuple[int, Sequence[int]]]) -> None:
        """By its own bulk insert: a batch and its products for each job."""
        lines = [json.dumps({"batch": batch_id, "products": list(products)}) for batch_id, products in jobs]
        self.tell(arena, shop, ["enqueue"], "\n".join(lines))

    @contextmanager
    def as_guest(self, arena: Arena, case: str) -> Iterator[None]:
        """What a peer does not manage, or does wrongly, is told; the others go on."""
        try:
            yield
        except (Wrong, OSError, subprocess.SubprocessError) as error:
            arena.results.failed.append(f"{self.name}, {case}: {error}")
            say(f"FAILED: {arena.results.failed[-1]}")

    @contextmanager
    def worker(self, arena: Arena, shop: Shop) -> Iterator[Worker]:
        log = arena.directory / f"{self.template}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                self.command("work"),
                env=arena.database_environment(shop),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        worker = Worker(self.name, process, log)
        try:
            yield worker
        finally:
            stop(process)
            worker.close()

    def wait_until_idle(self, arena: Arena, shop: Shop, worker: Worker) -> None:
        """Until it has done a first, empty job: it is up, and waits."""
        self.enqueue(arena, shop, [(0, [])])
        worker.wait_for("started")
        wait(lambda: self._is_drained(shop), 0.02, PATIENCE_S, f"{self.name}'s first job")

    def _is_drained(self, shop: Shop) -> bool:
        return shop.db.execute(self.open_jobs).fetchone() == (0,)

    def drain_batch(self, arena: Arena, shop: Shop, products: int, skip: int) -> dict[str, float]:
        """The products of one batch, in jobs of many."""
        chosen = ids(shop, products, skip)
        batch_id = open_batch(shop, products)
        parts = [chosen[at : at + JOB_SIZE] for at in range(0, products, JOB_SIZE)]
        took_s, load = self._drain(arena, shop, [(batch_id, part) for part in parts])
        verify(shop, [batch_id], products, len(trivial_decision().evidence))
        return {"products_per_s": products / took_s, **load.per(products)}

    def drain_tiny(self, arena: Arena, shop: Shop, batches: int, skip: int) -> dict[str, float]:
        """A job for each product, each in a batch of its own."""
        chosen = ids(shop, batches, skip)
        rows = shop.db.execute(
            "INSERT INTO categorization_batches (status, total_products, started_at)"
            " SELECT 'processing', 1, now() FROM generate_series(1, %s) RETURNING id",
            (batches,),
        ).fetchall()
        batch_ids = [row[0] for row in rows]
        jobs = [(batch_id, [product_id]) for batch_id, product_id in zip(batch_ids, chosen, strict=True)]
        took_s, load = self._drain(arena, shop, jobs)
        verify(shop, batch_ids, batches, len(trivial_decision().evidence))
        return {"batches_per_s": batches / took_s, **load.per(batches)}

    def _drain(self, arena: Arena, shop: Shop, jobs: Sequence[tuple[int, Sequence[int]]]) -> tuple[float, Load]:
        """From the start of the first job, whatever the worker did before, until none is left. In seconds."""
        self.enqueue(arena, shop, jobs)
        shop.db.execute("VACUUM ANALYZE")
        shop.db.execute("CHECKPOINT")
        with self.worker(arena, shop) as worker, Load(shop, (worker.pid,)) as load:
            first = worker.wait_for("started")
            for _ in jobs[1:]:
                worker.wait_for("started")
            wait(lambda: self._is_drained(shop), 0.02, PATIENCE_S, f"{self.name}'s end")
            took_ns = monotonic_ns() - first[1]
        return took_ns / 1e9, load


class Worker:
    """A peer's running worker; what it prints is read as it comes: a word and two numbers a line."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path) -> None:
        self.pid = process.pid
        self._log = log
        self._name = name
        self._process = process
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, word: str, timeout_s: float = PATIENCE_S) -> tuple[int, int]:
        """The numbers of the next line that begins with this word. Raises Wrong when it does not come."""
        while True:
            try:
                line = self._lines.get(timeout=timeout_s)
            except queue.Empty:
                line = None
            if line is None:
                raise Wrong(f"{self._name} did not say {word!r}: {self._log.read_text()[-1000:]}")
            found = line.split()
            if len(found) == 3 and found[0] == word:
                return int(found[1]), int(found[2])

    def close(self) -> None:
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


PEERS = (
    Peer(
        "procrastinate",
        "on_procrastinate",
        "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
        "concurrency 30, LISTEN, the handlers on a pool of 20",
    ),
    Peer(
        "pgqueuer",
        "on_pgqueuer",
        "SELECT count(*) FROM pgqueuer",
        "asyncpg pool of 4, uvloop, batch_size 100, the handlers on a pool of 20",
    ),
    Peer(
        "chancy",
        "on_chancy",
        "SELECT count(*) FROM chancy_jobs WHERE state IN ('pending', 'running', 'retrying')",
        "AsyncExecutor, concurrency 100, eager_polling, the handlers on a pool of 20",
    ),
    Peer(
        "graphile-worker",
        "on_graphile_worker.mjs",
        "SELECT count(*)::int FROM graphile_worker._private_jobs",
        "concurrentJobs 24, maxPoolSize 25, localQueue 500, completion in batches, the handlers on a pool of 20",
    ),
    Peer(
        "pg-boss",
        "on_pg_boss.mjs",
        "SELECT count(*)::int FROM pgboss.job WHERE name = 'treat' AND state IN ('created', 'retry', 'active')",
        "batchSize 1000, the next fetch at once after a full one, else polled every 0.5 s (its least),"
        " the handlers on a pool of 20",
    ),
)


def reason_in(log: str) -> str:
    """The last thing that the installation said, if it left a log."""
    file = ROOT / "build" / log
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n") if file.exists() else []
    said = [line for line in lines if line.strip()]
    return f": {said[-1].strip()}" if said else ""


def version_of(peer: Peer) -> str:
    """As it is pinned."""
    if peer.is_python:
        pinned = re.search(rf"^{peer.name}==(\S+)", (ADAPTERS / "requirements.lock").read_text(), re.MULTILINE)
        return pinned[1] if pinned else "?"
    return str(json.loads((ADAPTERS / "package.json").read_text())["dependencies"][peer.name])


def prepare(arena: Arena, names: Sequence[str]) -> None:
    """The peers that can take part, each with a template; the others are told as absent."""
    for peer in PEERS:
        if peer.name in names:
            reason = peer.prepare(arena)
            if reason is not None:
                arena.results.absent[peer.name] = reason
                say(f"{peer.name} is absent: {reason}")
            else:
                arena.peers.append(peer.name)
                arena.results.about[peer.name] = f"{version_of(peer)}: {peer.settings}"


def present(arena: Arena) -> list[Peer]:
    return [peer for peer in PEERS if peer.name in arena.peers]
