"""Hosts and their addresses: numbers in all forms, and a resolver that does not answer."""

import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from time import monotonic

import pytest

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import MOST_BYTES, look_up
from daemon.workloads.price_lists.fetching.pulse import Pulse
from tests.workloads.price_lists.fetching.orders import no_tick


def make_pulse(tick: Callable[[int, int | None], None] = no_tick) -> Pulse:
    return Pulse(tick, Limits())


def program(text: str) -> Sequence[str]:
    return [sys.executable, "-I", "-S", "-c", text]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("1", "0.0.0.1"),
        ("::1", "::1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        ("fe80::1%1", "fe80::1"),
    ],
)
def test_a_number_is_an_address_whatever_its_form(host: str, address: str) -> None:
    assert look_up(host, make_pulse(), resolver=["/nobody/is/asked"]) == [ip_address(address)]


def test_the_system_is_asked_for_a_name() -> None:
    assert ip_address("127.0.0.1") in look_up("localhost", make_pulse())


@pytest.mark.parametrize("host", ["-h", "no such name", "x" * 300 + ".example", "\x01"])
def test_an_unknown_name(host: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        look_up(host, make_pulse())
    assert (caught.value.code, caught.value.is_transient) == ("host_unknown", True)


@pytest.mark.parametrize(
    "resolver",
    [
        ["/no/such/program"],
        program("print('256.0.0.1')"),
        program("print('ü')"),
        program("pass"),
        program(f"print('1' * {MOST_BYTES})"),
    ],
    ids=["cannot start", "no address", "no ASCII", "nothing", "too much"],
)
def test_a_resolver_that_answers_nonsense(resolver: Sequence[str]) -> None:
    with pytest.raises(FetchFailed, match=r"^no address is known for the host shop\.example$"):
        look_up("shop.example", make_pulse(), resolver)


def test_a_resolver_that_never_ends_talking_is_ended() -> None:
    began = monotonic()
    with pytest.raises(FetchFailed, match="no address is known"):
        look_up("shop.example", make_pulse(), program("while True: print('1' * 1000)"), longest_s=60.0)
    assert monotonic() - began < 20


HANGS = "import signal; signal.pause()"


def test_a_resolver_that_does_not_answer_is_ended() -> None:
    ticks: list[float] = []
    with pytest.raises(FetchFailed) as caught:
        look_up("shop.example", make_pulse(lambda *_: ticks.append(monotonic())), program(HANGS), longest_s=0.8)
    assert caught.value.code == "host_unknown"
    assert len(ticks) >= 3


def test_a_tick_ends_the_resolver() -> None:
    ticks: list[float] = []

    def tick(*_: object) -> None:
        ticks.append(monotonic())
        if len(ticks) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look_up("shop.example", make_pulse(tick), program(HANGS))
    assert monotonic() - ticks[-1] < 5
