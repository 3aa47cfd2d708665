"""procrastinate: an asynchronous task, LISTEN/NOTIFY, concurrency 30."""

from __future__ import annotations

from collections.abc import Sequence

from procrastinate import App, PsycopgConnector

from bench.speed.peers.adapter import Handle, Job, main

CHUNK = 1000


class Procrastinate:
    def __init__(self) -> None:
        self._app = App(connector=PsycopgConnector(conninfo="", min_size=1, max_size=10))
        self._handle: Handle | None = None
        self._task = self._app.task(self._treat, name="treat")
        self._is_open = False

    async def _treat(self, batch: int, products: list[int]) -> None:
        assert self._handle is not None
        await self._handle({"batch": batch, "products": products})

    async def install(self) -> None:
        async with self._app.open_async():
            await self._app.schema_manager.apply_schema_async()

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        async with self._app.open_async():
            for at in range(0, len(jobs), CHUNK):
                await self._task.batch_defer_async(*jobs[at : at + CHUNK])

    async def send(self, job: Job) -> None:
        if not self._is_open:
            await self._app.open_async()
            self._is_open = True
        await self._task.defer_async(**job)

    async def work(self, handle: Handle) -> None:
        self._handle = handle
        async with self._app.open_async():
            await self._app.run_worker_async(concurrency=30, install_signal_handlers=False, delete_jobs="never")


if __name__ == "__main__":
    main(Procrastinate())
