"""The real command, sabotaged: `python -m tests.support.saboteur run …` in the place of `python -m daemon run …`.

SABOTAGE_HOLD names a point at which the first worker that comes there announces `sabotage.held` in the log and waits,
so that a test can kill or freeze the process exactly there; who writes to the FIFO that SABOTAGE_RELEASE names lets it
go on. SABOTAGE_FREEZE is a part of the name of a thread that stops moving once the daemon is ready, wherever it next
shows life; SABOTAGE_HOW says how: `lock` (it waits for ever), `loop` (it runs for ever), or `interpreter` (it holds all
other threads up, too). Products whose name begins with `poison:` and a kind of harm do that harm to whoever treats
them.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from psycopg import Connection

import daemon.workloads.categorization.workload as categorization
from daemon.cli import main
from daemon.engine.life import Life
from daemon.engine.queue import Queue
from daemon.engine.slice import SliceRunner
from daemon.workloads.categorization import store
from daemon.workloads.categorization.decision import Decision
from daemon.workloads.categorization.product import Product

log = structlog.get_logger()

PROGRAM = "tests.support.saboteur"
MARK = "poison:"


class Point(StrEnum):
    """Where a worker can be held."""

    PLANNING = "planning"  # a batch is cut, and not yet committed
    CLAIMED = "claimed"  # between the claim's commit and the lock
    COMPUTING = "computing"  # in Python; slice and products are locked
    STATEMENT = "statement"  # inside a statement that takes long
    COPYING = "copying"  # inside the COPY of predictions
    SETTLED = "settled"  # everything is written, and not yet committed
    COMMITTING = "committing"  # COMMIT is sent, its answer not read


class Harm(StrEnum):
    """What a poisonous product does. The upper ones end the process or hold it up, the lower ones raise."""

    EXIT = "exit"
    SIGKILL = "sigkill"
    OOM_KILLER = "oom_killer"  # memory grows until the kernel kills; here: grows, and is killed
    LOOP = "loop"  # for ever, in Python code
    REGEX = "regex"  # for ages, in C, without ever letting another thread run
    SLEEP = "sleep"  # a statement that does not end
    MEMORY = "memory"  # an allocation that fails
    EXCEPTION = "exception"
    DATA_ERROR = "data_error"
    TOO_LONG = "too_long"
    NAN = "nan"
    NUL = "nul"


ENDS = {Harm.EXIT, Harm.SIGKILL, Harm.OOM_KILLER}
RAISES = {Harm.MEMORY, Harm.EXCEPTION, Harm.DATA_ERROR, Harm.TOO_LONG, Harm.NAN, Harm.NUL}


class Hold:
    """Holds the first thread that comes."""

    def __init__(self, point: Point, release: str | None) -> None:
        self._point = point
        self._release = release
        self._lock = threading.Lock()
        self._is_used = False

    def is_mine(self) -> bool:
        """True once."""
        with self._lock:
            is_first, self._is_used = not self._is_used, True
        return is_first

    def announce(self) -> None:
        log.warning("sabotage.held", point=self._point.value)

    def wait(self) -> None:
        if self._release is None:
            threading.Event().wait()
        else:
            Path(self._release).read_bytes()
        log.warning("sabotage.released", point=self._point.value)

    def __call__(self) -> None:
        if self.is_mine():
            self.announce()
            self.wait()


def hold_at(point: Point, release: str | None) -> None:
    """Put the hold into the daemon's own functions."""
    hold = Hold(point, release)
    match point:
        case Point.PLANNING:
            _replace(Queue, "_plan", _before_the_commit(hold))
        case Point.CLAIMED:
            _replace(SliceRunner, "treat", _before_call(hold))
        case Point.COMPUTING:
            _replace(categorization, "decide", _before_call(hold))
        case Point.STATEMENT:
            _replace(store, "read_products", _in_a_statement(hold))
        case Point.COPYING:
            _replace(store, "copy_rows", _between_rows(hold))
        case Point.SETTLED:
            _replace(Queue, "settle", _before_return(hold))
        case Point.COMMITTING:
            _replace(Queue, "settle", _behind_the_commit(hold))


Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]


def _replace(owner: Any, name: str, wrapper: Wrapper) -> None:
    setattr(owner, name, wrapper(getattr(owner, name)))


def _before_call(hold: Hold) -> Wrapper:
    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        def held(*arguments: Any, **keywords: Any) -> Any:
            hold()
            return original(*arguments, **keywords)

        return held

    return wrapper


def _before_return(hold: Hold) -> Wrapper:
    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        def held(*arguments: Any, **keywords: Any) -> Any:
            result = original(*arguments, **keywords)
            hold()
            return result

        return held

    return wrapper


