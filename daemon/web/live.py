"""Sends what moves to whoever looks: one poll for all of them, and none while nobody looks."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import structlog
from psycopg import Connection

from daemon.database.failures import summary
from daemon.web.desk import Desk
from daemon.web.trouble import explain

log = structlog.get_logger()

MOST = 40  # clients
EVERY_S = 1.0
SIGN_OF_LIFE = 15  # rounds without news after which something is sent all the same: proxies end what is silent


class Full(Exception):
    """As many look already as may."""


@dataclass(eq=False)
class _Follower:
    topic: object
    news: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(1))
    last: str = ""
    silent_rounds: int = 0

    def tell(self, message: str) -> None:
        """What was not taken yet is out of date."""
        self.silent_rounds += 1
        if message == self.last and self.silent_rounds < SIGN_OF_LIFE:
            return
        self.silent_rounds = 0
        self._put(": still here\n\n" if message == self.last else message)
        self.last = message

    def end(self) -> None:
        self._put(None)

    def _put(self, message: str | None) -> None:
        if self.news.full():
            self.news.get_nowait()
        self.news.put_nowait(message)


class Live:
    """Of the event loop's thread alone. A topic is anything that `render` makes HTML of."""

    def __init__(self, desk: Desk, render: Callable[[Connection, object], str]) -> None:
        self._desk = desk
        self._render = render
        self._followers: set[_Follower] = set()
        self._poll: asyncio.Task[None] | None = None
        self._is_closed = False

    def follow(self, topic: object, may_look: Callable[[], bool] = lambda: True) -> AsyncIterator[str]:
        """Server-sent events, until the client leaves, may not look any more, or we close. Raises Full."""
        if len(self._followers) >= MOST or self._is_closed:
            raise Full
        return self._messages(_Follower(topic), may_look)

    def close(self) -> None:
        self._is_closed = True
        for follower in self._followers:
            follower.end()

    async def _messages(self, follower: _Follower, may_look: Callable[[], bool]) -> AsyncIterator[str]:
        """It counts once it is read: a client that has gone before that is never told to leave."""
        self._followers.add(follower)
        if self._poll is None or self._poll.done():
            self._poll = asyncio.get_running_loop().create_task(self._tell_all())
        try:
            yield "retry: 3000\n\n"
            while (message := await follower.news.get()) is not None and may_look():
                yield message
        finally:
            self._followers.discard(follower)

    async def _tell_all(self) -> None:
        while self._followers and not self._is_closed:
            topics = list({follower.topic for follower in self._followers})
            try:
                pieces = await self._desk.ask(lambda conn, topics=topics: self._read(conn, topics))  # type: ignore[misc]
                messages = dict(zip(topics, pieces, strict=True))
            except Exception as error:  # this round's; who looks is told, and the next may do better
                trouble = explain(error)
                if not trouble.is_expected:
                    log.error(
                        "web.failed",
                        path="/live",
                        error_type=type(error).__name__,
                        error=summary(error),
                        exc_info=error,
                    )
                messages = dict.fromkeys(topics, _event("trouble", trouble.sentence))
            for follower in list(self._followers):
                if message := messages.get(follower.topic):
                    follower.tell(message)
            await asyncio.sleep(EVERY_S)

    def _read(self, conn: Connection, topics: Sequence[object]) -> list[str]:
        return [_event("news", self._render(conn, topic)) for topic in topics]


def _event(name: str, text: str) -> str:
    """As JSON it is one line, whatever is in it."""
    return f"event: {name}\ndata: {json.dumps(text)}\n\n"
