"""Mixed load on two instances for a while: does anything grow that should not?

    make soak MINUTES=10        (or: python -m bench.soak --minutes 10 [--kill-every 30] [--json soak.json])

Tiny, middle and big batches, bad ids, cancels, retries, deletes of old batches, a new model every minute. Each interval
prints what processes and tables use; at the end every batch is checked against the rows that exist. Exit code 1 when
an invariant is broken, or when memory, descriptors or threads still grow in the second half.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

import psycopg
from psycopg.types.json import Jsonb

from bench.processes import Instance, write_json, write_sample_catalogue
from bench.shop import SERVER, Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries

GROWTH = 0.05  # what an instance's memory may grow by in the second half, by its least-squares line
OPEN_AT_MOST = 300  # the clients wait while this many batches are open: the load is what can be borne
TABLES = ("batch_slices", "categorization_batches", "predictions", "evidence", "categorization_errors", "audit_log")

OPEN = "SELECT count(*) FROM categorization_batches WHERE status IN ('pending', 'processing')"
BROKEN = "SELECT count(*) FROM categorization_batches WHERE processed_products <> success_products + error_products"
WRONG_AT_THE_END = {
    "batches whose counters are not the rows that exist": """
        SELECT count(*) FROM categorization_batches AS batch
        WHERE status IN ('completed', 'cancelled')
          AND (success_products <> (SELECT count(*) FROM predictions WHERE batch_id = batch.id)
               OR error_products <> (SELECT count(*) FROM categorization_errors WHERE batch_id = batch.id))
          AND started_at IS NOT NULL""",
    "completed batches that are not whole": """
        SELECT count(*) FROM categorization_batches
        WHERE status = 'completed' AND processed_products <> total_products""",
    "products predicted twice in a batch": """
        SELECT count(*) FROM (SELECT FROM predictions GROUP BY batch_id, product_id HAVING count(*) > 1) AS twice""",
    "predictions without evidence": """
        SELECT count(*) FROM predictions AS prediction
        WHERE NOT EXISTS (SELECT FROM evidence WHERE prediction_id = prediction.id)""",
    "slices left": "SELECT count(*) FROM batch_slices",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one moment; memory in MB, sizes in kB, ages in seconds."""

    at_s: float
    memory: list[float]
    descriptors: list[int]
    threads: list[int]
    connections: int
    oldest_transaction_s: float
    open_batches: int
    products_per_s: float
    dead: dict[str, int]
    size: dict[str, int]
    hot: dict[str, float | None]


class Load:
    """Clients that insert, cancel, retry and delete, each on a connection of its own, until stopped."""

    def __init__(self, dsn: str, product_ids: Sequence[int]) -> None:
        self._dsn = dsn
        self._ids = product_ids
        self._stop = threading.Event()
        self._open = 0
        self.deadlocks = 0  # a client gave way to the daemon, and tries again
        self.ended: list[str] = []  # clients that met an error that nobody expects
        clients = (
            (self._insert_tiny, 0.03),
            (self._insert_middle, 0.5),
            (self._insert_big, 8.0),
            (self._disturb, 1.0),
            (self._tidy, 3.0),
            (self._count, 0.2),
        )
        self._threads = [threading.Thread(target=self._run, args=client) for client in clients]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, act: Callable[[psycopg.Connection, random.Random], None], pause_s: float) -> None:
        rng = random.Random(act.__name__)
        try:
            with psycopg.connect(self._dsn, autocommit=True) as conn:
                while not self._stop.is_set():
                    if self._open < OPEN_AT_MOST or act in (self._count, self._tidy, self._disturb):
                        self._try(act, conn, rng)
                    self._stop.wait(pause_s * rng.uniform(0.5, 1.5))
        except psycopg.Error as error:
            self.ended.append(f"{act.__name__}: {error}")

    def _try(
        self,
        act: Callable[[psycopg.Connection, random.Random], None],
        conn: psycopg.Connection,
        rng: random.Random,
    ) -> None:
        try:
            act(conn, rng)
        except psycopg.errors.DeadlockDetected:
            self.deadlocks += 1

    def _insert(self, conn: psycopg.Connection, items: Sequence[object]) -> None:
        conn.execute("INSERT INTO categorization_batches (product_ids) VALUES (%s)", (Jsonb(items),))

    def _insert_tiny(self, conn: psycopg.Connection, rng: random.Random) -> None:
        self._insert(conn, rng.sample(self._ids, rng.randint(1, 5)))

    def _insert_middle(self, conn: psycopg.Connection, rng: random.Random) -> None:
        bad = rng.sample([None, "x", -1, 10**12, {"id": 1}, "12x"], rng.randint(0, 3))
        self._insert(conn, [*rng.sample(self._ids, rng.randint(50, 800)), *bad])

    def _insert_big(self, conn: psycopg.Connection, rng: random.Random) -> None:
        self._insert(conn, rng.sample(self._ids, 8_000))

    def _disturb(self, conn: psycopg.Connection, rng: random.Random) -> None:
        """Cancel an open batch, or set one back that has ended."""
        order = (
            ("status = 'cancelled'", "status IN ('pending', 'processing')")
            if rng.random() < 0.5
            else ("status = 'pending', retry_count = retry_count + 1", "status IN ('completed', 'cancelled')")
        )
        conn.execute(
            f"UPDATE categorization_batches SET {order[0]} WHERE id = ("
            f"SELECT id FROM categorization_batches WHERE {order[1]} AND retry_count < 2 ORDER BY id DESC"
            " OFFSET %s LIMIT 1 FOR UPDATE SKIP LOCKED)",
            (rng.randint(0, 5),),
        )

    def _tidy(self, conn: psycopg.Connection, _rng: random.Random) -> None:
        """What PHP's housekeeping does: batches that ended a while ago go, with all that belongs to them."""
        conn.execute(
            "DELETE FROM categorization_batches WHERE id IN ("
            "SELECT id FROM categorization_batches WHERE completed_at < now() - interval '20 seconds'"
            " ORDER BY id LIMIT 200)"
        )

    def _count(self, conn: psycopg.Connection, _rng: random.Random) -> None:
        self._open = count(
            conn, "SELECT count(*) FROM categorization_batches WHERE status IN ('pending', 'processing')"
        )


