"""Turns the signals that end a program into one KeyboardInterrupt, so that there is time to tidy up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While the context is open, the first signal raises KeyboardInterrupt; more of them change nothing.

    Signals that were ignored before (nohup, a job in the background) stay ignored. For the main thread.
    """

    def __init__(self) -> None:
        self._is_held = False
        self._came = False
        self._watched = [each for each in SIGNALS if signal.getsignal(each) != signal.SIG_IGN]

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._take) for each in self._watched}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait with the interrupt until the end of this block, whatever that is."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            if self._came:
                raise KeyboardInterrupt

    def _take(self, _signum: int, _frame: FrameType | None) -> None:
        is_first, self._came = not self._came, True
        if is_first and not self._is_held:
            raise KeyboardInterrupt
