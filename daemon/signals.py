"""Hears SIGTERM, SIGINT and SIGHUP, whichever thread the kernel gives them to."""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT)
SIGNALS_THREAD = "signals"
SIGNALS = (*ENDING, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal came; the message is its name."""


def signals_interrupt() -> None:
    """From now on SIGTERM and SIGINT raise Interrupted in the main thread: by default SIGTERM would end the process
    with another exit code, and be lost by the first process of a container. The first is enough: whoever stops is not
    interrupted again. SIGHUP, which would end it, too, does nothing: what is only just starting has read everything
    anew."""

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        _ignore(SIGNALS)
        raise Interrupted(signal.Signals(signum).name)

    for signum in ENDING:
        signal.signal(signum, interrupt)
    signal.signal(signal.SIGHUP, lambda *_: None)


def _ignore(signals: Iterable[signal.Signals]) -> None:
    """To the very end: a handler of ours the interpreter would take back before, and then they end the process."""
    for signum in signals:
        signal.signal(signum, signal.SIG_IGN)


@contextmanager
def signals_told_to(
    put: Callable[[int], None], beat: Callable[[], object] = lambda: None, every_s: float = 5.0
) -> Iterator[None]:
    """Call `put`, from a thread of its own, with the number of each SIGTERM, SIGINT and SIGHUP. The thread calls `beat`
    every so often.

    The kernel may hand a signal to any thread (it does after SIGCONT), while Python runs handlers in the main thread
    only, which may wait for a lock at that moment and would go on waiting. The wakeup fd is written at once.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def tell() -> None:
        while True:
            beat()
            if select.select([reader], [], [], every_s)[0]:
                signum = os.read(reader, 1)[0]
                if not signum:
                    return
                put(signum)

    thread = threading.Thread(target=tell, name=SIGNALS_THREAD)
    try:
        signal.set_wakeup_fd(writer)
        for signum in SIGNALS:  # one that comes before its handler is here may raise
            signal.signal(signum, lambda *_: None)
        thread.start()
        yield
    finally:
        signal.set_wakeup_fd(-1)
        _ignore(SIGNALS)
        if thread.ident is not None:
            os.write(writer, b"\0")
            thread.join()
        os.close(reader)
        os.close(writer)