class Fleet:
    """The instances; one that is killed is replaced."""

    def __init__(self, shop: Shop, directory: Path, size: int) -> None:
        self._shop = shop
        self._directory = directory
        self._started = 0
        self.instances = [self._start() for _ in range(size)]

    def _start(self) -> Instance:
        self._started += 1
        return Instance(
            self._shop.command("run"), self._shop.environment, self._directory / f"instance-{self._started}.log"
        )

    def kill_one(self) -> None:
        victim = self.instances.pop(0)
        victim.stop(signal.SIGKILL)
        self.instances.append(self._start())

    def stop(self) -> list[int]:
        return [instance.stop() for instance in self.instances]


class Observer:
    """Takes samples, and counts rows that break an invariant."""

    def __init__(self, dsn: str, fleet: Fleet) -> None:
        self.samples: list[Sample] = []
        self.broken = 0
        self._db = psycopg.connect(dsn, autocommit=True)
        self._fleet = fleet
        self._began = self._last_at = monotonic()
        self._last_products = 0

    def look(self) -> None:
        """Call often: what is broken may be so for a moment only."""
        self.broken += count(self._db, BROKEN)

    def sample(self) -> Sample:
        rows = self._db.execute(
            "SELECT relname, n_dead_tup, pg_total_relation_size(relid) / 1024, n_tup_ins,"
            " n_tup_hot_upd / nullif(n_tup_upd, 0)::float8 FROM pg_stat_user_tables WHERE relname = ANY(%s)",
            (list(TABLES),),
        ).fetchall()
        products = next(row[3] for row in rows if row[0] == "predictions")
        now = monotonic()
        sample = Sample(
            at_s=now - self._began,
            memory=[instance.memory_mb for instance in self._fleet.instances],
            descriptors=[instance.descriptors for instance in self._fleet.instances],
            threads=[instance.threads for instance in self._fleet.instances],
            connections=count(
                self._db, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'catalogd %'"
            ),
            oldest_transaction_s=float(
                count(
                    self._db,
                    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)"
                    " FROM pg_stat_activity WHERE application_name LIKE 'catalogd %'",
                )
            ),
            open_batches=count(self._db, OPEN),
            products_per_s=(products - self._last_products) / (now - self._last_at),
            dead={row[0]: row[1] for row in rows},
            size={row[0]: row[2] for row in rows},
            hot={row[0]: row[4] for row in rows},
        )
        self._last_at, self._last_products = now, products
        self.samples.append(sample)
        return sample

    def wait_until_nothing_is_open(self, timeout_s: float = 300.0) -> bool:
        deadline = monotonic() + timeout_s
        while monotonic() < deadline:
            if not count(self._db, OPEN):
                return True
            threading.Event().wait(0.2)
        return False

    def wrong_at_the_end(self) -> dict[str, int]:
        return {name: found for name, query in WRONG_AT_THE_END.items() if (found := count(self._db, query))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--interval", type=float, default=10.0, metavar="SECONDS", help="between samples")
    parser.add_argument(
        "--kill-every", type=float, default=0.0, metavar="SECONDS", help="SIGKILL an instance; 0: never"
    )
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedServer(embedded_binaries(), settings=SERVER | {"autovacuum_naptime": "10s"}, durable=True) as server,
    ):
        return soak(Shop(server.dsn()), Path(directory), options)


