"""XLSX workbooks, also such as no program writes."""

import json
import zipfile
import zlib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.workloads.price_lists.reading import shared_strings, xml
from daemon.workloads.price_lists.reading.number_formats import NumberFormat, interpret
from daemon.workloads.price_lists.reading.shared_strings import SharedStrings
from tests.support.workbooks import MAIN, Formula, Raw, Styled, Xml, write_xlsx

HEADER = ["SKU", "Name", "EAN", "Price", "Stock", "Note"]


@pytest.fixture
def sheet(reading, file):
    """What is read of one sheet with the usual header."""

    def read_rows(*rows, **how):
        return reading(write_xlsx(file, {"List": [HEADER, *rows]}, **how))

    return read_rows


def test_a_usual_workbook(sheet):
    lines, bad, detected = sheet(
        ["A1", "Hammer", 4006381333931, 12.5, 3, "red"], [None], ["A2", "Saw", None, 7, 0, None]
    )
    assert [(line.number, line.sku, line.name, line.barcode, line.price, line.stock) for line in lines] == [
        (2, "A1", "Hammer", "4006381333931", Decimal("12.5"), 3),
        (4, "A2", "Saw", None, 7, 0),
    ]
    assert lines[0].characteristics == {"Note": "red"}
    assert (detected["kind"], detected["sheets"][0]["name"], bad) == ("xlsx", "List", [])
    assert json.loads(json.dumps(detected)) == detected


def test_texts_may_stand_in_the_cells(sheet):
    assert sheet(["A1", "Größe <5> & more", None, "1.234,50 €"], inline=True).lines[0].name == "Größe <5> & more"


@pytest.mark.parametrize(
    ("cell", "sku"),
    [
        (12345, "12345"), (12345.0, "12345"), (Raw("1.2345E4"), "12345"), (Raw("4.006381333931E+12"), "4006381333931"),
        (Raw("00012"), "12"), ("00012", "00012"), (0.1 + 0.2, "0.3"), (Styled(123, "00000"), "00123"), (1.5, "1.5"),
        (Raw("1E+15"), "1000000000000000"), (Raw("-7"), "-7"), (True, "true"),
        (Styled(45000, "dd.mm.yyyy"), "2023-03-15"),
        (Styled("45000.5", "yyyy-mm-dd hh:mm"), "2023-03-15 12:00"), (Raw("nonsense"), "nonsense"),
    ],
)  # fmt: skip
def test_numbers_that_are_codes(sheet, cell, sku):
    assert sheet([cell, "Hammer", None, 5]).lines[0].sku == sku


@pytest.mark.parametrize(
    ("cell", "price", "currency"),
    [
        (1.234, "1.234", None), (0.1 + 0.2, "0.3", None), (Raw("12.300000000000001"), "12.3", None),
        (Raw("1.5E-3"), "0.0015", None),
        (Styled(12.5, "#,##0.00 [$€-407]"), "12.5", "EUR"),
        (Styled(12, '#,##0.00\\ "zł"'), "12", "PLN"),
        ("1,234.50 $", "1234.5", "USD"),
        (Styled(12, "[$$-409]#,##0.00"), "12", "USD"), (Formula("A1*2", 7.5), "7.5", None),
        (Formula("A1", "7,50"), "7.5", None),
    ],
)  # fmt: skip
def test_prices(sheet, cell, price, currency):
    line = sheet(["A1", "Hammer", None, cell]).lines[0]
    assert (line.price, line.currency) == (Decimal(price), currency)


@pytest.mark.parametrize(
    "cell", [-1, Raw("1E308"), Raw("-1E-3"), Raw("NaN"), Raw("1E999999999"), Xml('<c r="D2" t="e"><v>#REF!</v></c>')]
)
def test_bad_prices(sheet, cell):
    lines, bad, _ = sheet(["A1", "Hammer", None, cell])
    assert not lines
    assert [(line.number, line.code, line.column) for line in bad] == [(2, "bad_price", "Price")]


def test_a_formula_that_was_never_computed_is_empty_and_none_is_run(sheet):
    lines, bad, _ = sheet(
        ["A1", "Hammer", None, Formula("1+1")],
        ["A2", "=cmd|'/C calc'!A0", None, 5],
        [Formula("X", "A3"), "Saw", None, 5],
    )
    assert [(line.sku, line.name, line.price) for line in lines] == [
        ("A1", "Hammer", None), ("A2", "=cmd|'/C calc'!A0", 5), ("A3", "Saw", 5),
    ]  # fmt: skip
    assert not bad


