"""chancy: its asynchronous executor, concurrency 100, eager polling (without it: 100 jobs per poll of 5 s)."""

from __future__ import annotations

from collections.abc import Sequence

from chancy import Chancy, Queue, Worker, job

from bench.speed.peers.adapter import Handle, Job, main

QUEUE = Queue("work", executor="chancy.executors.asyncex.AsyncExecutor", concurrency=100, eager_polling=True)


class OnChancy:
    handle: Handle | None = None

    def __init__(self) -> None:
        self._chancy: Chancy | None = None

    async def _open(self) -> Chancy:
        if self._chancy is None:
            self._chancy = await Chancy("").__aenter__()
        return self._chancy

    async def install(self) -> None:
        async with Chancy("") as chancy:
            await chancy.migrate()
            await chancy.declare(QUEUE, upsert=True)

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        async with Chancy("") as chancy:
            async for _ in chancy.push_many([treat.job.with_kwargs(**each).with_queue("work") for each in jobs]):
                pass

    async def send(self, job: Job) -> None:
        await (await self._open()).push(treat.job.with_kwargs(**job).with_queue("work"))

    async def work(self, handle: Handle) -> None:
        OnChancy.handle = handle
        async with Chancy("") as chancy, Worker(chancy, register_signal_handlers=False) as worker:
            await worker.wait_for_shutdown()


@job(queue="work")
async def treat(*, batch: int, products: list[int]) -> None:
    assert OnChancy.handle is not None
    await OnChancy.handle({"batch": batch, "products": products})


if __name__ == "__main__":
    # The executor imports the job by its module's name, in which the handler must then be known.
    from bench.speed.peers import on_chancy

    main(on_chancy.OnChancy())
