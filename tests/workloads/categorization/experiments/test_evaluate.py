"""The command from end to end: from a file or a real database to a table, JSON, stored rows and a page."""

import csv
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import redirect_stderr
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import psycopg
import pytest

from daemon import cli
from daemon.settings import environment_names
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.workloads.categorization.shop import make_labelled

pytestmark = pytest.mark.one_server  # its subject are figures and pages

COLUMNS = ("sku", "name", "manufacturer", "part_number", "description", "attributes", "category_code", "category_label")


@pytest.fixture
def bare(monkeypatch, tmp_path, capsys):
    """The command with no setting at all; returns code, stdout and stderr."""
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def evaluate(*arguments):
        capsys.readouterr()
        try:
            code = cli.main(["evaluate", *arguments])
        except SystemExit as ending:
            code = ending.code
        return (code, *capsys.readouterr())

    return evaluate


@pytest.fixture
def evaluate(bare, monkeypatch, database: Database):
    monkeypatch.setenv("DATABASE_URL", database.dsn)
    return bare


def write_catalogue(path: Path, number: int = 500, label: str = "Label of {}", code: str = "{}") -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "split"])
        for product, kind in make_labelled(number):
            texts = (product.sku, product.name, product.manufacturer, product.part_number, product.description)
            split = "dev" if product.id % 4 == 0 else "train"
            attributes = json.dumps(product.attributes)
            writer.writerow([*texts, attributes, code.format(kind), label.format(kind), split])
    return str(path)


def rows_kept(db):
    return db.execute("SELECT count(*) FROM prediction_experiments").fetchone()[0]


def test_a_file_needs_no_database(bare, tmp_path):
    code, out, err = bare("--catalogue", write_catalogue(tmp_path / "shop.csv"))
    assert (code, err) == (0, "")
    assert re.search(r"^ +products judged +125$", out, re.MULTILINE)
    assert re.search(r"^ +top-1: right +(1\.0000|0\.9\d+)$", out, re.MULTILINE)
    assert out.startswith("Experiment\n")