def test_errors_of_the_spreadsheet(sheet):
    error = '<c r="{}2" t="e"><v>#N/A</v></c>'
    lines, _, _ = sheet([Xml(error.format("A")), "Hammer", None, Xml(error.format("D"))])
    assert (lines[0].sku, lines[0].price) == (None, None)
    assert sheet(["A1", Xml(error.format("B")), None, 5]).bad[0].code == "no_name"


def test_a_merged_header_of_two_rows(reading, file):
    rows = [
        ["Price list 2026"],
        ["SKU", "Name", "Price", None, "Stock"],
        [None, None, "net", "gross", None],
        ["A1", "Hammer", 5, 5.95, 3],
    ]
    lines, _, detected = reading(write_xlsx(file, {"List": rows}, merged=["A2:A3", "B2:B3", "C2:D2", "E2:E3"]))
    assert [(line.price, line.stock, line.characteristics) for line in lines] == [(5, 3, {"Price gross": "5.95"})]
    assert (detected["header_line"], detected["header_lines"], detected["mapping"]["price"]) == (2, 2, "Price net")


def test_several_sheets(reading, file):
    book = {
        "Terms": [["General terms"], ["Prices are net."]],
        "Tools": [HEADER, ["A1", "Hammer", None, 5], ["A2", "Saw", None, 6]],
        "Old": [HEADER, ["A9", "Old hammer", None, 1]],
        "Empty": [],
        "Garden": [["Bezeichnung", "Preis €", "Art.-Nr."], ["Spaten", 7, "G1"]],
    }
    path = write_xlsx(file, book, hidden=["Old"])
    lines, _, detected = reading(path)
    assert [(line.number, line.sku, line.currency) for line in lines] == [
        (2, "A1", None),
        (3, "A2", None),
        (5, "G1", "EUR"),
    ]
    assert [(sheet["name"], "passed_over" in sheet) for sheet in detected["sheets"]] == [
        ("Terms", True), ("Tools", False), ("Empty", True), ("Garden", False),
    ]  # fmt: skip
    assert detected["hidden_sheets"] == ["Old"]
    assert [line.sku for line in reading(path, {"sheets": ["Garden"]}).lines] == ["G1"]


def test_sheets_that_are_not_there(refusal, file):
    write_xlsx(file, {"List": [HEADER, ["A1", "Hammer", None, 5]]})
    assert refusal(file, {"sheets": ["Liste"]}) == ("no_such_sheet", "The workbook has no sheet called Liste.")
    assert refusal(file, None, {"price": "Preis"})[0] == "no_such_column"
    assert refusal(write_xlsx(file, {"List": [HEADER]}))[0] == "no_lines"
    assert refusal(write_xlsx(file, {"List": []}))[0] == "empty"


def test_what_other_programs_write(reading, file):
    """Prefixes, cells and rows without places, cells out of order, phonetic text, rich text, escapes, 1904."""
    rows = (
        '<x:row><x:c t="inlineStr"><x:is><x:t>SKU</x:t></x:is></x:c><x:c t="s"><x:v>0</x:v></x:c>'
        '<x:c t="str"><x:v>Price</x:v></x:c>'
        '<x:c t="str"><x:v>Since</x:v></x:c></x:row>'
        '<x:row r="5"><x:c r="C5"><x:v>5</x:v></x:c><x:c r="A5" t="str"><x:v>A_x0031_</x:v></x:c>'
        '<x:c r="B5" t="s"><x:v>1</x:v></x:c>'
        '<x:c r="D5" s="1"><x:v>1</x:v></x:c></x:row>'
        '<x:row><x:c t="str"><x:v>A2_x0000__xD800_</x:v></x:c><x:c t="s"><x:v>99</x:v></x:c>'
        "<x:c><x:v>6</x:v></x:c></x:row>"
    )
    path = write_xlsx(
        file, {"List": [["x"]]}, is_1904=True,
        replace={
            "xl/worksheets/sheet1.xml": f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{rows}</x:sheetData>'
            "</x:worksheet>",
            "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>Name</t></si>'
            "<si><r><t>Ham</t></r><r><t>mer</t></r><rPh><t>hama</t></rPh></si></sst>",
            "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
        },
    )  # fmt: skip
    lines, bad, _ = reading(path)
    assert [(line.number, line.sku, line.name, line.price, line.characteristics) for line in lines] == [
        (5, "A1", "Hammer", 5, {"Since": "1904-01-02"})
    ]
    assert [(line.number, line.code, line.value) for line in bad] == [(6, "no_name", "A2 | 6")]


