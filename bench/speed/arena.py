"""Where the competitors meet: one durable server, shops that are alike, and what is checked after each run."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from bench.processes import Instance, write_sample_catalogue
from bench.shop import SERVER, Shop, say
from bench.speed.hosts import Network
from bench.speed.samples import Results, Sample
from daemon.database.embedded import EmbeddedServer

COUNTER = "pg_stat_statements"
SETTINGS = SERVER | {
    "shared_preload_libraries": COUNTER,
    f"{COUNTER}.track": "none",  # until a case wants statements counted, in its database alone
    "compute_query_id": "off",
}

TEMPLATE = "shop"
WARM_UP = 500  # products of the batch that every competitor treats before the clock starts
LEARNED = 42_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    rounds: int
    peer_rounds: int  # in which peers take part where they are beside the point: the batch, pickup
    side_rounds: int  # of what takes long and says the same each time
    products: int  # of the batch
    naive: int  # products that the naive script treats
    tiny: int  # one-product batches
    pickups: int
    idle_s: float
    starts: int
    small: int  # the batch that the big one is compared with
    big: int
    fair: int  # ten-product batches behind the big one
    grown: tuple[int, ...]  # evidence rows that exist already
    heavy: int  # products with a heavy decision
    instances: tuple[int, ...]  # that share them
    trigger_s: float


class Wrong(Exception):
    """The rows are not what they should be: the figure would be worth nothing."""


class Arena:
    """The server with a template shop: a catalogue, a model learned from it, and products enough."""

    def __init__(
        self, server: EmbeddedServer, directory: Path, scale: Scale, results: Results, others: Network | None = None
    ) -> None:
        self.server = server
        self.directory = directory
        self.scale = scale
        self.results = results
        self.others = others
        self._admin = psycopg.connect(server.dsn(), autocommit=True)
        self._prober = Shop(server.dsn())
        self._probe = 0.0
        self.peers: list[str] = []  # those that take part

    def prepare(self, catalogue: Path | None, hold_out: str) -> None:
        """Make the template, once per server, and let other hosts in."""
        if self.others:
            with (self.server.directory / "pg_hba.conf").open("a", encoding="ascii") as access:
                access.write(f"host all all {self.others.network} trust\n")
            self._admin.execute("SELECT pg_reload_conf()")
        self._admin.execute(f"CREATE DATABASE {TEMPLATE}")
        shop = Shop(self.server.dsn(TEMPLATE))
        say(shop.run("migrate", "--with-stand-in"))
        if catalogue is None:
            catalogue = self.directory / "sample.csv"
            # A fifth of the sample has no category; the rest is what is learned from.
            write_sample_catalogue(catalogue, LEARNED * 5 // 4)
            hold_out = "split=held"
        say(shop.run("import", str(catalogue), "--hold-out", hold_out))
        say(shop.run("learn"))
        shop.grow(max(self.scale.products, self.scale.naive, self.scale.tiny) + WARM_UP)
        shop.db.close()

    @contextmanager
    def template(self, name: str, source: str = TEMPLATE) -> Iterator[Shop]:
        """A copy of the template that is kept, to be a template itself once the block has changed it."""
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")
        shop = Shop(self.server.dsn(name))
        try:
            yield shop
        finally:
            shop.db.close()

    @contextmanager
    def shop(self, name: str, template: str = TEMPLATE) -> Iterator[Shop]:
        """A fresh copy of the template, gone afterwards; the disk is at peace and the commit probe is taken."""
        try:
            with self.template(name, template) as shop:
                self.settle()
                yield shop
        finally:
            self.drop(name)

    def has(self, name: str) -> bool:
        return bool(self._admin.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).rowcount)

    def drop(self, name: str) -> None:
        self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def settle(self) -> None:
        """Nothing of what was done before is written to the disk later, in somebody else's time."""
        self._admin.execute("CHECKPOINT")
        self._probe = self._prober.commit_probe()

    def record(self, case: str, competitor: str, number: int, **values: float) -> None:
        self.results.samples.append(Sample(case, competitor, number, round(self._probe), values))
        told = ", ".join(f"{name} {value:,.4g}" for name, value in values.items())
        say(f"{case}, round {number}: {competitor}: {told} (commit probe {self._probe:,.0f}/s)")

    def count_statements_in(self, shop: Shop) -> None:
        """From now on, in the sessions that begin; elsewhere nothing is counted, for it takes time."""
        self._admin.execute(f"CREATE EXTENSION IF NOT EXISTS {COUNTER}")
        for setting in (f"{COUNTER}.track = 'top'", "compute_query_id = 'on'"):
            self._admin.execute(f"ALTER DATABASE {shop.db.info.dbname} SET {setting}")

    def forget_statements(self) -> None:
        self._admin.execute(f"SELECT {COUNTER}_reset()")

    def query(self, query: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Asked from outside every shop: it is not counted in any."""
        return self._admin.execute(query, parameters).fetchall()

    def count_statements(self, database: str) -> float:
        """Since they are counted there."""
        row = self._admin.execute(
            f"SELECT coalesce(sum(calls), 0)::float8 FROM {COUNTER}"
            " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = %s)",
            (database,),
        ).fetchone()
        assert row is not None
        return float(row[0])

    def database_environment(self, shop: Shop) -> dict[str, str]:
        """By which any client finds the shop: libpq's variables."""
        return shop.environment | {
            "PGHOST": self.server.host,
            "PGPORT": str(self.server.port),
            "PGUSER": "postgres",
            "PGDATABASE": shop.db.info.dbname,
        }

    @contextmanager
    def instance(
        self, shop: Shop, program: str = "daemon", name: str = "instance", host: str = "", **environment: str
    ) -> Iterator[Instance]:
        """A daemon on that shop, ready; on another host, if one is named."""
        log = self.directory / f"{name}.log"
        command = shop.command("run", program=program)
        if host and self.others:
            command = [*self.others.prefix(host), *command]
            environment["DATABASE_URL"] = make_conninfo(shop.dsn, host=self.others.address)
        running = Instance(command, shop.environment | environment, log)
        try:
            yield running
        finally:
            code = running.stop()
        if code:
            raise Wrong(f"the daemon ended with {code}: {log.read_text(encoding='utf-8')[-2000:]}")


def listening(others: Network | None) -> dict[str, str]:
    """Settings of a server that another network reaches."""
    return {"listen_addresses": f"127.0.0.1,{others.address}"} if others else {}


def ids(shop: Shop, count: int, skip: int = 0) -> list[int]:
    """The first products after those that are skipped."""
    rows = shop.db.execute("SELECT id FROM products ORDER BY id OFFSET %s LIMIT %s", (skip, count)).fetchall()
    if len(rows) < count:
        raise Wrong(f"the shop has too few products: {count} wanted after {skip}")
    return [row[0] for row in rows]


def open_batch(shop: Shop, products: int) -> int:
    """A batch of others than catalogd: nobody plans it; the competitor counts in it."""
    row = shop.db.execute(
        "INSERT INTO categorization_batches (status, total_products, started_at) VALUES ('processing', %s, now())"
        " RETURNING id",
        (products,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def verify(shop: Shop, batch_ids: Sequence[int], products: int, evidence: int | None = None) -> None:
    """Raises Wrong unless these batches are completed, each of their products is predicted once, and with evidence.

    `evidence` is the number of its rows for each product; None: any, but at least one.
    """
    asked = {"batches": list(batch_ids)}
    found = shop.db.execute(
        """
        SELECT count(*) FILTER (WHERE status = 'completed' AND completed_at IS NOT NULL),
               sum(processed_products)::bigint, sum(success_products)::bigint, sum(error_products)::bigint
        FROM categorization_batches
        WHERE id = ANY(%(batches)s)
        """,
        asked,
    ).fetchone()
    expect("completed batches, products processed, predicted, in error", found, (len(batch_ids), products, products, 0))
    found = shop.db.execute(
        """
        SELECT count(*), count(DISTINCT (prediction.batch_id, prediction.product_id)),
               count(*) FILTER (WHERE product.status = 'predicted'),
               count(*) FILTER (WHERE prediction.status IN ('pending', 'superseded'))
        FROM predictions AS prediction
        JOIN products AS product ON product.id = prediction.product_id
        WHERE prediction.batch_id = ANY(%(batches)s)
        """,
        asked,
    ).fetchone()
    expect("predictions, distinct, of products marked, with a status", found, (products,) * 4)
    found = shop.db.execute(
        """
        SELECT count(*), min(reasons), max(reasons)
        FROM (SELECT count(reason.id) AS reasons
              FROM predictions AS prediction
              LEFT JOIN evidence AS reason ON reason.prediction_id = prediction.id
              WHERE prediction.batch_id = ANY(%(batches)s)
              GROUP BY prediction.id) AS counted
        """,
        asked,
    ).fetchone()
    assert found is not None
    if evidence is None:
        if found[1] < 1:
            raise Wrong("there are predictions without evidence")
    else:
        expect("predictions, their evidence at least, at most", found, (products, evidence, evidence))


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Wrong(f"{what}: {found}, not {wanted}")


def wait(condition: Callable[[], bool], pause_s: float, timeout_s: float, what: str) -> None:
    """Until the callable says true. Raises Wrong when it does not in time."""
    deadline = monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        if monotonic() > deadline:
            raise Wrong(f"{what} did not come within {timeout_s:.0f} s")
        pause.wait(pause_s)


def stop(process: subprocess.Popen[str], timeout_s: float = 15.0) -> None:
    """Ask it to end, and see to it."""
    process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
