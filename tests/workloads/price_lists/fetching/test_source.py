"""Where a list is: what may be shown of it, and what tells it from others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.source import Source, SourceKind

SECRET = "5tr0ng-and-h1dden"  # noqa: S105  # of nobody


def csv(place: str) -> Source:
    return Source(SourceKind.CSV, place)


@pytest.mark.parametrize(
    ("place", "public"),
    [
        ("https://shop.example/list.csv", "https://shop.example/list.csv"),
        (f"https://me:{SECRET}@shop.example/list.csv", "https://shop.example/list.csv"),
        (f"https://{SECRET}@shop.example:81/list.csv#{SECRET}", "https://shop.example:81/list.csv"),
        (f"https://shop.example/x?token={SECRET}&format=csv", "https://shop.example/x?token=…&format=csv"),
        (f"https://shop.example/x?{SECRET}", "https://shop.example/x?…"),
        (f"ftp://me:{SECRET}@shop.example/", "an address that cannot be read"),
        (f"https://me:{SECRET}@", "an address that cannot be read"),
        (f"https://me:{SECRET}@shop.example:99999/", "an address that cannot be read"),
        ("/lists/tools.csv", "/lists/tools.csv"),
    ],
)
def test_what_is_shown(place: str, public: str) -> None:
    source = csv(place)
    assert str(source) == source.public == public
    assert place not in repr(source)


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("file:///etc/passwd", "scheme_refused"),
        ("ftp://shop.example/list.csv", "scheme_refused"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "scheme_refused"),
        ("data:text/csv,a;b", "scheme_refused"),
        ("javascript:alert(1)", "scheme_refused"),
        ("http://", "bad_address"),
        ("http:///list.csv", "bad_address"),
        ("https://shop.example:0/", "bad_address"),
        ("https://shop.example:65536/", "bad_address"),
        ("https://shop.example/\x00", "bad_address"),
        ("https://[::1/", "bad_address"),
        ("https://１２７.0.0.1/", "bad_address"),
        ("https://" + "x" * 70_000, "bad_address"),
    ],
)
def test_what_cannot_be_asked(place: str, code: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        _ = csv(place).url
    assert (caught.value.code, caught.value.is_transient) == (code, False)


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8),
    st.text(max_size=20),
    st.sampled_from(
        [
            "https://user:{}@shop.example/{}",
            "https://{}:x@shop.example/{}",
            "http://user:{}@shop.example:99999/{}",
            "ftp://user:{}@shop.example/{}",
            "https://shop.example/?key={}&{}",
            "https://user:{}@{}/",
        ]
    ),
)
def test_secrets_are_in_nothing_that_is_shown(secret: str, rest: str, form: str) -> None:
    secret = f"S3cret{secret}"
    source = csv(form.format(secret, rest.replace("#", "")))
    shown = [str(source), repr(source), source.public]
    try:
        _ = source.url
    except FetchFailed as failure:
        shown.append(str(failure))
    assert not any(secret in text for text in shown)


def test_sources_that_look_the_same_have_other_marks() -> None:
    places = [
        "https://shop.example/x?list=tools",
        "https://shop.example/x?list=books",
        "https://anna@shop.example/x?list=tools",
        "https://bert@shop.example/x?list=tools",
    ]
    assert len({csv(place).mark for place in places}) == len(places)


def test_a_mark_says_nothing_of_the_password() -> None:
    one, other = (csv(f"https://me:{password}@shop.example/x").mark for password in ("one", "other"))
    assert one == other
    assert len(one) == 8