def _before_the_commit(hold: Hold) -> Wrapper:
    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        def held(queue: Queue, conn: Connection, *arguments: Any) -> Any:
            with conn.transaction():
                result = original(queue, conn, *arguments)
                hold()
                return result

        return held

    return wrapper


def _in_a_statement(hold: Hold) -> Wrapper:
    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        def held(conn: Connection, product_ids: Sequence[int]) -> Any:
            if hold.is_mine():
                hold.announce()
                conn.execute("SELECT pg_sleep(3600)")
            return original(conn, product_ids)

        return held

    return wrapper


def _between_rows(hold: Hold) -> Wrapper:
    def interrupted(rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
        for row in rows:
            yield row
            hold()

    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        def held(conn: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
            original(conn, table, columns, interrupted(rows))

        return held

    return wrapper


def _behind_the_commit(hold: Hold) -> Wrapper:
    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        def held(queue: Queue, conn: Connection, *arguments: Any) -> Any:
            result = original(queue, conn, *arguments)
            if hold.is_mine():
                conn.pgconn.send_query(b"COMMIT")
                while conn.pgconn.flush():
                    pass
                hold.announce()
                hold.wait()
            return result

        return held

    return wrapper


def freeze(part: str, how: str) -> None:
    """Stop the thread of that name. Not before the main thread has looked once: then it is ready."""
    is_ready = threading.Event()
    original = Life.beat

    def beat(life: Life, beyond_s: float = 0.0, name: str | None = None) -> None:
        own_name = name or threading.current_thread().name
        if own_name == threading.main_thread().name:
            is_ready.set()
        if is_ready.is_set() and part in own_name:
            log.warning("sabotage.frozen", thread=threading.current_thread().name)
            _stop_moving(how)
        original(life, beyond_s, name)

    setattr(Life, "beat", beat)  # noqa: B010


def _stop_moving(how: str) -> None:
    match how:
        case "lock":
            lock = threading.Lock()
            lock.acquire()
            lock.acquire()
        case "loop":
            while True:
                pass
        case "interpreter":
            re.match("(a|a)+$", "a" * 60 + "b")


def poison() -> None:
    """Let the marked products do their harm."""
    _replace(store, "read_products", _harmful)
    _replace(categorization, "decide", _harmful_decisions)


def _harmful(original: Callable[..., dict[int, Product]]) -> Callable[..., dict[int, Product]]:
    def read(conn: Connection, product_ids: Sequence[int]) -> dict[int, Product]:
        products = original(conn, product_ids)
        for harm in filter(None, map(harm_of, products.values())):
            _do(harm, conn)
        return products

    return read


def harm_of(product: Product) -> Harm | None:
    name = product.name or ""
    return Harm(name.removeprefix(MARK)) if name.startswith(MARK) else None


def _do(harm: Harm, conn: Connection) -> None:
    match harm:
        case Harm.EXIT:
            os._exit(1)
        case Harm.SIGKILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Harm.OOM_KILLER:
            eaten = bytearray(64 * 2**20)
            os.kill(os.getpid(), signal.SIGKILL)
            del eaten
        case Harm.LOOP:
            while True:
                pass
        case Harm.REGEX:
            re.match("(a|a)+$", "a" * 60 + "b")
        case Harm.SLEEP:
            conn.execute("SELECT pg_sleep(3600)")
        case Harm.MEMORY:
            _exhaust_memory()
        case Harm.EXCEPTION:
            raise ValueError("a product that nobody thought of")
        case Harm.DATA_ERROR:
            conn.execute("SELECT 'x'::text::int")


def _exhaust_memory() -> None:
    """Raises MemoryError, as an allocation does that the address space has no room for."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 64 * 2**20, hard))
    try:
        bytearray(2**30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


SPOILED: Mapping[Harm, Mapping[str, object]] = {
    Harm.TOO_LONG: {"level": "x" * 21},
    Harm.NAN: {"confidence": float("nan")},
    Harm.NUL: {"category_code": "a\0b"},
}


def _harmful_decisions(original: Callable[..., list[Decision]]) -> Callable[..., list[Decision]]:
    def decide(
        model: object, taxonomy: object, products: Sequence[Product], *rest: object, **more: object
    ) -> list[Decision]:
        decisions = original(model, taxonomy, products, *rest, **more)
        return [
            replace(decision, **SPOILED.get(harm_of(product) or Harm.EXIT, {}))  # type: ignore[arg-type]
            for product, decision in zip(products, decisions, strict=True)
        ]

    return decide


if __name__ == "__main__":
    poison()
    if "SABOTAGE_HOLD" in os.environ:
        hold_at(Point(os.environ["SABOTAGE_HOLD"]), os.environ.get("SABOTAGE_RELEASE"))
    if "SABOTAGE_FREEZE" in os.environ:
        freeze(os.environ["SABOTAGE_FREEZE"], os.environ.get("SABOTAGE_HOW", "lock"))
    sys.exit(main())
