"""Workbooks of other kinds than XLSX, read by a process of its own."""

import subprocess
import sys
import zipfile
from decimal import Decimal

import pytest

from daemon.workloads.price_lists.reading import calamine_process, legacy
from daemon.workloads.price_lists.reading.reading import read
from tests.support.workbooks import write_compound, write_ods, write_xls

ROWS = [
    ["Art.-Nr.", "Bezeichnung", "EAN", "EK-Preis €", "Lager", "Farbe"],
    [12345, "Hammer groß", 4006381333931, 12.3, 5, "rot"],
    ["00012", "=cmd|'/C calc'!A0", None, 0.1 + 0.2, 0, None],
    [None],
    ["A3", "Säge", None, -1, 0, None],
]


@pytest.mark.parametrize("write", [write_xls, write_ods])
def test_a_usual_workbook(reading, file, write):
    lines, bad, detected = reading(write(file, {"Info": [["Welcome"]], "Liste": ROWS}))
    assert [
        (line.number, line.sku, line.name, line.barcode, line.price, line.currency, line.stock) for line in lines
    ] == [
        (2, "12345", "Hammer groß", "4006381333931", Decimal("12.3"), "EUR", 5),
        (3, "00012", "=cmd|'/C calc'!A0", None, Decimal("0.3"), "EUR", 0),
    ]
    assert [(line.number, line.code) for line in bad] == [(5, "bad_price")]
    assert [(sheet["name"], "passed_over" in sheet) for sheet in detected["sheets"]] == [
        ("Info", True),
        ("Liste", False),
    ]


def test_hidden_sheets_are_passed_over(reading, file):
    lines, _, detected = reading(write_xls(file, {"Old": ROWS, "Liste": ROWS}, hidden=["Old"]))
    assert (len(lines), detected["kind"], detected["hidden_sheets"]) == (2, "xls", ["Old"])


def test_a_header_of_two_rows(reading, file):
    rows = [["SKU", "Name", "Price", None], [None, None, "net", "gross"], ["A1", "Hammer", 5, 5.95]]
    assert reading(write_xls(file, {"L": rows})).lines[0].characteristics == {"Price gross": "5.95"}


def test_a_text_that_is_called_xls_is_read_as_what_it_is(reading, tmp_path):
    path = tmp_path / "list.xls"
    path.write_text("sku\tname\tprice\n1\tHammer\t5\n")
    lines, _, detected = reading(path)
    assert (lines[0].name, detected["kind"], detected["delimiter"]) == ("Hammer", "csv", "\t")


def test_passwords(refusal, file):
    assert refusal(write_xls(file, {"L": ROWS}, is_encrypted=True))[0] == "encrypted"
    assert refusal(write_compound(file, {"EncryptionInfo": b"x", "EncryptedPackage": b"y"}))[0] == "encrypted"


def test_damaged_files(refusal, file):
    content = write_xls(file, {"L": ROWS}).read_bytes()
    for cut in (8, 512, 1500, len(content) - 700):
        assert refusal(content[:cut])[0] == "damaged"
    assert refusal(write_compound(file, {"WordDocument": b"x"}))[0] == "damaged"


def test_a_cell_far_away_takes_no_memory_of_ours(refusal, file):
    """calamine makes room for the whole rectangle, and ends the process when there is none."""
    code, _ = refusal(write_xls(file, {"L": ROWS}, stray=(65_535, 65_535)))
    assert code in {"damaged", "too_large", "too_many_columns"}


def test_ods_that_would_grow(refusal, file):
    write_ods(file, {"L": ROWS}, extra=" " * 40_000_000)
    assert refusal(file)[0] == "zip_bomb"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("content.xml", "<x/>")
    assert refusal(file)[0] == "damaged"


def test_the_process_is_ended_when_reading_is_given_up(file):
    class Stop(Exception):
        pass

    beats = 0

    def tick(lines, share):
        nonlocal beats
        beats += 1
        if lines > 1000:
            raise Stop

    write_xls(file, {"L": [ROWS[0], *[[n, f"Hammer {n}", None, 5] for n in range(20_000)]]})
    with pytest.raises(Stop):
        list(read(file, None, None, tick))
    assert beats > 3


def test_a_process_that_says_nothing_is_waited_for_with_beats(file, monkeypatch):
    real = subprocess.Popen
    command = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    monkeypatch.setattr(legacy.subprocess, "Popen", lambda _, **options: real(command, **options))

    class Stop(Exception):
        pass

    beats = 0

    def tick(lines, share):
        nonlocal beats
        beats += 1
        if beats == 3:
            raise Stop

    write_xls(file, {"L": ROWS})
    with pytest.raises(Stop):
        read(file, None, None, tick)


def test_memory_and_time_of_the_process_are_bounded(file):
    probe = (
        "import resource, sys\n"
        f"from {calamine_process.__name__} import main\n"
        "main(sys.argv[1])\n"
        "print(*(resource.getrlimit(each)[0] for each in (resource.RLIMIT_AS, resource.RLIMIT_CPU)))\n"
    )
    write_xls(file, {"L": ROWS})
    said = subprocess.run([sys.executable, "-c", probe, str(file)], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == f"{calamine_process.MEMORY} {calamine_process.SECONDS}"
