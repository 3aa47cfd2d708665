"""What every Python adapter does alike: a command line, and jobs that do the work.

    install            make the peer's tables
    enqueue            jobs in bulk; stdin has one a line, {"batch": 1, "products": [7]}
    send COUNT PAUSE   empty jobs one by one, PAUSE seconds apart: prints `sent NUMBER BEFORE AFTER`
    work               until SIGTERM; prints `started BATCH NANOSECONDS` for each job. All times are CLOCK_MONOTONIC.

The database is found by libpq's variables.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic_ns
from typing import Protocol, TypedDict

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from bench.speed.work import treat

HANDLERS = 20  # connections that the jobs' own work has


class Job(TypedDict):
    batch: int
    products: list[int]


Handle = Callable[[Job], Awaitable[None]]


class Adapter(Protocol):
    async def install(self) -> None: ...

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        """All of them, by the peer's bulk insert."""

    async def send(self, job: Job) -> None:
        """One, as an application does; committed on return."""

    async def work(self, handle: Handle) -> None:
        """Run the worker until cancelled."""


def main(adapter: Adapter, run: Callable[..., None] = asyncio.run) -> None:
    match sys.argv[1:]:
        case ["install"]:
            run(adapter.install())
        case ["enqueue"]:
            run(adapter.enqueue([json.loads(line) for line in sys.stdin]))
        case ["send", count, pause]:
            run(_send(adapter, int(count), float(pause)))
        case ["work"]:
            run(_work(adapter))
        case _:
            sys.exit(__doc__)


async def _send(adapter: Adapter, count: int, pause_s: float) -> None:
    for number in range(1, count + 1):
        before = monotonic_ns()
        await adapter.send({"batch": number, "products": []})
        print("sent", number, before, monotonic_ns(), flush=True)
        await asyncio.sleep(pause_s)


async def _work(adapter: Adapter) -> None:
    async with AsyncConnectionPool[AsyncConnection](
        "", min_size=HANDLERS, max_size=HANDLERS, kwargs={"autocommit": True}, open=False
    ) as pool:

        async def handle(job: Job) -> None:
            print("started", job["batch"], monotonic_ns(), flush=True)
            if job["products"]:
                async with pool.connection() as conn:
                    await treat(conn, job["batch"], job["products"])

        working = asyncio.ensure_future(adapter.work(handle))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
        try:
            await working
        except asyncio.CancelledError:
            return