def soak(shop: Shop, directory: Path, options: argparse.Namespace) -> int:
    say(shop.run("migrate", "--with-stand-in"))
    catalogue = directory / "catalogue.csv"
    write_sample_catalogue(catalogue, options.products)
    say(shop.run("import", str(catalogue), "--hold-out", "split=held"))
    say(shop.run("learn"))
    product_ids = [row[0] for row in shop.db.execute("SELECT id FROM products").fetchall()]
    fleet = Fleet(shop, directory, size=2)
    observer, load = Observer(shop.dsn, fleet), Load(shop.dsn, product_ids)
    load.start()
    try:
        observe(observer, fleet, shop, options)
    finally:
        load.stop()
        is_done = observer.wait_until_nothing_is_open()
        faults = observer.wrong_at_the_end() | ({} if is_done else {"batches still open": 1})
        codes = fleet.stop()
    if observer.broken:
        faults["rows whose counters did not add up while it ran"] = observer.broken
    faults |= {f"client ended: {reason}": 1 for reason in load.ended}
    say(f"deadlocks of the clients with the daemon, tried again: {load.deadlocks}")
    if any(codes):
        faults[f"exit codes {codes}"] = 1
    faults |= report(observer.samples, is_steady=not options.kill_every)
    write_json(options.json, {"samples": [asdict(sample) for sample in observer.samples], "faults": faults})
    for fault, number in faults.items():
        say(f"WRONG: {fault}: {number}")
    steady = f"every invariant held, and no instance grew by more than {GROWTH:.0%}"
    held = "every invariant held" if options.kill_every else steady
    say("failed" if faults else held)
    return 1 if faults else 0


def observe(observer: Observer, fleet: Fleet, shop: Shop, options: argparse.Namespace) -> None:
    """Until the time is up: a sample per interval, a new model per minute, kills if wished."""
    began = monotonic()
    next_sample, next_model, next_kill = began, began + 60, began + (options.kill_every or 1e9)
    while monotonic() < began + options.minutes * 60:
        observer.look()
        if monotonic() >= next_kill:
            fleet.kill_one()
            next_kill += options.kill_every
        if monotonic() >= next_model:
            shop.run("learn")
            next_model += 60
        if monotonic() >= next_sample:
            say(line(observer.sample()))
            next_sample = monotonic() + options.interval
        threading.Event().wait(0.2)


def line(sample: Sample) -> str:
    memory = " ".join(f"{value:.1f}" for value in sample.memory)
    return (
        f"{sample.at_s:6.0f} s  memory {memory} MB  descriptors {sample.descriptors}  threads {sample.threads}"
        f"  connections {sample.connections}  oldest transaction {sample.oldest_transaction_s:.2f} s"
        f"  open {sample.open_batches}  {sample.products_per_s:,.0f} products/s"
        f"  slices: {sample.size['batch_slices']:,} kB, {sample.dead['batch_slices']:,} dead"
    )


def report(samples: Sequence[Sample], *, is_steady: bool) -> dict[str, float]:
    """Print the table; returns what grew. Killed instances begin anew: their memory says nothing of growth."""
    half = samples[len(samples) // 2 :]
    first, last = half[0], half[-1]
    grew: dict[str, float] = {}
    print("\n| figure | begin of the second half | end | per hour |\n| --- | --- | --- | --- |")
    for number in range(len(last.memory)):
        slope = slope_of([sample.at_s for sample in half], [sample.memory[number] for sample in half])
        growth = slope * (last.at_s - first.at_s) / first.memory[number]
        print(
            f"| memory of instance {number + 1}, MB | {first.memory[number]:.1f} | {last.memory[number]:.1f}"
            f" | {slope * 3600:+.1f} ({growth:+.1%} in the second half) |"
        )
        if is_steady and growth > GROWTH:
            grew[f"memory of instance {number + 1} grew by {growth:.1%}"] = 1
    for name in ("descriptors", "threads"):
        peaks = [max(max(getattr(sample, name)) for sample in part) for part in (samples[: -len(half)] or half, half)]
        print(f"| {name} of an instance, most | {peaks[0]} | {peaks[1]} | |")
        if peaks[1] > peaks[0]:
            grew[f"{name} grew"] = peaks[1]
    print(f"| connections | {first.connections} | {last.connections} | |")
    print(f"| oldest transaction, s, worst | | {max(sample.oldest_transaction_s for sample in half):.2f} | |")
    print(f"| products/s, mean | | {sum(sample.products_per_s for sample in half) / len(half):,.0f} | |")
    print("\n| table | kB, begin of the second half | end | per hour | dead rows, most | HOT share of updates |")
    print("| --- | --- | --- | --- | --- | --- |")
    for table in TABLES:
        slope = slope_of([sample.at_s for sample in half], [float(sample.size[table]) for sample in half])
        hot = last.hot[table]
        print(
            f"| {table} | {first.size[table]:,} | {last.size[table]:,} | {slope * 3600:+,.0f}"
            f" | {max(sample.dead[table] for sample in half):,} | {'' if hot is None else f'{hot:.1%}'} |"
        )
    return grew


def slope_of(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Least squares, per unit of x."""
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def count(db: psycopg.Connection, query: str) -> int:
    row = db.execute(query).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(main())