def test_what_the_shop_switched_off_is_off_here_and_rules_and_decisions_are_no_matter(bare, tmp_path, monkeypatch):
    monkeypatch.setenv("CATALOGD_WITHOUT_SOURCES", "decision, rule, description")
    code, out, err = bare("--catalogue", write_catalogue(tmp_path / "shop.csv"), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["settings"]["without"] == ["description"]


def test_a_file_is_kept_where_a_database_is_named(evaluate, db: psycopg.Connection, tmp_path):
    file = write_catalogue(tmp_path / "shop.csv")
    code, out, err = evaluate("--catalogue", file, "--json", "--fields", "names", "--without", "manufacturer")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["settings"] == {
        "fields": "names",
        "without": ["manufacturer"],
        "threshold": 90.0,
        "folds": 1,
        "catalogue": "shop.csv",
    }
    assert (told["learned_products"], told["metrics"]["products"], told["comparison"]) == (375, 125, None)
    kept = db.execute(
        "SELECT id, kind, settings, data_fingerprint, metrics, learned_products FROM prediction_experiments"
    ).fetchone()
    assert kept == (
        told["experiment"],
        "catalogue",
        told["settings"],
        told["data_fingerprint"],
        told["metrics"],
        375,
    )
    rows = db.execute(
        "SELECT product_id, is_correct = (truth = value), reasoning <> '' FROM prediction_results"
    ).fetchall()
    assert sorted(rows) == sorted((f"S{number}", True, True) for number in range(0, 500, 4))


def test_the_shop_is_its_own_catalogue(evaluate, db: psycopg.Connection):
    shop(db, products=300, labelled=250)
    code, out, err = evaluate("--json", "--note", "first", "--curve")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["learned_products"] + told["metrics"]["products"] == 250
    assert [point["learned"] for point in told["curve"]] == [told["learned_products"]]
    assert db.execute("SELECT kind, note, model_version FROM experiment_summary").fetchall() == [
        ("shop", "first", None)
    ]
    told = json.loads(evaluate("--json", "--folds", "5")[1])
    assert told["metrics"]["products"] == 250
    assert told["learned_products"] == 4 * 250


def test_two_experiments_are_compared_on_the_same_products(evaluate, db: psycopg.Connection):
    shop(db, products=200, labelled=200)
    first = json.loads(evaluate("--json")[1])
    db.execute("UPDATE prediction_results SET is_correct = false WHERE truth = 'pipes'")
    code, out, _ = evaluate("--json", "--compare", str(first["experiment"]))
    told = json.loads(out)
    wrong = db.execute("SELECT count(*) FROM prediction_results WHERE NOT is_correct AND experiment_id = 1").fetchone()
    assert code == 0
    assert (told["comparison"]["experiment"], told["comparison"]["only_a"]) == (first["experiment"], 0)
    assert told["comparison"]["only_b"] == wrong[0] > 5
    assert told["comparison"]["low"] > 0
    kept = db.execute("SELECT metrics -> 'comparison' FROM prediction_experiments ORDER BY id DESC LIMIT 1").fetchone()
    assert kept[0] == told["comparison"]
    out = evaluate("--compare", str(first["experiment"]))[1]
    assert f"against experiment {first['experiment']}: {wrong[0]} products right only here, 0 only there; +" in out
    assert out.rstrip().endswith(": better")


def test_a_stored_model_is_judged_by_what_people_decided_since(evaluate, db: psycopg.Connection):
    shop(db, products=100, labelled=60)
    assert cli.main(["learn"]) == 0
    code, out, err = evaluate("--model", "1")
    assert (code, out) == (1, "")
    assert err == "catalogd: people have decided nothing since model 1 was learned\n"
    batch_id = batch(db, [], status="completed")
    db.execute(
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code)"
        " SELECT id, %s, CASE WHEN name LIKE '%%pipe%%' THEN 'pipes' ELSE 'hammers' END FROM products WHERE id > 60",
        (batch_id,),
    )
    db.execute("UPDATE predictions SET status = CASE WHEN product_id <= 90 THEN 'approved' ELSE 'rejected' END")
    told = json.loads(evaluate("--model", "1", "--json")[1])
    assert (told["kind"], told["model_version"], told["learned_products"]) == ("decisions", 1, 0)
    assert (told["metrics"]["products"], told["metrics"]["top1"]) == (40, 0.75), "right but for what was rejected"
    known = db.execute("SELECT count(*) FROM prediction_results WHERE truth IS NULL AND NOT is_correct").fetchone()
    assert known == (10,)