def bomb(file: Path, size: int, **how) -> Path:
    """A sheet of so many bytes, all spaces."""
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>'.encode() + b" " * size
    return write_xlsx(file, {"List": [HEADER]}, replace={"xl/worksheets/sheet1.xml": sheet}, **how)


def test_a_part_that_would_grow_a_thousandfold_is_not_unpacked(refusal, file, monkeypatch):
    monkeypatch.setattr(xml, "parse", None)
    path = bomb(file, 40_000_000)
    assert path.stat().st_size < 100_000
    assert refusal(path)[0] == "zip_bomb"


def test_more_than_the_options_allow_is_not_unpacked(refusal, file):
    path = bomb(file, 2_000_000)
    assert refusal(path, {"max_unpacked_mb": 1}) == (
        "zip_bomb", "Unpacked, the workbook would be larger than 1 MB.",
    )  # fmt: skip


def test_sizes_that_lie_are_believed_and_no_more_is_unpacked(refusal, file):
    path = bomb(file, 30_000_000)
    content = bytearray(path.read_bytes())
    for sign, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = 0
        while (at := content.find(sign, at)) >= 0:
            if int.from_bytes(content[at + place : at + place + 4], "little") > 20_000_000:
                content[at + place : at + place + 4] = (1000).to_bytes(4, "little")
            at += 4
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("xl/worksheets/sheet1.xml").file_size == 1000
    assert refusal(path)[0] == "damaged"


@pytest.mark.parametrize(
    "member",
    [
        '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;&b;">]><worksheet><sheetData>&d;</sheetData></worksheet>',
        '<!DOCTYPE a SYSTEM "http://localhost/x.dtd"><worksheet/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'.encode(
            "utf-16"
        ),
    ],
)
@pytest.mark.parametrize(
    "name", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"]
)
def test_entities_are_refused(refusal, file, name, member):
    path = write_xlsx(file, {"List": [HEADER, ["A1", "Hammer", None, 5]]}, replace={name: member})
    assert refusal(path)[0] == "xml_entities"


@pytest.mark.parametrize(
    "endless",
    [
        f'<worksheet xmlns="{MAIN}"><sheetData><row a="{{}}">',
        f'<worksheet xmlns="{MAIN}"><!-- {{}}',
        f'<worksheet xmlns="{MAIN}"><sheetData><row><c t="str"><v>{{}}</v></c></row></sheetData></worksheet>',
    ],
)
def test_what_has_no_end_is_not_kept_in_memory(refusal, file, endless):
    sheet = endless.format("abcd" * 3_000_000)
    assert refusal(write_xlsx(file, {"List": [HEADER]}, replace={"xl/worksheets/sheet1.xml": sheet}))[0] == "zip_bomb"


def test_a_shared_text_without_end(refusal, file):
    strings = f'<sst xmlns="{MAIN}"><si><t>{"abcd" * 100_000}</t></si></sst>'
    assert refusal(write_xlsx(file, {"List": [HEADER]}, replace={"xl/sharedStrings.xml": strings}))[0] == "zip_bomb"


def test_a_cell_far_away_costs_its_line_and_no_memory(reading, file):
    far = Xml('<c r="XFD2502" t="str"><v>x</v></c>')
    goods = [["A1", "Hammer", None, 5]] * 2500
    lines, bad, _ = reading(write_xlsx(file, {"List": [HEADER, *goods, ["A2", far], *goods]}))
    assert len(lines) == 5000
    assert [(line.number, line.code) for line in bad] == [(2502, "too_many_cells")]
    assert "501 cells" in bad[0].reason


def test_columns_without_end(refusal, file):
    far = '<c r="XFD2" t="str"><v>x</v></c>'
    assert refusal(write_xlsx(file, {"List": [HEADER, ["A1", Xml(far)]]}))[0] == "too_many_columns"
    many = "".join(f'<c t="str"><v>{n}</v></c>' for n in range(10_000))
    assert refusal(write_xlsx(file, {"List": [[Xml(many)], ["A1"]]}))[0] == "too_many_columns"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("xl/workbook.xml", "<workbook", "damaged"),
        ("xl/worksheets/sheet1.xml", "no xml", "damaged"),
        ("xl/_rels/workbook.xml.rels", "<Relationships/>", "empty"),
        (
            "_rels/.rels",
            '<Relationships><Relationship Id="r" Type="x/officeDocument" Target="../../a"/></Relationships>',
            "damaged",
        ),
    ],
)  # fmt: skip
def test_damaged_workbooks(refusal, file, name, content, code):
    path = write_xlsx(file, {"List": [HEADER, ["A1", "Hammer", None, 5]]}, replace={name: content})
    assert refusal(path)[0] == code


