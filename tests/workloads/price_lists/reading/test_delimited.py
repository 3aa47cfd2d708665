"""Text files: what suppliers send, and what they should not."""

import codecs
import csv
import io
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.reading.lines import LONGEST_CODE, LONGEST_TEXT

USUAL = (
    "SKU;Name;Brand;MPN;EAN;Price;Currency;Stock;Colour\n"
    "A1;Claw hammer;Hitwell;HM100;4006381333931;1.234,50;EUR;5;red\n"
    "A2;Rubber hammer;Hitwell;HM200;;N/A;EUR;0;\n"
)


def test_a_usual_list(reading):
    lines, bad, detected = reading(USUAL)
    assert not bad
    assert lines == [
        Line(
            2, "Claw hammer", "A1", "Hitwell", "HM100", "4006381333931", Decimal("1234.50"), "EUR", Decimal(5), True,
            {"Colour": "red"},
        ),
        Line(3, "Rubber hammer", "A2", "Hitwell", "HM200", None, None, None, Decimal(0), False, {}),
    ]  # fmt: skip
    assert {
        "kind": "csv", "encoding": "utf-8", "encoding_confidence": 1.0, "delimiter": ";", "decimal": ",",
        "decimal_decided_by": "values", "header_line": 1, "characteristics": ["Colour"], "counted": {"no_price": 1},
    }.items() <= detected.items()  # fmt: skip
    assert detected["mapping"]["part_number"] == "MPN"
    assert json.loads(json.dumps(detected)) == detected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (b"", "cp1252"),
        (b"", "utf-16-be"),
    ],
)
def test_encodings_and_line_ends(reading, end, mark, encoding):
    text = USUAL.replace("Claw hammer", "Größter Hammer").replace("\n", end)
    lines, bad, _ = reading(mark + text.encode(encoding))
    assert [line.name for line in lines] == ["Größter Hammer", "Rubber hammer"]
    assert not bad


def test_mixed_line_ends(reading):
    lines, bad, _ = reading("sku,name,price\r\n1,a,1\n2,b,2\r3,c,3\r\r\n4,d,4")
    assert [(line.sku, line.price) for line in lines] == [("1", 1), ("2", 2), ("3", 3), ("4", 4)]
    assert not bad


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(reading, delimiter):
    row = delimiter.join
    lines, _, detected = reading(row(["sku", "name", "price"]) + "\n" + row(["1", '"a, b; c|d"', '"12,50"']) + "\n")
    assert detected["delimiter"] == delimiter
    assert [(line.name, line.price) for line in lines] == [("a, b; c|d", Decimal("12.50"))]


def test_the_line_that_tells_excel_the_delimiter(reading):
    lines, _, _ = reading("sep=|\nsku|name|price\n1|a;b|5\n")
    assert [(line.number, line.name) for line in lines] == [(3, "a;b")]


def test_lines_before_the_header(reading):
    preamble = 'ACME Tools GmbH;;\n"Main Street 5; 12345 Town";;\n;;\nPrice list of 1 March 2026;;\n\n'
    lines, bad, detected = reading(preamble + "Art.-Nr.;Bezeichnung;Preis\n1;Hammer;5\n")
    assert [(line.number, line.name) for line in lines] == [(7, "Hammer")]
    assert (detected["header_line"], bad) == (6, [])


def test_a_header_of_two_rows(reading):
    lines, bad, detected = reading("SKU;Name;Price;;Stock\n;;net;gross;\n1;Hammer;5,00;5,95;3\n")
    assert [(line.price, line.characteristics) for line in lines] == [(Decimal("5.00"), {"Price gross": "5,95"})]
    assert (detected["header_lines"], bad) == (2, [])
    lines, _, detected = reading("Product;;Price;\nSKU;Name;net;gross\n1;Hammer;5,00;5,95\n")
    assert [(line.sku, line.name, line.price) for line in lines] == [("1", "Hammer", Decimal("5.00"))]
    lines, _, detected = reading("SKU;Name;Price;Colour\nHand tools;;;\n1;Hammer;5,00;red\n")
    assert detected["header_lines"] == 1


