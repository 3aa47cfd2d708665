"""Where requests are treated: few threads, each with a connection whose statements are bounded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from psycopg import Connection
from psycopg_pool import PoolTimeout

from daemon.database.pool import Session, bounded, open_pool
from daemon.database.probe import deadline

HANDS = 3  # threads, and connections
LONGEST_STATEMENT = timedelta(seconds=4)
LONGEST_S = 10.0  # all statements of an answer, over whatever network
BEGINS_WITHIN_S = 5.0  # an answer does, or is none: so what was asked while the database was away piles up no queue

Result = TypeVar("Result")


class Desk(AbstractContextManager["Desk"]):
    """Open from entry to exit, whether or not the database lets us in yet; what is under way then is finished."""

    def __init__(self, session: Session) -> None:
        self._session = replace(session, statement_timeout=LONGEST_STATEMENT)

    def __enter__(self) -> "Desk":
        with ExitStack() as stack:
            self._pool = stack.enter_context(open_pool(self._session, HANDS, None, "web"))
            self._hands = stack.enter_context(ThreadPoolExecutor(HANDS, thread_name_prefix="web"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def renew(self) -> None:
        """From any thread: who asks next is answered on a connection that was opened since."""
        self._pool.drain()

    async def ask(self, question: Callable[[Connection], Result]) -> Result:
        """The answer, which one of the threads finds. Raises what it raises, and psycopg's errors."""
        latest = monotonic() + BEGINS_WITHIN_S
        return await asyncio.get_running_loop().run_in_executor(self._hands, self._answer, question, latest)

    def _answer(self, question: Callable[[Connection], Result], latest: float) -> Result:
        left_s = latest - monotonic()
        if left_s <= 0:
            raise PoolTimeout("nobody was free to answer in time")
        with self._pool.connection(left_s) as conn, deadline(conn, LONGEST_S), bounded(conn):
            return question(conn)
