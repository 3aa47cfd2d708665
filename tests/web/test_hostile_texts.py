"""Whatever people write: on the page it is text, and adds no tag, no attribute and no script."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.database import Database
from tests.support.price_lists import order, supplier
from tests.web.conftest import TOKEN, Serve, Site
from tests.web.shops import HOSTILE, ended, in_error, predicted

pytestmark = pytest.mark.one_server  # its subject are pages; every server parses the statements

LONG_AGO = timedelta(days=2)

few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

PIECES = (
    *("<script>", "</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</bdi></td>", "<!--", "-->"),
    *('"', "'", "`", "=", " onmouseover=alert(1) x=", "' autofocus onfocus='alert(1)", '"><b>', "]]>", "<![CDATA["),
    *("&lt;b&gt;", "&#60;b&#62;", "&quot;", "&", "<", ">", "{{ 7 * 7 }}", "{% include 'base.html' %}", "javascript:"),
    *("\u202e", "\u2066", "\x1b[2J", "\r\n", "\t", "\u2028", "\ufeff", "\x85", "\x7f", "\\", "%3Cb%3E", "é", "🔩"),
)
ANYTHING = st.characters(exclude_categories=["Cs"], exclude_characters="\0")  # else Postgres would not keep it
# Each has a letter at either end: what is empty is left out, and what is asked for is stripped.
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(ANYTHING, max_size=5), min_size=1, max_size=8).map(
    lambda pieces: f"x{''.join(pieces)}x"
)

# All that people, or their suppliers, write and a page shows.
WRITE = """
UPDATE products SET name = %(text)s::text, sku = left(%(text)s::text, 80) || id;
UPDATE categorization_batches SET error_message = %(text)s::text;
UPDATE predictions
SET suggested_category_code = %(text)s::text,
    suggested_category_label = %(text)s::text,
    alternatives = jsonb_build_array(
        jsonb_build_object('code', %(text)s::text, 'label', %(text)s::text, 'probability', %(text)s::text));
UPDATE evidence
SET source_type = left(%(text)s::text, 49) || 'x',
    source_label = %(text)s::text,
    evidence_value = %(text)s::text;
UPDATE categorization_errors SET item = to_jsonb(%(text)s::text), code = %(text)s::text, message = %(text)s::text;
UPDATE categorization_models
SET report = jsonb_build_object('promotion', jsonb_build_object('why', %(text)s::text),
                                'judged', jsonb_build_object(%(text)s::text, 1));
UPDATE suppliers SET name = %(text)s::text;
UPDATE supplier_imports SET error_message = %(text)s::text;
UPDATE supplier_import_errors
SET item = to_jsonb(%(text)s::text),
    code = %(text)s::text,
    message = %(text)s::text,
    details = jsonb_build_object('column', %(text)s::text, 'field', %(text)s::text, 'value', %(text)s::text)
"""


@dataclass
class Seen(HTMLParser):
    """A page as a browser takes it apart."""

    tags: list[tuple[str, ...]] = field(default_factory=list)  # each with the names of its attributes
    addresses: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "data-live")]

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("a comment",))

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("a declaration",))

    def handle_pi(self, data: str) -> None:
        self.tags.append(("an instruction",))

    def unknown_decl(self, data: str) -> None:
        self.tags.append(("a declaration",))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def see(site: Site, path: str) -> Seen:
    seen = Seen()
    seen.feed(site.http.get(path).text)
    seen.close()
    return seen


def fill(db: psycopg.Connection) -> list[str]:
    """A shop in which each text stands somewhere; the pages that show it, some of them asked for by it.

    All is long ago: of the last hour is shown what moves by itself.
    """
    first, predictions = predicted(db, 3, ago=LONG_AGO)
    in_error(db, first, 2)
    db.execute("UPDATE predictions SET status = 'approved' WHERE id = %s", (predictions[0],))
    failed = ended(db, [], ago=LONG_AGO, status="failed")
    import_id = order(db, supplier(db), "https://example.org/a.csv", status="failed")
    db.execute(
        "INSERT INTO supplier_import_errors (import_id, item, code, message) VALUES (%s, '1', 'x', 'x')", (import_id,)
    )
    db.execute(
        "INSERT INTO categorization_models (products, categories, report, content)"
        " VALUES (9, 2, '{}', ''), (9, 2, '{}', '')"
    )
    db.execute("UPDATE categorization_models SET promoted_at = NULL WHERE version = 2")  # it was kept back
    return [
        "/",
        "/batches",
        "/batches?text={}&status={}&by={}",
        "/batches?kind=price-lists",
        f"/batches/categorization/{first}",
        f"/batches/categorization/{first}?code={{}}&level={{}}",
        f"/batches/categorization/{failed}",
        f"/batches/price-lists/{import_id}",
        "/categorization/models",
        "/batches?kind={}",
    ]


@pytest.fixture
def peer(database: Database) -> Iterator[psycopg.Connection]:
    """Any session may call itself an instance."""
    with database.connect() as conn:
        yield conn


def test_nothing_that_people_write_becomes_more_than_text(
    db: psycopg.Connection, peer: psycopg.Connection, serve: Serve
) -> None:
    site = serve(token=TOKEN)
    site.log_in()
    paths = fill(db)

    def ask(text: str) -> dict[str, Seen]:
        asked = quote(text, safe="")
        with db.transaction():
            for statement in WRITE.split(";\n"):
                db.execute(statement, {"text": text})  # type: ignore[call-overload]
        name = f"catalogd {re.sub(r'[^!-~]', '', text)[:30]}:1:x:0.1 listener"
        peer.execute("SELECT set_config('application_name', %s, false)", (name,))
        return {path: see(site, path.replace("{}", asked)) for path in paths}

    usual = ask("x")

    @few
    @given(TEXTS)
    @example(f"{HOSTILE}x")
    @example("javascript:alert(1)//x")
    def stays_text(text: str) -> None:
        for path, seen in ask(text).items():
            assert seen.tags == usual[path].tags, path
            assert all(re.match(r"/(?!/)|[?#]", address) for address in seen.addresses), path
            acting = {sign for shown in seen.texts for sign in shown if not acts_not(sign)}
            assert not acting, path

    stays_text()


def acts_not(sign: str) -> bool:
    return sign.isprintable() or sign == "\n" or unicodedata.category(sign) == "Zs"