def test_what_is_no_line_of_goods_is_passed_over(reading):
    lines, bad, detected = reading(
        "sku;name;price;stock\n;Hand tools;;\n1;Hammer;5;1\n; ;;\n\n"
        "sku;name;price;stock\n2;Saw;6;2\nTotal;;11;3\n;Grand total:;11;3\n"
    )
    assert ([line.name for line in lines], bad) == (["Hammer", "Saw"], [])
    assert detected["counted"] == {"headings": 1, "blank_lines": 1, "repeated_headers": 1, "totals": 2}


def test_names(reading):
    lines, bad, _ = reading("sku;name;brand;mpn;price\n1;;Hitwell;HM1;5\n2;;;;5\n3; ;;HM3;5\n4;Hammer;;;\n")
    assert [(line.sku, line.name) for line in lines] == [("1", "Hitwell HM1"), ("3", "HM3"), ("4", "Hammer")]
    assert [(line.number, line.code, line.column, line.reason) for line in bad] == [
        (3, "no_name", "name", "the line has no name and no part number")
    ]
    lines, bad, _ = reading("sku;ean;price\n1;4006381333931;5\n;4006381333931;6\n;;7\n")
    assert [line.name for line in lines] == ["1", "4006381333931"]
    assert [line.code for line in bad] == ["no_name"]


def test_bad_prices_cost_their_line(reading):
    values = ["-5", "1e308", "NaN", "Infinity", "12,5O", "=1+1", "999999999"]
    lines, bad, _ = reading("sku;name;price\n0;ok;1,5\n" + "".join(f"{n};x;{v}\n" for n, v in enumerate(values, 1)))
    assert [line.sku for line in lines] == ["0"]
    assert [(line.code, line.column, line.value) for line in bad] == [("bad_price", "price", value) for value in values]


def test_no_price_and_nought(reading):
    text = "sku;name;price\n1;a;-\n2;b;auf Anfrage\n3;c;0,00\n4;d;\n5;e;N/A\n"
    assert [line.price for line in reading(text).lines] == [None] * 5
    assert [line.price for line in reading(text, {"zero_price": "keep"}).lines] == [None, None, 0, None, None]


@pytest.mark.parametrize(
    ("rows", "options", "price", "decided_by"),
    [
        ("1,a,\"1,234\"\n2,b,12.50\n", {}, 1234, "values"),
        ("1,a,\"1,234\"\n2,b,\"12,50\"\n", {}, Decimal("1.234"), "values"),
        ("1;a;1.234\n", {}, 1234, "delimiter"),
        ("1,a,1.234\n", {}, Decimal("1.234"), "default"),
        ("1,a,1.234\n", {"decimal": ","}, 1234, "options"),
    ],
)  # fmt: skip
def test_the_decimal_sign(reading, rows, options, price, decided_by):
    delimiter = rows[1]
    lines, _, detected = reading(delimiter.join(["sku", "name", "price"]) + "\n" + rows, options)
    assert (lines[0].price, detected["decimal_decided_by"]) == (price, decided_by)


@pytest.mark.parametrize(
    ("prices", "options", "warning"),
    [
        (["1,234", "5"], {}, "prices such as 1,234 may mean 1.234 or 1234: read as 1234; the option decimal tells"),
        (["7", "1.000"], {}, "prices such as 1.000 may mean 1000 or 1.000: read as 1.000; the option decimal tells"),
        (["1,234"], {"decimal": ","}, None),
        (["1,234", "12.50"], {}, None),
        (["1.500,-"], {}, None),
        (["1 234", "5"], {}, None),
    ],
)  # fmt: skip
def test_a_price_that_may_mean_two_things_is_told(reading, prices, options, warning):
    rows = "".join(f'{number},a,"{price}"\n' for number, price in enumerate(prices))
    detected = reading("sku,name,price\n" + rows, options).detected
    assert detected.get("warnings") == ([warning] if warning else None)


def test_an_option_that_nothing_knows_is_told(reading):
    detected = reading(USUAL, {"delimeter": ";", "force": True, "currency": "EUR"}).detected
    assert [warning.partition(";")[0] for warning in detected["warnings"]] == ["there is no option 'delimeter'"]
    assert "delimiter" in detected["warnings"][0]


def test_currencies(reading):
    text = "sku;name;Preis in €;Währung\n1;a;5;\n2;b;5 $;\n3;c;5;CHF\n4;d;5 $;CHF\n"
    assert [line.currency for line in reading(text).lines] == ["EUR", "USD", "CHF", "USD"]
    lines, _, _ = reading("sku;name;price\n1;a;5\n2;b;5 $\n3;c;-\n", {"currency": "cad"})
    assert [line.currency for line in lines] == ["CAD", "CAD", None]


