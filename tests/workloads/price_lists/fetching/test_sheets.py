"""Addresses of Google sheets, as people copy them from wherever they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.sheets import export_address

KEY = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-abcd"
PUBLISHED = "2PACX-1vQabcdefghijklmnopqrstuvwxyz0123456789"
DOCS = "https://docs.google.com"
EXPORT = f"{DOCS}/spreadsheets/d/{KEY}/export?format=csv"
PUB = f"{DOCS}/spreadsheets/d/e/{PUBLISHED}/pub?output=csv"


@pytest.mark.parametrize(
    ("place", "export"),
    [
        (KEY, EXPORT),
        (f"{DOCS}/spreadsheets/d/{KEY}", EXPORT),
        (f"{DOCS}/spreadsheets/d/{KEY}/", EXPORT),
        (f"  {DOCS}/spreadsheets/d/{KEY}/edit\n", EXPORT),
        (f"docs.google.com/spreadsheets/d/{KEY}/edit", EXPORT),
        (f"http://docs.google.com/spreadsheets/d/{KEY}/edit", EXPORT),
        (f"{DOCS}/spreadsheets/d/{KEY}/edit?usp=sharing", EXPORT),
        (f"{DOCS}/spreadsheets/d/{KEY}/edit#gid=0", f"{EXPORT}&gid=0"),
        (f"{DOCS}/spreadsheets/d/{KEY}/edit?gid=77#gid=77", f"{EXPORT}&gid=77"),
        (f"{DOCS}/spreadsheets/d/{KEY}/edit#gid=77&range=A1:B2", f"{EXPORT}&gid=77"),
        (f"{DOCS}/spreadsheets/d/{KEY}/edit?gid=77&authuser=1", f"{EXPORT}&gid=77"),
        (f"{DOCS}/spreadsheets/u/1/d/{KEY}/edit#gid=5", f"{EXPORT}&gid=5"),
        (f"{DOCS}/a/shop.example/spreadsheets/d/{KEY}/edit#gid=5", f"{EXPORT}&gid=5"),
        (f"{DOCS}/spreadsheets/d/{KEY}/htmlview", EXPORT),
        (f"{DOCS}/spreadsheets/d/{KEY}/export?format=xlsx&gid=9", f"{EXPORT}&gid=9"),
        (f"{DOCS}/spreadsheets/d/{KEY}/edit?resourcekey=0-abc", f"{EXPORT}&resourcekey=0-abc"),
        (f"{DOCS}/spreadsheets/d/{KEY}/edit#gid=evil", EXPORT),
        (f"https://drive.google.com/open?id={KEY}", EXPORT),
        (f"https://docs.google.com/spreadsheet/ccc?key={KEY}#gid=2", f"{EXPORT}&gid=2"),
        (f"{DOCS}/spreadsheets/d/e/{PUBLISHED}/pubhtml", PUB),
        (f"{DOCS}/spreadsheets/d/e/{PUBLISHED}/pubhtml?gid=3&single=true", f"{PUB}&single=true&gid=3"),
        (f"{DOCS}/spreadsheets/d/e/{PUBLISHED}/pub?output=csv", PUB),
        (
            f"{DOCS}/spreadsheets/d/{KEY}/gviz/tq?tqx=out:html&sheet=Price list",
            f"{DOCS}/spreadsheets/d/{KEY}/gviz/tq?tqx=out%3Acsv&sheet=Price+list",
        ),
    ],
)
def test_the_export_of_any_usual_address(place: str, export: str) -> None:
    assert str(export_address(place)) == export


@pytest.mark.parametrize(
    "place",
    [
        "",
        "short",
        "https://docs.google.com/document/d/1AbC/edit",
        f"https://docs.google.com.evil.example/spreadsheets/d/{KEY}/edit",
        f"https://evil.example/spreadsheets/d/{KEY}/edit",
        f"ftp://docs.google.com/spreadsheets/d/{KEY}/edit",
        f"file:///spreadsheets/d/{KEY}",
        "https://docs.google.com/spreadsheets/d/",
        "http://[",
    ],
)
def test_what_is_no_sheet_is_refused(place: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        export_address(place)
    assert caught.value.code == "bad_address"


@given(st.text() | st.builds("{}/spreadsheets/d/{}/{}".format, st.just(DOCS), st.text(), st.text()))
def test_whatever_is_written_only_google_is_asked(place: str) -> None:
    try:
        url = export_address(place)
    except FetchFailed:
        return
    assert (url.scheme, url.host, url.port, url.userinfo) == ("https", "docs.google.com", None, b"")
