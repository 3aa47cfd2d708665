"""The sheet of suppliers is read as people fill it in: one bad row does not spoil the others."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.suppliers.entry import BadEntry, Entry, field_of, make_entry
from daemon.workloads.price_lists.suppliers.sheet import Sheet, read_sheet

URL = "https://acme.example/list.csv"


def nothing() -> None:
    pass


def sheet(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> Sheet:
    path = tmp_path / "suppliers.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    return read_sheet(path, nothing)


def entry(**values: str) -> Entry:
    return make_entry(2, {"name": "Acme", "source_url": URL} | values)


def refusal(**values: str) -> str:
    with pytest.raises(BadEntry) as caught:
        entry(**values)
    return str(caught.value)


def test_rows_become_suppliers(tmp_path: Path) -> None:
    found = sheet(
        tmp_path,
        "Our suppliers,,,,,,",
        "Name,Source type,Source URL,Is active,Currency,Use ML processing,Decimal",
        f'"Acme, Inc.",CSV,{URL},yes,eur,TRUE,"{","}"',
        "",
        "Ex Ltd,,https://docs.google.com/spreadsheets/d/abcdefghijklmnopqrstuvwxyz/edit#gid=3,no,,,",
    )
    assert found.bad == []
    first, second = found.entries
    assert first == Entry(
        3, "Acme, Inc.", "csv", URL, True, {"currency": "eur", "use_ml_processing": "TRUE", "decimal": ","}
    )
    assert (second.line, second.source_type, second.is_active, second.meta) == (5, "google_sheets", False, {})
    assert URL not in repr(first)


def test_a_mapping_that_the_delimiter_cuts_in_two_is_told(tmp_path: Path) -> None:
    mapping = "name = Description; price = Price EUR"
    header = "name;source_url;column_mapping"
    found = sheet(tmp_path, header, f"Acme;{URL};{mapping}", f'Best;{URL};"{mapping}"', f"Cut;{URL};;;")
    assert [entry.name for entry in found.entries] == ["Best", "Cut"]
    (bad,) = found.bad
    assert (bad.line, bad.name) == (2, "Acme")
    assert bad.reason.startswith("it has 4 cells, but the sheet has 3 columns: ")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_it_is_read_as_any_list_is(tmp_path: Path, encoding: str) -> None:
    rows = [f"Händler {number};{URL}" for number in range(20)]
    found = sheet(tmp_path, "Lieferant;Link", *rows, encoding=encoding)
    assert [each.name for each in found.entries] == [f"Händler {number}" for number in range(20)]


@pytest.mark.parametrize(
    ("url", "source_type"),
    [
        ("https://a.example/x.xlsx?v=1.2", "excel"),
        ("https://a.example/x.PDF", "pdf"),
        ("https://a.example/x", "csv"),
        ("/srv/lists/x.xls", "excel"),
    ],
)
def test_the_address_tells_the_type_unless_it_is_told(url: str, source_type: str) -> None:
    assert entry(source_url=url).source_type == source_type
    assert entry(source_url=url, source_type="Text").source_type == "csv"


@pytest.mark.parametrize(
    ("told", "mapping"),
    [
        ('{"name": "Bezeichnung", "price": 3}', {"name": "Bezeichnung", "price": 3}),
        ("name = Bezeichnung; Part number = Art.-Nr.;", {"name": "Bezeichnung", "part_number": "Art.-Nr."}),
        ("name: A\nprice: B", {"name": "A", "price": "B"}),
    ],
)
def test_a_mapping_is_json_or_plain(told: str, mapping: dict[str, Any]) -> None:
    assert entry(column_mapping=told).meta == {"column_mapping": mapping}


@pytest.mark.parametrize(
    ("values", "says_that"),
    [
        ({"source_url": ""}, "where the list is"),
        ({"source_url": "ftp://acme.example/list.csv"}, "http and https only"),
        ({"source_url": "https://"}, "no host"),
        ({"source_url": "https://a.example/" + "x" * 2_000}, "longer than 2000"),
        ({"source_type": "carrier pigeon"}, "'carrier pigeon' is not known"),
        ({"source_type": "google sheets"}, "not the address of a Google sheet"),
        ({"is_active": "perhaps"}, "'perhaps'"),
        ({"currency": "Taler"}, "'Taler' is no currency"),
        ({"decimal": "dot"}, "option decimal"),
        ({"column_mapping": "{"}, "JSON"),
        ({"column_mapping": "[" * 10_000}, "must look like"),
        ({"column_mapping": '{"a":' * 10_000}, "JSON"),
        ({"column_mapping": "Bezeichnung"}, "must look like"),
        ({"column_mapping": "colour = Farbe"}, "no such field"),
        ({"name": "x" * 201}, "longer than 200"),
    ],
)
def test_what_is_wrong_with_a_row(values: dict[str, str], says_that: str) -> None:
    assert says_that in refusal(**values)


def test_bad_rows_are_told_and_the_others_go_on(tmp_path: Path) -> None:
    found = sheet(tmp_path, "name,url", f"Acme,{URL}", ",https://b.example/", f"ACME,{URL}", "Ex,", f"Last,{URL}")
    assert [each.name for each in found.entries] == ["Acme", "Last"]
    assert [(row.line, row.name) for row in found.bad] == [(3, ""), (4, "ACME"), (5, "Ex")]
    assert found.may_miss_some
    assert sorted(found.names) == ["ACME", "Acme", "Ex", "Last"]


def test_a_row_that_cannot_be_cut_may_be_anybodys(tmp_path: Path) -> None:
    found = sheet(tmp_path, "name,url", f"Acme,{URL}", f'"Broken,{URL}', f"Last,{URL}")
    assert found.may_miss_some
    assert [each.name for each in found.entries] == ["Acme", "Last"]


def test_a_footer_is_nobodys(tmp_path: Path) -> None:
    found = sheet(tmp_path, "name,url,notes", f"Acme,{URL},", ",,as of July")
    assert len(found.bad) == 1
    assert not found.may_miss_some


@pytest.mark.parametrize(
    ("lines", "says_that"),
    [
        (["sku,name,price", "1,Hammer,9.90"], "“sku”, “name”, “price”"),
        (["", ""], "empty"),
        (["<!doctype html><html><body>Sign in"], "web page"),
    ],
)
def test_what_is_no_sheet_of_suppliers(tmp_path: Path, lines: list[str], says_that: str) -> None:
    with pytest.raises(ListUnreadable) as caught:
        sheet(tmp_path, *lines)
    assert says_that in str(caught.value)


def test_reading_can_be_ended(tmp_path: Path) -> None:
    (tmp_path / "suppliers.csv").write_text(f"name,url\nAcme,{URL}\n")

    def end() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        read_sheet(tmp_path / "suppliers.csv", end)


def test_the_sync_keeps_its_own_keys_to_itself(tmp_path: Path) -> None:
    found = sheet(tmp_path, "name,url,from sheet,Sheet columns,Colour code", f"Acme,{URL},no,x,red")
    assert found.entries[0].meta == {"colour_code": "red"}


def test_headers_are_known_in_several_ways() -> None:
    known = {
        "SUPPLIER": "name",
        "Source_URL": "source_url",
        "Is active?": "is_active",
        "Contact person": "contact_person",
    }
    assert {header: field_of(header) for header in known} == known
    assert field_of(" ! ") is None


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=5))
def test_any_table_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]) -> None:
    path = tmp_path_factory.mktemp("sheet") / "suppliers.csv"
    text = io.StringIO()
    csv.writer(text).writerows([("name", "source_url", "is_active", "column_mapping"), *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    try:
        found = read_sheet(path, nothing)
    except ListUnreadable:
        return
    for each in found.entries:
        assert each.name
        assert each.source_url
        assert "\0" not in each.name
