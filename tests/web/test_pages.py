"""What the pages show: to whoever may only read, of whatever the shop holds."""

import re
from dataclasses import astuple
from datetime import timedelta

import psycopg
import pytest

from daemon.batches import reading
from daemon.web import batches, desk, views
from daemon.workloads.categorization.pages import predictions as shown_predictions
from daemon.workloads.categorization.pages.models import read_lived
from daemon.workloads.categorization.people.lived import read_models, read_weeks
from tests.support.factories import batch, shop
from tests.support.price_lists import order, supplier
from tests.support.roles import OPERATOR, RUNTIME
from tests.web.conftest import Serve, Site
from tests.web.shops import HOSTILE, HUGE, ended, in_error, is_at_work, predicted

pytestmark = pytest.mark.one_server  # its subject are pages; every server parses the statements


def links(html: str, place: str) -> list[str]:
    """Numbers of the batches linked to."""
    return re.findall(rf'href="/batches/{place}/(\d+)"', html)


def test_an_empty_shop_has_every_page(site: Site) -> None:
    assert "Nothing is open" in site.get("/")
    assert "No batch was ever inserted" in site.get("/batches")
    assert "No batch was ever inserted" in site.get("/batches?kind=price-lists")
    assert "run <code>catalogd learn</code>" in site.get("/categorization/models")


def test_the_overview_shows_what_is_open_what_ended_and_the_last_hour(db: psycopg.Connection, site: Site) -> None:
    first, _ = predicted(db, 12)
    at_work = ended(db, range(200), ago=timedelta(minutes=1))
    is_at_work(db, at_work, 50)
    waiting = batch(db, [1, 2])
    html = site.get("/")
    assert links(html, "categorization") == [str(at_work), str(waiting), str(first)]
    assert 'value="0.2500"' in html
    assert "<strong>1</strong> at work" in html
    assert "<strong>1</strong> waiting" in html
    assert "none seen" in html  # no daemon listens
    assert "<strong>62</strong> products, median wait <strong>1.0 s</strong>" in html


