"""`catalogd import`: what a file says is in the shop afterwards; a wrong file leaves no trace."""

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from daemon.cli import main
from daemon.stand_in.importing import IncomingRow, import_rows
from tests.support.database import Database
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject are files

HEADER = "sku,name,manufacturer,part_number,description,attributes,category_code,category_label,category_path,split"
HAMMER = (
    'H1,Claw hammer,Hitwell,HM100,For nails,"{""Colour"": ""red"", ""Sizes"": [1, 2]}",'
    "hammers,Hammers,Tools > Hammers,train"
)
PIPE = "P1,Copper pipe,,,,,pipes,Pipes,Water > Pipes,dev"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.csv"


@pytest.fixture
def run(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("DATABASE_URL", database.dsn)

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main(["import", *map(str, arguments)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return command


Run = Callable[..., tuple[int, str, str]]


def write(file: Path, *lines: str, header: str = HEADER, end: str = "\n") -> Path:
    file.write_bytes(end.join([header, *lines, ""]).encode())
    return file


def products(db: psycopg.Connection) -> Mapping[str, tuple[object, ...]]:
    rows = db.execute(
        "SELECT sku, name, manufacturer, part_number, description, attributes, category_code FROM products ORDER BY id"
    )
    return {row[0]: row[1:] for row in rows}


def categories(db: psycopg.Connection) -> list[tuple[str, str, str]]:
    return db.execute("SELECT code, label, path FROM categories ORDER BY code").fetchall()


def test_products_and_categories_are_as_in_the_file(db: psycopg.Connection, run: Run, file: Path) -> None:
    code, out, err = run(write(file, HAMMER, PIPE))
    assert (code, err) == (0, "")
    assert out.startswith("imported 2 products in 2 categories, 0 held out, in ")
    attributes = {"Colour": "red", "Sizes": [1, 2]}
    assert products(db) == {
        "H1": ("Claw hammer", "Hitwell", "HM100", "For nails", attributes, "hammers"),
        "P1": ("Copper pipe", None, None, None, None, "pipes"),
    }
    assert categories(db) == [("hammers", "Hammers", "Tools > Hammers"), ("pipes", "Pipes", "Water > Pipes")]


def test_the_real_command_reads_gzip_and_then_learns(db: psycopg.Connection, catalogd: Catalogd, file: Path) -> None:
    packed = file.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(write(file, HAMMER, PIPE).read_bytes()))
    result = catalogd("import", str(packed), "--hold-out", "split=dev")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("imported 2 products in 2 categories, 1 held out, in ")
    assert catalogd("learn").stdout.startswith("learned model 1 from 1 products")


def test_held_out_products_lose_their_category_but_it_is_known(db: psycopg.Connection, run: Run, file: Path) -> None:
    write(file, HAMMER, PIPE, "T1,Tap,,,,,taps,Taps,Water > Taps,test")
    assert run(file)[0] == 0
    assert "2 held out" in run(file, "--hold-out", "split=dev", "--hold-out", "split=test")[1]
    assert {sku: product[-1] for sku, product in products(db).items()} == {"H1": "hammers", "P1": None, "T1": None}
    assert len(categories(db)) == 3


def test_a_second_import_updates_by_sku_what_the_file_has_columns_for(
    db: psycopg.Connection, run: Run, file: Path
) -> None:
    assert run(write(file, HAMMER, PIPE))[0] == 0
    before = dict(db.execute("SELECT sku, id FROM products").fetchall())
    code, out, _ = run(write(file, "H1,Sledge hammer,", "N1,New,Acme", header="sku,name,manufacturer"))
    assert (code, out[:36]) == (0, "imported 2 products in 0 categories,")
    found = products(db)
    assert found["H1"] == ("Sledge hammer", None, "HM100", "For nails", {"Colour": "red", "Sizes": [1, 2]}, "hammers")
    assert found["N1"] == ("New", "Acme", None, None, None, None)
    assert dict(db.execute("SELECT sku, id FROM products WHERE sku <> 'N1'").fetchall()) == before
    assert len(categories(db)) == 2


def test_only_the_sku_is_needed(db: psycopg.Connection, run: Run, file: Path) -> None:
    assert run(write(file, "A", "", "B", header="sku"))[0] == 0
    assert list(products(db)) == ["A", "B"]


def test_a_category_without_label_and_path_is_called_by_its_code_or_as_before(
    db: psycopg.Connection, run: Run, file: Path
) -> None:
    assert run(write(file, HAMMER))[0] == 0
    assert run(write(file, "X1,hammers", "X2,saws", header="sku,category_code"))[0] == 0
    assert categories(db) == [("hammers", "Hammers", "Tools > Hammers"), ("saws", "saws", "saws")]


AWKWARD = {
    "lines": "first\nsecond\r\nthird",
    "end of data": "\\.",
    "end of data in a line": "a\n\\.\nb",
    "escapes": "\\N \\t \\\\ \t",
    "quotes": 'say "hello", 5" long',
    "scripts": "Müller 株式会社 ‮ 🔨",
    "spaces": "  ",
    "long": "x" * 200_000,
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_text_arrives_as_it_is(db: psycopg.Connection, run: Run, file: Path, end: str) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writerows([["sku", "name"], *AWKWARD.items()])
    assert run(file)[0] == 0
    assert {sku: product[0] for sku, product in products(db).items()} == AWKWARD


def refused(reason: str, content: bytes | str, id: str) -> object:
    return pytest.param(content.encode() if isinstance(content, str) else content, reason, id=id)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        refused(": it is empty", "", "empty"),
        refused(
            ", line 1: no column is called sku; the columns are: name, maker", "name,maker\nA,B\n", "no sku column"
        ),
        refused(", line 1: the column sku stands there twice", "sku,sku\nA,B\n", "column twice"),
        refused(", line 3: 1 cells, but the header has 2", "sku,name\nA,B\nC\n", "too few cells"),
        refused(", line 2: 3 cells, but the header has 2", "sku,name\nA,B,C\n", "too many cells"),
        refused(", line 3: the sku is empty", "sku,name\nA,B\n,C\n", "empty sku"),
        refused(
            ", line 5: attributes is not JSON",
            'sku,name,attributes\nA,"x\ny",{}\nB,x,[]\nC,x,{red}\nD,x,{}\n',
            "not JSON",
        ),
        refused(", line 2: attributes is not JSON", 'sku,attributes\nA,"""\\u0000"""\n', "JSON with a NUL"),
        refused(", line 2: attributes is not JSON", 'sku,attributes\nA,"""\\ud800"""\n', "JSON with half a character"),
        refused(", line 2: attributes is not JSON", "sku,attributes\nA," + "[" * 100_000 + "\n", "JSON too deep"),
        refused(", line 2: attributes is not JSON", "sku,attributes\nA,NaN\n", "JSON with NaN"),
        refused(", line 3: a NUL character", "sku,name\nA,B\nC,\0\n", "NUL"),
        refused(", line 3: this is not UTF-8", b"sku,name\nA,B\nC,M\xfcller\n", "not UTF-8"),
        refused(", line 4: the sku 'A' stands in line 2 already", "sku,name\nA,1\nB,2\nA,3\n", "sku twice"),
        refused(", line 2: this is not CSV", 'sku,name\nA,"never closed\nB,C\n', "open quote"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_nothing_is_loaded(
    db: psycopg.Connection, run: Run, file: Path, content: bytes, reason: str
) -> None:
    file.write_bytes(content)
    code, out, err = run(file)
    assert (code, out) == (2, "")
    assert err.startswith(f"catalogd: {file}{reason}")
    assert err.count("\n") == 1
    assert products(db) == {}
    assert categories(db) == []


def test_a_file_that_is_not_there_or_not_gzip_is_refused(run: Run, file: Path) -> None:
    assert run(file) == (2, "", f"catalogd: {file}: there is no such file\n")
    assert run(file.parent)[2] == f"catalogd: {file.parent}: it cannot be read: Is a directory\n"
    packed = write(file.with_suffix(".gz"), HAMMER)
    assert run(packed) == (2, "", f"catalogd: {packed}: it is called .gz, but is not a gzip file\n")
    content = gzip.compress(b"sku,name\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(50_000)))
    packed.write_bytes(content[: len(content) // 2])
    code, _, err = run(packed)
    assert (code, err.endswith(": the gzip file is damaged from here on\n")) == (2, True)


@pytest.mark.parametrize(
    ("hold_out", "reason"),
    [("part=dev", "--hold-out: no column is called part"), ("split", "'split' is not of the form COLUMN=VALUE")],
)
def test_a_hold_out_that_cannot_be_is_refused(
    db: psycopg.Connection, run: Run, file: Path, hold_out: str, reason: str
) -> None:
    code, _, err = run(write(file, HAMMER), "--hold-out", hold_out)
    assert code == 2
    assert reason in err
    assert products(db) == {}


def test_without_a_stand_in_shop_it_says_how_to_make_one(
    empty_database: Database, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database.dsn)
    assert main(["import", str(write(file, HAMMER))]) == 78
    assert capsys.readouterr().err == (
        "catalogd: there is no stand-in shop in this database (categories.code is missing);"
        " run: catalogd migrate --with-stand-in\n"
    )
    with empty_database.connect() as conn:
        conn.execute("CREATE TABLE products (id bigint PRIMARY KEY, title text)")
    assert main(["import", str(file)]) == 78


def test_rows_are_taken_as_they_come(db: psycopg.Connection) -> None:
    """A million lines must not be held in memory: by the time the last row is made, the first ones are gone."""
    alive = 0
    most = 0

    class Name(str):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def rows() -> Iterator[IncomingRow]:
        nonlocal alive, most
        for number in range(5000):
            alive += 1
            most = max(most, alive)
            attributes = json.dumps({"n": number})
            yield IncomingRow(number, f"S{number}", Name("n"), None, None, None, attributes, None, None, None, False)

    assert import_rows(db, rows()).products == 5000
    assert most < 10