def test_nothing_in_common_is_said(evaluate, db: psycopg.Connection, tmp_path):
    shop(db, products=100, labelled=100)
    first = json.loads(evaluate("--json")[1])["experiment"]
    out = evaluate("--catalogue", write_catalogue(tmp_path / "shop.csv", 100), "--compare", str(first))[1]
    assert f"experiment {first} judged none of these products: nothing to compare" in out


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["--compare", "99"], 2, "there is no experiment 99"),
        (["--model", "99"], 2, "there is no model 99"),
        (["--without", "smell"], 2, "there is no source 'smell'; the sources are: part_number, "),
        (["--model", "1", "--curve"], 2, "a stored model has learned"),
        (["--model", "1", "--catalogue", "x"], 2, "not allowed with"),
        (["--folds", "6"], 2, "invalid choice"),
        (["--catalogue", "nowhere.csv"], 2, "there is no such file"),
        (["--plot", "nowhere/report.html"], 2, "there is no such folder"),
        (["--plot", "."], 2, "is a folder"),
        ([], 1, "no product has a confirmed category"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(evaluate, db: psycopg.Connection, arguments, code, problem):
    found, out, err = evaluate(*arguments)
    assert (found, out) == (code, "")
    assert problem in err
    assert "Traceback" not in err
    assert rows_kept(db) == 0


def test_folds_of_a_file_with_a_split_are_refused(bare, tmp_path):
    code, _, err = bare("--catalogue", write_catalogue(tmp_path / "shop.csv"), "--folds", "2")
    assert (code, err.count("\n")) == (2, 1)


def test_a_comparison_needs_a_database(bare, tmp_path):
    code, _, err = bare("--catalogue", write_catalogue(tmp_path / "shop.csv"), "--compare", "1")
    assert code == 78
    assert "no database is named" in err


def test_what_was_found_is_told_though_it_cannot_be_kept(evaluate, db: psycopg.Connection, tmp_path):
    db.execute("ALTER TABLE prediction_results ADD CONSTRAINT full_disk CHECK (product_id <> 'S0')")
    code, out, err = evaluate("--catalogue", write_catalogue(tmp_path / "shop.csv"))
    assert code == 1
    assert err.startswith("catalogd: the database refused: ")
    assert "products judged" in out
    assert rows_kept(db) == 0


def test_a_report_without_matplotlib_is_refused_before_anything_is_learned(bare, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, out, err = bare("--catalogue", "whatever.csv", "--plot", "report.html")
    assert (code, out) == (1, "")
    assert err == "catalogd: --plot needs matplotlib, which is not installed: pip install 'catalogd[report]'\n"


class Page(HTMLParser):
    """What a page is made of: its tags with their attributes, and the text that is shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.shown += data


HOSTILE = "</svg><script>alert(1)</script>{} & \"'$\\frac{{$ \u202e日本<img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """A report on a shop whose every category is hostile, and of which some are confused; a text, for all to read."""
    place = tmp_path_factory.mktemp("report")
    file = write_catalogue(place / "shop.csv", label=HOSTILE, code=HOSTILE)
    lines = Path(file).read_text(encoding="utf-8").splitlines(keepends=True)
    swapped = [line.replace("bolts", "drills") if number % 8 == 1 else line for number, line in enumerate(lines)]
    Path(file).write_text("".join(swapped), encoding="utf-8")
    arguments = ["--catalogue", file, "--plot", str(place / "report.html"), "--curve", "--note", HOSTILE]
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(StringIO()) as err:
        for name in environment_names():
            patch.delenv(name, raising=False)
        assert (cli.main(["evaluate", *arguments]), err.getvalue()) == (0, "")
    return (place / "report.html").read_text(encoding="utf-8")


def test_hostile_labels_do_nothing_in_a_report(page):
    parsed = Page(page)
    assert not {tag for tag, _ in parsed.tags} & {"script", "img", "iframe", "object", "link"}
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    assert "\u202e" not in page
    assert "</svg><script>alert(1)</script>bolts" in parsed.shown, "people read what the shop wrote"
    assert "日本" in parsed.shown


def test_a_report_needs_nothing_else(page):
    addresses = [
        value
        for _, attributes in Page(page).tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href") and not str(value).startswith("#")
    ]
    assert addresses == []
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_each_picture_is_well_formed_has_words_and_ids_of_its_own(page):
    pictures = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    assert len(pictures) == 3
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", page)) | set(re.findall(r'href="#([^"]*)"', page)) <= set(ids)
    for picture in pictures:
        root = ElementTree.fromstring(picture)  # noqa: S314  # our own
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 30


def test_a_report_is_readable_on_dark_and_on_light(page):
    assert "color-scheme: light dark" in page
    pictures = "".join(re.findall(r"<svg .*?</svg>", page, re.DOTALL))
    fixed = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", pictures))
    assert fixed == {"#3d85c6", "#d9822b"}
    assert "currentColor" in pictures
    texts = re.findall(r"<text [^>]*>", pictures)
    assert texts
    assert all("currentColor" in text for text in texts), "text without a colour is black"


def test_the_same_experiment_gives_the_same_page(bare, tmp_path):
    file = write_catalogue(tmp_path / "shop.csv")
    for name in ("one.html", "two.html"):
        assert bare("--catalogue", file, "--plot", name)[0] == 0
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_matplotlib_is_read_for_a_report_alone(tmp_path):
    program = (
        "import sys; from daemon import cli; code = cli.main(sys.argv[1:]);"
        " sys.exit(code or 'matplotlib' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    command = [sys.executable, "-c", program, "evaluate", "--catalogue", write_catalogue(tmp_path / "shop.csv")]
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
