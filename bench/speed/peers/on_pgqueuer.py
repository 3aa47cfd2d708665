"""pgqueuer: asyncpg on uvloop, jobs fetched in batches of 100."""

from __future__ import annotations

import json
from collections.abc import Sequence

import asyncpg
import uvloop
from pgqueuer import AsyncpgPoolDriver, Queries, QueueManager
from pgqueuer import Job as QueuedJob

from bench.speed.peers.adapter import Handle, Job, main

CHUNK = 1000


class PgQueuer:
    _queries: Queries | None = None

    async def _open(self) -> Queries:
        if self._queries is None:
            self._queries = Queries(AsyncpgPoolDriver(await asyncpg.create_pool(min_size=4, max_size=4)))
        return self._queries

    async def install(self) -> None:
        await (await self._open()).install()

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        queries = await self._open()
        for at in range(0, len(jobs), CHUNK):
            payloads = [json.dumps(job).encode() for job in jobs[at : at + CHUNK]]
            await queries.enqueue(["treat"] * len(payloads), payloads, [0] * len(payloads))

    async def send(self, job: Job) -> None:
        await (await self._open()).enqueue("treat", json.dumps(job).encode())

    async def work(self, handle: Handle) -> None:
        queries = await self._open()
        manager = QueueManager(queries)

        @manager.entrypoint("treat")
        async def treat(job: QueuedJob) -> None:
            assert job.payload is not None
            await handle(json.loads(job.payload))

        await manager.run(batch_size=100)


if __name__ == "__main__":
    main(PgQueuer(), uvloop.run)