def test_a_price_for_many_pieces(reading):
    lines, _, _ = reading("sku;name;price;Preiseinheit\n1;a;5;100\n2;b;5/100 Stk;1\n3;c;5;\n")
    assert [line.price for line in lines] == [Decimal("0.05"), Decimal("0.05"), 5]


def test_barcodes_that_are_none_are_left_out_and_told(reading):
    lines, bad, detected = reading(
        "sku;name;ean\n1;a;4006381333931\n2;b;4006381333932\n3;c;4.00638E+12\n4;d;4.006381333931E+12\n5;e;\n"
    )
    assert [line.barcode for line in lines] == ["4006381333931", None, None, "4006381333931", None]
    assert (bad, detected["counted"]) == ([], {"barcodes_dropped": 2})


@pytest.mark.parametrize("formula", ["=cmd|'/C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", '=HYPERLINK("http://x")'])
def test_formulas_are_text(reading, formula):
    cell = '"' + formula.replace('"', '""') + '"'
    lines, bad, _ = reading(f"sku;name;brand;mpn;note\n{cell};{cell};{cell};{cell};{cell}\n")
    line = lines[0]
    assert [line.sku, line.name, line.manufacturer, line.part_number, line.characteristics["note"]] == [formula] * 5
    assert not bad


def test_codes_that_are_kept_from_spreadsheets(reading):
    lines, _, _ = reading('sku,name,mpn\n="00123",a,"=""007"""\n')
    assert (lines[0].sku, lines[0].part_number) == ("00123", "007")


def test_unbalanced_quotes(reading):
    rows = "".join(f"{n};Monitor {n};5\n" for n in range(5000))
    lines, bad, _ = reading('sku;name;price\nA;"19 inch monitor;5\n' + rows + 'B;"22 inch;7\n')
    assert len(lines) == 5000
    assert [(line.number, line.code) for line in bad] == [(2, "bad_quotes"), (5003, "bad_quotes")]


def test_lines_with_other_numbers_of_cells(reading):
    lines, bad, _ = reading("sku;name;price\n1;Hammer\n2;Hammer;5;;\n3;Hammer; red;5\n")
    assert [(line.sku, line.price) for line in lines] == [("1", None), ("2", 5)]
    assert [(line.number, line.code, line.value) for line in bad] == [(4, "too_many_cells", "3 | Hammer |  red | 5")]


def test_duplicate_headers_are_told(reading):
    text = "sku;name;price;price;;size;size\n1;a;5;6;x;S;M\n"
    lines, _, detected = reading(text)
    assert (lines[0].price, lines[0].characteristics) == (5, {"size": "S"})
    assert (detected["duplicates"], detected["ignored"]) == (["price", "size"], ["price", 4, "size"])
    assert reading(text, None, {"price": 3}).lines[0].price == 6


def test_nul_characters_are_left_out(reading):
    lines, _, detected = reading("sku;name;price\n" + "1;Ham\0mer;5\n" + "2;Saw;6\n" * 50)
    assert (lines[0].name, detected["nul_bytes"]) == ("Hammer", 1)


def test_overlong_values(reading):
    text = f"sku;name;note\n1;{'n' * 5000};{'x' * 5000}\n{'s' * 500};a;\n"
    lines, bad, detected = reading(text)
    assert (len(lines[0].name), len(lines[0].characteristics["note"])) == (LONGEST_TEXT, LONGEST_TEXT)
    assert [(line.code, line.column, len(line.value)) for line in bad] == [("too_long", "sku", LONGEST_CODE)]
    assert detected["counted"] == {"cut_texts": 2}
    assert [line.number for line in reading(text, {"overlong": "refuse"}).bad] == [2, 3]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n \n\r\n", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (b"sku;name;price\n", "no_lines"),
        (b"sku;name;price\n;;\n\n", "no_lines"),
        (b"1;Hammer;5\n2;Saw;6\n", "no_header"),
        (b"foo;bar;baz\n1;2;3\n", "no_header"),
        (";".join(f"c{n}" for n in range(10_000)).encode() + b"\n", "too_many_columns"),
        (b"sku;name;price" + b";x" * 9_997 + b"\n1;a;5\n", "too_many_columns"),
        (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "html"),
        (b"\n  <!-- x --><TABLE><tr><td>sku</td></tr></TABLE>", "html"),
        (codecs.BOM_UTF8 + b"<html>", "html"),
        ("\ufeff<html><table>".encode("utf-16-le"), "html"),
        (b"MIME-Version: 1.0\nContent-Type: text/html\n\n<html>", "html"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "xml"),
        (b"<products><product/></products>", "xml"),
        (b'{"error": "not found"}', "json"),
        (b"%PDF-1.7\n", "pdf"),
        (b"\x1f\x8b\x08\x00", "archive"),
        (bytes(5000), "not_a_list"),
        (bytes(range(256)) * 50, "no_header"),
        (b"PK\x03\x04 no archive", "damaged"),
    ],
)  # fmt: skip
def test_what_is_refused(refusal, content, code):
    assert refusal(content)[0] == code