def test_a_damaged_end_is_told_behind_the_lines(reading, file, refusal):
    path = write_xlsx(file, {"List": [HEADER, *[[f"A{n}", f"Hammer {n}", None, n] for n in range(1, 5_000)]]})
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    end = info.header_offset + info.compress_size
    content[end - 2000 : end - 1000] = bytes(1000)
    path.write_bytes(content)
    assert refusal(path)[0] == "damaged"


def test_archives_that_are_no_workbooks(refusal, file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("list.csv", "sku;name\n")
    assert refusal(file)[0] == "archive"
    write_xlsx(file, {"List": [HEADER]})
    file.write_bytes(file.read_bytes()[:-100])
    assert refusal(file)[0] == "damaged"
    content = bytearray(write_xlsx(file, {"List": [HEADER]}).read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(content)
    assert refusal(file)[0] == "encrypted"


def test_shared_texts_are_kept_in_a_file_and_found(monkeypatch):
    monkeypatch.setattr(shared_strings, "_IN_MEMORY", 1000)
    strings = SharedStrings()
    for number in range(10_000):
        strings.append(f"Größe {number}" if number % 7 else "")
    strings.flush()
    assert [strings[number] for number in (9_999, 0, 5_000, 257)] == ["Größe 9999", "", "Größe 5000", "Größe 257"]
    for missing in (-1, 10_000, 10**12):
        with pytest.raises(IndexError):
            strings[missing]
    strings.close()


def test_few_shared_texts_are_at_hand(monkeypatch):
    monkeypatch.setattr(shared_strings, "_AT_HAND", 3)
    strings = SharedStrings()
    for number in range(5_000):
        strings.append(str(number))
    strings.flush()
    assert [strings[number] for number in range(5_000)] == [str(number) for number in range(5_000)]
    assert strings._load.cache_info().currsize == 3
    strings.close()


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("General", NumberFormat()), ("0.00", NumberFormat()), ("#,##0", NumberFormat()), ("0%", NumberFormat()),
        ("yyyy-mm-dd", NumberFormat(is_date=True)), ("[$-407]d. mmmm yyyy;@", NumberFormat(is_date=True)),
        ("0000000000000", NumberFormat(digits=13)), ("#,##0.00 €", NumberFormat(currency="EUR")),
        ('"$"#,##0.00_);("$"#,##0.00)', NumberFormat(currency="USD")),
        ("[$USD] #,##0.00", NumberFormat(currency="USD")),
        ('#,##0.00 "грн."', NumberFormat(currency="UAH")), ('0 "days"', NumberFormat()),
        ('#,##0.00_-[$£-809]', NumberFormat(currency="GBP")),
        ("", NumberFormat()), ("[Red]0.00", NumberFormat()),
    ],
)  # fmt: skip
def test_number_formats(code, meant):
    assert interpret(code) == meant


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(),
            st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20),
            st.builds(Styled, st.floats(allow_nan=False), st.text("#0.,;dmyhs$€[]\" ", max_size=12)),
        ),
        max_size=6,
    )
)  # fmt: skip
def test_any_cells(reading, file, cells):
    lines, bad, _ = reading(write_xlsx(file, {"List": [HEADER, ["A1", "Hammer"], cells]}))
    assert lines[0].name == "Hammer"
    assert len(lines) + len(bad) <= 2
    assert all(isinstance(line.price, Decimal | None) for line in lines)


def test_what_a_damaged_deflate_stream_raises(file):
    """The list of what is caught in reading XML holds what zlib raises."""
    write_xlsx(file, {"List": [HEADER]})
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("xl/styles.xml")
        content = bytearray(file.read_bytes())
        content[info.header_offset + 30 + len("xl/styles.xml")] = 0xFF
        file.write_bytes(content)
    with zipfile.ZipFile(file) as archive, pytest.raises(zlib.error):
        archive.read("xl/styles.xml")
