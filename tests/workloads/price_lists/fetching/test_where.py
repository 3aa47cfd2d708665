"""Where a fetch goes, and where it does not: private addresses, redirects, names that change, and logins."""

from __future__ import annotations

import base64
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_network

import pytest

from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from tests.workloads.price_lists.fetching.orders import LIST, LOOPBACK, Names, order_first, refused
from tests.workloads.price_lists.fetching.supplier import Supplier, Visit, answer, redirect

OTHER = "127.0.0.2"  # also loopback, but not allowed
METADATA = "http://169.254.169.254/latest/meta-data/"
BOTH = Limits(private_networks=(ip_network("127.0.0.0/8"),))


def test_loopback_is_refused_unless_allowed(shelf: Shelf) -> None:
    with Supplier() as supplier:
        failure = refused(supplier.url(), shelf, limits=Limits())
    assert (failure.code, failure.is_transient) == ("address_refused", False)
    assert failure.message.startswith("127.0.0.1 is inside a private network, and such addresses are not allowed here;")
    assert failure.message.endswith(" CATALOGD_PRICE_LIST_NETWORKS")
    assert supplier.visits == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "0",
    ],
)
def test_loopback_by_any_name_is_refused(shelf: Shelf, host: str) -> None:
    with Supplier() as supplier:
        assert refused(f"http://{host}:{supplier.port}/", shelf, limits=Limits()).code == "address_refused"
        assert supplier.visits == []


@pytest.mark.parametrize("url", [METADATA, "http://10.0.0.1/", "http://[fd00:ec2::254]/", "http://metadata.test/"])
def test_private_addresses_are_refused(shelf: Shelf, url: str) -> None:
    assert refused(url, shelf, names={"metadata.test": ["169.254.169.254"]}).code == "address_refused"


def test_a_name_with_one_private_address_is_refused(shelf: Shelf) -> None:
    names = {"prices.test": ["127.0.0.1 10.0.0.1"]}
    with Supplier() as supplier:
        assert refused(supplier.url(host="prices.test"), shelf, names=names).code == "address_refused"
        assert supplier.visits == []


@pytest.mark.parametrize(
    "to", [METADATA, "http://{other}/", "//{other}/", "http://other.test:{port}/", "http://0x7f000002:{port}/"]
)
def test_a_redirect_to_a_private_address_is_refused(shelf: Shelf, to: str) -> None:
    with Supplier() as supplier, Supplier(address=OTHER) as other:
        supplier.behaviour = redirect(to.format(other=f"{OTHER}:{other.port}", port=other.port))
        failure = refused(supplier.url(), shelf, names={"other.test": [OTHER]})
        assert failure.code == "address_refused"
        assert other.visits == []
        assert len(supplier.visits) == 1


def test_what_is_asked_is_the_address_that_was_looked_at(shelf: Shelf) -> None:
    """The name leads elsewhere as soon as it was asked for once."""
    with Supplier(answer(LIST)) as supplier, Supplier(address=OTHER, port=supplier.port) as other:
        names = Names({"prices.test": ["127.0.0.1", OTHER]})
        order_first(supplier.url(host="prices.test"), shelf, names=names)
        assert names.asked == ["prices.test"]
        assert (len(supplier.visits), other.visits) == (1, [])


def test_a_name_is_looked_at_anew_after_each_redirect(shelf: Shelf) -> None:
    with Supplier(redirect("/other.csv")) as supplier, Supplier(address=OTHER, port=supplier.port) as other:
        names = Names({"prices.test": ["127.0.0.1", OTHER]})
        assert refused(supplier.url(host="prices.test"), shelf, names=names).code == "address_refused"
        assert names.asked == ["prices.test"] * 2
        assert other.visits == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/new.csv?a=1", "new.csv?a=1", "//127.0.0.1:{port}/new.csv?a=1#x"])
def test_redirects_are_followed(shelf: Shelf, status: int, to: str) -> None:
    def behaviour(visit: Visit) -> None:
        (answer(LIST) if visit.path == "/new.csv?a=1" else redirect(to.format(port=supplier.port), status))(visit)

    with Supplier(behaviour) as supplier:
        file = order_first(supplier.url(), shelf).file
    assert file.label.source == supplier.url()
    assert file.label.url == supplier.url("/new.csv?a=…")