def test_a_mapping_to_columns_that_are_not_there(refusal):
    code, message = refusal(USUAL, mapping={"price": "Preis"})
    assert code == "no_such_column"
    assert "“SKU”, “Name”, “Brand”" in message


@pytest.mark.parametrize(
    ("options", "mapping", "code", "hint"),
    [
        ({"decimal": ";"}, None, "bad_options", "option decimal"),
        ({"encoding": "utf-9"}, None, "bad_options", "no encoding called 'utf-9'"),
        ({"currency": "EURO"}, None, "bad_options", "example: EUR"),
        (None, {"prize": "Price"}, "bad_mapping", "the fields are: sku, name"),
        (None, {"price": -1}, "bad_mapping", "a position from 0"),
        (None, {"price": {"a": 1}}, "bad_mapping", "mapping price"),
        ({"has_header": False}, None, "no_header", "needs a mapping"),
        ({"header_row": 9}, None, "no_header", "Line 9"),
    ],
)
def test_options_that_are_wrong(refusal, options, mapping, code, hint):
    found, message = refusal(USUAL, options, mapping)
    assert found == code
    assert hint in message


def test_a_list_without_a_header_by_positions(reading):
    mapping = {"sku": 0, "name": "B", "price": 2}
    for options in ({"has_header": False}, None):
        lines, _, detected = reading("1;Hammer;5,5\n2;Saw;6\n", options, mapping)
        assert [(line.number, line.name, line.price) for line in lines] == [
            (1, "Hammer", Decimal("5.5")),
            (2, "Saw", 6),
        ]
        assert detected["header_line"] is None


def test_a_header_where_the_options_say(reading):
    lines, _, _ = reading(
        "sku;name;price\nfoo;bar;baz\n1;Hammer;5\n", {"header_row": 2}, {"name": "bar", "price": "baz"}
    )
    assert [(line.name, line.price, line.characteristics) for line in lines] == [("Hammer", 5, {"foo": "1"})]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs", "Cc"]), max_size=20)
# A backslash before a closing quote cannot be told from an escaped quote, as other writers have it.
CELLS = CELLS.filter(lambda text: not text.endswith("\\"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(CELLS, CELLS, st.decimals(0, 10**8 - 1, places=2)), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_is_read(reading, rows, delimiter, encoding):
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter)
    writer.writerow(["sku", "name", "price", "note"])
    writer.writerows([f"S{number}", f"name {name}", price, note] for number, (name, note, price) in enumerate(rows))
    lines, bad, _ = reading(written.getvalue().encode(encoding))
    assert not bad
    assert [(line.sku, line.name, line.price) for line in lines] == [
        (f"S{number}", " ".join(f"name {name}".split()), price or None) for number, (name, _, price) in enumerate(rows)
    ]
    assert [line.characteristics.get("note", "") for line in lines] == [note.strip() for _, note, _ in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(
    st.binary(max_size=400).filter(lambda content: content.count(0) < 100)
    | st.text(st.sampled_from('a1;",.\n\t=€é'), max_size=300).map(str.encode)
)
def test_any_bytes_below_a_header(reading, content):
    lines, bad, detected = reading(b"sku;name;price\n0;Hammer;1\n" + content)
    assert lines[0].name == "Hammer"
    assert all(line.name == line.name.strip() != "" and "\0" not in line.name for line in lines)
    assert all(line.code and line.reason for line in bad)
    json.dumps(detected)
