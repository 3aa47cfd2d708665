"""Signals while the daemon starts."""

import os
import signal
import threading
from queue import SimpleQueue

import pytest

from daemon.signals import SIGNALS, Interrupted, signals_interrupt, signals_told_to


def test_a_signal_that_comes_while_hearing_begins_interrupts_and_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    set_wakeup_fd = signal.set_wakeup_fd

    def interrupted(fd: int) -> int:
        earlier = set_wakeup_fd(fd)
        if fd != -1:
            signal.raise_signal(signal.SIGTERM)
        return earlier

    monkeypatch.setattr(signal, "set_wakeup_fd", interrupted)
    signals_interrupt()
    try:
        with pytest.raises(Interrupted, match="SIGTERM"), signals_told_to(lambda _: None):
            pass
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    assert [thread.name for thread in threading.enumerate() if thread.name == "signals"] == []


def test_a_signal_to_reload_is_told_and_the_thread_shows_life() -> None:
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    heard: SimpleQueue[int] = SimpleQueue()
    beats = threading.Semaphore(0)
    try:
        with signals_told_to(heard.put, beats.release, every_s=0.01):
            os.kill(os.getpid(), signal.SIGHUP)
            assert heard.get(timeout=10) == signal.SIGHUP
            for _ in range(5):
                assert beats.acquire(timeout=10)
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