def test_five_redirects_are_followed_and_no_more(shelf: Shelf) -> None:
    def behaviour(visit: Visit) -> None:
        left = int(visit.path.strip("/"))
        (redirect(f"/{left - 1}") if left else answer(LIST))(visit)

    with Supplier(behaviour) as supplier:
        order_first(supplier.url("/5"), shelf)
        failure = refused(supplier.url("/6"), shelf)
        assert (failure.code, failure.is_transient) == ("too_many_redirects", False)
        assert len(supplier.visits) == 6 + 6


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:70/"])
def test_a_redirect_to_another_scheme_is_refused(shelf: Shelf, to: str) -> None:
    with Supplier(redirect(to)) as supplier:
        assert refused(supplier.url(), shelf).code == "scheme_refused"


@pytest.mark.parametrize(
    "to", ["http://[::1", "http://\x7f/", "http://:0/", "http://127.0.0.1:99999/", "http://0177.0.0.1/"]
)
def test_a_redirect_to_nowhere_is_refused(shelf: Shelf, to: str) -> None:
    with Supplier(redirect(to)) as supplier:
        assert refused(supplier.url(), shelf).code == "bad_address"


def test_a_redirect_without_a_place_is_refused(shelf: Shelf) -> None:
    with Supplier(answer(status=302)) as supplier:
        assert refused(supplier.url(), shelf).code == "refused"


def test_a_cookie_given_with_a_redirect_is_shown_to_its_host_only(shelf: Shelf) -> None:
    """Some servers redirect for ever those who do not show it."""
    with Supplier() as supplier, Supplier(answer(LIST), address=OTHER) as other:

        def behaviour(visit: Visit) -> None:
            if visit.headers["Cookie"] == "seen=1":
                redirect(other.url())(visit)
            else:
                redirect("/list.csv", 302, "Set-Cookie: seen=1")(visit)

        supplier.behaviour = behaviour
        order_first(supplier.url(), shelf, limits=BOTH)
        assert other.visits[0].headers["Cookie"] is None


LOGIN = "me:p%40ss@"
AUTHORIZATION = "Basic " + base64.b64encode(b"me:p@ss").decode()


def test_a_login_is_used(shelf: Shelf) -> None:
    with Supplier(answer(LIST)) as supplier:
        order_first(supplier.url(login=LOGIN), shelf)
    assert supplier.visits[0].headers["Authorization"] == AUTHORIZATION


def test_a_login_stays_with_its_host(shelf: Shelf) -> None:
    """Neither another host nor another port of the same one is told it; who comes back is."""
    with Supplier() as supplier, Supplier(address=OTHER) as other, Supplier() as neighbour:
        supplier.behaviour = lambda visit: (answer(LIST) if visit.path == "/3" else redirect(other.url("/1")))(visit)
        other.behaviour = redirect(neighbour.url("/2"))
        neighbour.behaviour = redirect(supplier.url("/3"))
        order_first(supplier.url("/0", login=LOGIN), shelf, limits=BOTH)
    shown = [visit.headers["Authorization"] for visit in (*supplier.visits, *other.visits, *neighbour.visits)]
    assert shown == [AUTHORIZATION, AUTHORIZATION, None, None]


def test_a_redirect_cannot_make_us_log_in(shelf: Shelf) -> None:
    def behaviour(visit: Visit) -> None:
        to_login = redirect(supplier.url("/new.csv", login="root:root@"))
        (answer(LIST) if visit.path == "/new.csv" else to_login)(visit)

    with Supplier(behaviour) as supplier:
        file = order_first(supplier.url(), shelf).file
    assert [visit.headers["Authorization"] for visit in supplier.visits] == [None, None]
    assert "root:" not in repr(file)


def test_a_wrong_login(shelf: Shelf) -> None:
    with Supplier(answer(status=401)) as supplier:
        failure = refused(supplier.url(login=LOGIN), shelf)
    assert (failure.code, failure.is_transient) == ("not_permitted", False)
    assert "are user and password right?" in failure.message


def test_a_host_with_ipv6_only(shelf: Shelf) -> None:
    limits = Limits(private_networks=(ip_network("::1"),))
    with ExitStack() as stack:
        try:
            supplier = stack.enter_context(Supplier(answer(LIST), address="::1"))
        except OSError:
            pytest.skip("this machine has no IPv6")
        order_first(supplier.url(), shelf, limits=limits)
        assert supplier.visits[0].headers["Host"] == f"[::1]:{supplier.port}"


def test_a_networks_address_may_be_allowed(shelf: Shelf) -> None:
    limits = replace(BOTH, private_networks=(*LOOPBACK, ip_network(OTHER)))
    with Supplier(answer(LIST), address=OTHER) as other:
        order_first(other.url(), shelf, limits=limits)