def test_those_at_work_are_seen_behind_however_many_that_wait(
    db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (reading, views):
        monkeypatch.setattr(module, "MOST_COUNTED", 20)
    for _ in range(21):
        batch(db, [1])
    is_at_work(db, ended(db, range(10)), 1)
    tile = re.sub(r"<[^>]+>", "", site.get("/").split("<h2>Categorization</h2>")[1].split("</p>")[0])
    assert tile.split() == ["1", "at", "work", "·", "20", "or", "more", "waiting"]


def test_items_are_spread_over_the_time_that_a_batch_took(db: psycopg.Connection, site: Site) -> None:
    """600 products in ten minutes are one a second in each, not 600 in the last."""
    long = ended(db, range(600), ago=timedelta(minutes=20))
    db.execute("UPDATE categorization_batches SET completed_at = started_at + interval '10 min' WHERE id = %s", (long,))
    html = site.get("/")
    assert "in each minute of the last hour; at most 1.0" in html
    assert "<strong>600</strong> products" in html


def test_a_batch_that_was_set_back_counts_in_full_and_no_waiting(db: psycopg.Connection, site: Site) -> None:
    again = ended(db, range(10), retry_count=1)
    db.execute("UPDATE categorization_batches SET created_at = now() - interval '3 days' WHERE id = %s", (again,))
    html = site.get("/")
    assert "<strong>10</strong> products</p>" in html  # and no median
    assert "of one that was set back all are, those too that were done before" in html


def test_batches_are_filtered(db: psycopg.Connection, site: Site) -> None:
    shop(db)
    plain = ended(db, [1], created_by=7)
    wrong = ended(db, [1], error_products=1, success_products=0)
    failed = ended(db, [1], status="failed", error_message="product_ids is a JSON String")
    waiting = batch(db, [1])
    for query, wanted in (
        ("", [waiting, failed, wrong, plain]),
        ("status=failed", [failed]),
        ("status=pending", [waiting]),
        ("errors=1", [wrong]),
        ("by=7", [plain]),
        ("text=json+string", [failed]),
        (f"text={wrong}", [wrong]),
        ("status=completed&errors=1", [wrong]),
        ("status=completed&text=json", []),
        ("kind=price-lists", []),
    ):
        assert links(site.get(f"/batches?{query}"), "categorization") == [str(id) for id in wanted], query


def test_pages_of_batches_follow_each_other_and_meet(db: psycopg.Connection, site: Site) -> None:
    ids = [ended(db, [1]) for _ in range(120)]
    found: list[str] = []
    path: str | None = "/batches?status=completed"
    while path:
        html = site.get(path)
        found += links(html, "categorization")
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = following[1].replace("&amp;", "&") if following else None
    assert found == [str(id) for id in reversed(ids)]


@pytest.mark.parametrize(("status", "said"), [("completed", "None."), ("failed", "None."), ("processing", "None yet.")])
def test_a_batch_without_predictions_has_none_or_none_yet(
    db: psycopg.Connection, site: Site, status: str, said: str
) -> None:
    html = site.get(f"/batches/categorization/{ended(db, [], status=status)}")
    assert f'<p class="empty">{said}</p>' in html.split('id="predictions-heading"')[1].split("</section>")[0]


def test_behind_the_oldest_batch_there_is_none_older(db: psycopg.Connection, site: Site) -> None:
    assert "No batch was ever inserted" in site.get("/batches")
    assert "There is no older batch" in site.get(f"/batches?before={batch(db, [1])}")


def test_no_more_than_a_window_is_looked_through_for_a_page(
    db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = ended(db, [1], status="failed")
    for _ in range(30):
        ended(db, [1])
    monkeypatch.setattr(batches, "WINDOW", 20)
    html = site.get("/batches?status=failed")
    assert "There is no such batch among the 20 that were looked through" in html
    assert links(html, "categorization") == []
    following = re.search(r'href="([^"]+)" rel="next">Look further back', html)
    assert following is not None
    assert links(site.get(following[1].replace("&amp;", "&")), "categorization") == [str(rare)]


def test_a_batch_shows_its_errors_by_code_and_page_by_page(db: psycopg.Connection, site: Site) -> None:
    batch_id = ended(db, [1, 2], error_products=31)
    in_error(db, batch_id, 30)
    in_error(db, batch_id, 1, "not_an_id", "it is no number")
    first = site.get(f"/batches/categorization/{batch_id}")
    assert first.count("<td><bdi>unknown_product</bdi></td>") == 25
    following = re.search(r'rel="next" href="([^"]+)#errors"', first)
    assert following is not None
    rest = site.get(following[1])
    assert (rest.count("<td><bdi>unknown_product</bdi></td>"), rest.count("it is no number")) == (5, 1)
    only = site.get(f"/batches/categorization/{batch_id}?code=not_an_id")
    assert (only.count("<td><bdi>unknown_product</bdi></td>"), only.count("it is no number")) == (0, 1)


def test_predictions_are_shown_by_confidence_with_their_evidence(db: psycopg.Connection, site: Site) -> None:
    batch_id, _ = predicted(db, 12)
    html = site.get(f"/batches/categorization/{batch_id}")
    sure = [
        float(found) for found in re.findall(r"<strong>([\d.]+)</strong> <span class=\"status (?:low|med|high)", html)
    ]
    assert len(sure) == 12
    assert sure == sorted(sure)
    assert html.count("<caption>Evidence for") == 12
    assert "steel hammer 7" in html
    assert "It might also be <bdi>Pipes</bdi>" in html
    high = site.get(f"/batches/categorization/{batch_id}?level=high&order=sure")
    assert re.findall(r"<strong>([\d.]+)</strong> <span", high) == ["100.0", "92.5"]
    assert "There is no such prediction" in site.get(f"/batches/categorization/{batch_id}?state=rejected")
    step = site.get(f"/batches/categorization/{batch_id}?from=55")
    assert re.findall(r"<strong>([\d.]+)</strong> <span", step) == ["55.0"]


@pytest.mark.parametrize("order", ["unsure", "sure", "product"])
def test_pages_of_predictions_follow_each_other_and_meet(db: psycopg.Connection, site: Site, order: str) -> None:
    batch_id, ids = predicted(db, 60)
    db.execute("UPDATE predictions SET confidence_score = 70 WHERE id % 2 = 0")  # many are equally sure
    found: list[str] = []
    path: str | None = f"/batches/categorization/{batch_id}?order={order}"
    while path:
        html = site.get(path)
        found += re.findall(r'id="item-(\d+)"', html)
        following = re.search(r'<a href="(\?[^"]+)#predictions" rel="next"', html)
        path = f"/batches/categorization/{batch_id}{following[1].replace('&amp;', '&')}" if following else None
    assert len(found) == 60
    assert sorted(map(int, found)) == ids


def test_a_large_batch_is_counted_in_part_and_ordered_by_product(
    db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id, _ = predicted(db, 30)
    monkeypatch.setattr(shown_predictions, "MOST", 20)
    html = site.get(f"/batches/categorization/{batch_id}?order=sure")
    assert "of the first 20 by product" in html
    assert "surest first" not in html


def test_hostile_texts_stay_texts(db: psycopg.Connection, site: Site) -> None:
    batch_id, _ = predicted(db, 4)
    stored = HOSTILE.replace("\0", "")
    db.execute("UPDATE products SET name = %s, sku = %s || id WHERE id %% 2 = 0", (stored, stored))
    db.execute("UPDATE products SET name = %s WHERE id %% 4 = 1", (HUGE,))
    db.execute("UPDATE products SET name = '' WHERE id % 4 = 3")
    db.execute(
        "UPDATE predictions SET suggested_category_label = %s, alternatives = %s",
        (stored, '[{"label": "<b>x</b>", "probability": "<i>"}, 7, {"label": null}]'),
    )
    db.execute("UPDATE evidence SET source_label = %s, evidence_value = %s", (stored, stored))
    db.execute("UPDATE categorization_batches SET error_message = %s", (stored,))
    in_error(db, batch_id, 1, stored, stored)
    supplier_id = supplier(db, stored)
    import_id = order(db, supplier_id, "https://example.org/a.csv", status="failed", error_message=stored)
    for path in ("/", "/batches", "/batches?kind=price-lists", f"/batches/categorization/{batch_id}",
                 f"/batches/price-lists/{import_id}"):  # fmt: skip
        html = site.get(path)
        assert not re.search(r"<script>|<img src=x|<b>x|<i>", html), path
        assert not set("\u202e\x07\x1b") & set(html), path
        assert len(html) < 200_000, path
    html = site.get(f"/batches/categorization/{batch_id}")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert '<bdi class="name">product 3</bdi>' in html
    assert f"{'x' * 160}…" in html


def test_a_price_list_shows_whose_it_is_and_how_far(db: psycopg.Connection, site: Site) -> None:
    import_id = order(db, supplier(db, "Nuts & Co"), "https://example.org/a.csv", phase="downloading", phase_percent=40)
    for path in ("/", "/batches?kind=price-lists", f"/batches/price-lists/{import_id}"):
        html = site.get(path)
        assert "Nuts &amp; Co" in html
        assert "downloading 40 %" in html


def test_models_and_what_people_found(db: psycopg.Connection, site: Site) -> None:
    _, ids = predicted(db, 20)
    db.execute("UPDATE predictions SET status = CASE WHEN confidence_score > 40 THEN 'approved' ELSE 'rejected' END")
    db.execute(
        "INSERT INTO categorization_models (products, categories, report, content, promoted_at)"
        " VALUES (20, 2, '{\"judged\": {\"top1\": 0.9}}', '', now())"
    )
    html = site.get("/categorization/models")
    assert "in use" in html
    assert "90.0 %" in html
    assert f"14 of {len(ids)} predictions that people decided on were right" in html
    assert html.count('class="middle"') == html.count('</th><td class="number">') > 3 or "Found right" in html
    assert "Found right, week by week" in html


@pytest.mark.parametrize("is_slow", [True, False])
def test_where_the_shops_view_gives_no_names_the_rest_is_shown(
    db: psycopg.Connection, serve: Serve, monkeypatch: pytest.MonkeyPatch, is_slow: bool
) -> None:
    monkeypatch.setattr(desk, "LONGEST_STATEMENT", timedelta(seconds=1))
    batch_id, _ = predicted(db, 3)
    site = serve()
    if is_slow:
        db.execute("CREATE FUNCTION lame(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1 FROM pg_sleep(5)'")
        db.execute(
            "CREATE OR REPLACE VIEW catalogd_products AS SELECT id AS product_id, sku, lame(name) AS name,"
            " manufacturer, part_number, description, attributes, category_code FROM products"
        )
    else:
        db.execute("REVOKE ALL ON catalogd_products FROM catalogd_web, PUBLIC")
    html = site.get(f"/batches/categorization/{batch_id}")
    assert "The names of the products are missing" in html
    assert "steel hammer" in html
    assert html.count('<li id="item-') == 3


def test_what_the_daemons_own_role_may_not_read_is_said(db: psycopg.Connection, serve: Serve) -> None:
    batch_id, _ = predicted(db, 4)
    site = serve(RUNTIME)
    html = site.get(f"/batches/categorization/{batch_id}")
    assert "may not read the evidence" in html
    assert "steel hammer" in html  # the products' names
    assert "steel hammer 2" in serve(OPERATOR).get(f"/batches/categorization/{batch_id}")


def test_what_is_not_there_is_said(site: Site) -> None:
    for path in (
        *("/nowhere", "/batches/none/1", "/batches/categorization/x", "/batches/categorization/99", "/none/models"),
        *("/batches/categorization/99999999999999999999", "/categorization/none", "/login", "/static/none.css"),
        "/static/..%2fsettings.py",
    ):
        assert "Traceback" not in site.get(path, 404), path


NONSENSE = [
    "",
    "-1",
    "x",
    "9" * 30,
    "1e9",
    "nan",
    "%00",
    "%ff",
    "'; DROP",
    "inf_1",
    "1_",
    "_",
    "١",
    "0x1",
    "%F0%9F%98%80",
]


def test_nonsense_in_an_address_does_no_harm(db: psycopg.Connection, site: Site) -> None:
    batch_id, _ = predicted(db, 3)
    for nonsense in NONSENSE:
        ask_nonsense(site, batch_id, nonsense)


def ask_nonsense(site: Site, batch_id: int, nonsense: str) -> None:
    for name in ("kind", "status", "by", "text", "before", "errors"):
        site.get(f"/batches?{name}={nonsense}")
    for name in ("code", "after", "level", "state", "from", "order", "done"):
        site.get(f"/batches/categorization/{batch_id}?{name}={nonsense}")
        site.get(f"/batches/categorization/{batch_id}?order=product&{name}={nonsense}")


def test_times_that_no_clock_shows_are_left_out(db: psycopg.Connection, site: Site) -> None:
    batch_id = ended(db, [1])
    db.execute("UPDATE categorization_batches SET created_at = '-infinity', completed_at = 'infinity'")
    site.get("/")
    site.get("/batches")
    assert "<dd><time>–</time></dd>" in site.get(f"/batches/categorization/{batch_id}")


def test_a_table_that_is_locked_is_told_as_busy(db: psycopg.Connection, site: Site) -> None:
    with db.transaction():
        db.execute("LOCK TABLE categorization_batches")
        assert "The database is busy" in site.get("/batches", 503)
    site.get("/batches")


def test_a_schema_that_is_not_there_is_told(db: psycopg.Connection, site: Site) -> None:
    db.execute("ALTER TABLE categorization_errors RENAME TO elsewhere")
    batch_id = ended(db, [1])
    assert "run catalogd migrate" in site.get(f"/batches/categorization/{batch_id}", 503)


def test_a_statement_is_ended_in_time(db: psycopg.Connection, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "LONGEST_STATEMENT", timedelta(milliseconds=60))
    site = serve()
    batch_id, _ = predicted(db, 2)
    db.execute("ALTER TABLE evidence RENAME TO kept")
    db.execute("CREATE VIEW evidence AS SELECT kept.* FROM kept, (SELECT pg_sleep(5)) AS slow")
    db.execute("GRANT SELECT ON evidence TO PUBLIC")
    assert "took longer than a page may take" in site.get(f"/batches/categorization/{batch_id}", 503)


def test_what_people_found_is_as_the_views_tell_it(db: psycopg.Connection) -> None:
    _, _ = predicted(db, 200)
    db.execute("UPDATE predictions SET model_version = 1 + id % 2")
    db.execute("UPDATE predictions SET status = CASE WHEN id % 7 = 0 THEN 'rejected' ELSE 'approved' END")
    db.execute("UPDATE human_decisions SET decided_at = now() - (id % 80) * interval '1 day'")
    lived = read_lived(db)
    for mine, theirs in ((lived.weeks, read_weeks(db)), (lived.models, read_models(db))):
        assert [tuple(astuple(row)[:4]) for row in mine] == [tuple(astuple(row)[:4]) for row in theirs]
        shares = [[astuple(row)[4:] for row in rows] for rows in (mine, theirs)]
        assert shares[0] == [pytest.approx(share, abs=1e-4) for share in shares[1]]  # the views round them
    assert (lived.decided, lived.correct) == (200, 172)
    assert sum(point.decided for point in lived.points) == 200
