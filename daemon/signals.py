"""Hears SIGTERM and SIGINT, whichever thread the kernel gives them to."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(BaseException):
    """A signal came; the message is its name."""


def signals_interrupt() -> None:
    """From now on SIGTERM and SIGINT raise Interrupted in the main thread: by default SIGTERM would end the process
    with another exit code, and be lost by the first process of a container."""

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        raise Interrupted(signal.Signals(signum).name)

    for signum in SIGNALS:
        signal.signal(signum, interrupt)


@contextmanager
def signals_told_to(put: Callable[[int], None]) -> Iterator[None]:
    """Call `put`, from a thread of its own, with the number of each SIGTERM and SIGINT.

    The kernel may hand a signal to any thread (it does after SIGCONT), while Python runs handlers in the main thread
    only, which may wait for a lock at that moment and would go on waiting. The wakeup fd is written at once.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def tell() -> None:
        while signum := os.read(reader, 1)[0]:
            put(signum)

    thread = threading.Thread(target=tell, name="signals")
    try:
        signal.set_wakeup_fd(writer)
        for signum in SIGNALS:  # one that comes before its handler is here may raise
            signal.signal(signum, lambda *_: None)
        thread.start()
        yield
    finally:
        signal.set_wakeup_fd(-1)
        if thread.ident is not None:
            os.write(writer, b"\0")
            thread.join()
        os.close(reader)
        os.close(writer)
