"""Who may act: with the token, from a page of ours, as far as the database role may; the audit log names them."""

import re
from pathlib import Path

import httpx
import psycopg
import pytest

from daemon.web.door import LASTS_S, MOST, Door, is_theirs
from tests.support.factories import batch, read_batch, shop
from tests.support.price_lists import order, supplier
from tests.support.roles import OPERATOR, WEB
from tests.web.conftest import TOKEN, Serve
from tests.web.shops import ended, is_at_work, predicted

pytestmark = pytest.mark.one_server  # its subject are requests


def entries(db: psycopg.Connection) -> list[tuple[object, ...]]:
    return db.execute(
        "SELECT entity_type, entity_id, action, actor_type, actor_id, metadata ->> 'role' FROM audit_log ORDER BY id"
    ).fetchall()


def test_without_a_token_nobody_can_act(db: psycopg.Connection, serve: Serve) -> None:
    site = serve()
    waiting = batch(db, [1])
    assert "read-only" in site.get("/")
    site.get("/login", 404)
    site.post("/login", 403, token="", user="")
    site.post("/login", 403, token=TOKEN)
    site.post(f"/batches/categorization/{waiting}/cancel", 403)
    assert read_batch(db, waiting)["status"] == "pending"


def test_a_person_cancels_and_retries_and_the_audit_log_names_them(db: psycopg.Connection, serve: Serve) -> None:
    shop(db)
    site = serve(token=TOKEN)
    csrf = site.log_in()
    waiting = batch(db, [1])
    html = site.get(f"/batches/categorization/{waiting}")
    assert "Cancel this batch" in html
    assert "Retry" not in html
    there = site.post(f"/batches/categorization/{waiting}/cancel", csrf=csrf).headers["location"]
    assert "The batch is cancelled" in site.get(there)
    site.post(f"/batches/categorization/{waiting}/retry", csrf=csrf)
    assert read_batch(db, waiting)["status"] == "pending"
    assert read_batch(db, waiting)["retry_count"] == 1
    assert entries(db) == [
        ("categorization_batch", waiting, "cancelled", "operator", 7, WEB),
        ("categorization_batch", waiting, "retried", "operator", 7, WEB),
    ]
    site.post(f"/batches/categorization/{waiting}/retry", 409, csrf=csrf)
    site.post("/batches/categorization/999/cancel", 409, csrf=csrf)
    site.post(f"/batches/categorization/{waiting}/delete", 404, csrf=csrf)


def test_an_import_is_cancelled_too(db: psycopg.Connection, serve: Serve) -> None:
    import_id = order(db, supplier(db), "https://example.org/a.csv")
    site = serve(token=TOKEN)
    site.post(f"/batches/price-lists/{import_id}/cancel", csrf=site.log_in(user=""))
    assert entries(db)[-1] == ("supplier_import", import_id, "cancelled", "operator", None, WEB)


def test_a_person_approves_and_rejects_and_it_counts_as_a_persons_decision(
    db: psycopg.Connection, serve: Serve
) -> None:
    batch_id, (first, second, third) = predicted(db, 3)
    db.execute("UPDATE predictions SET status = 'superseded' WHERE id = %s", (third,))
    site = serve(token=TOKEN)
    csrf = site.log_in()
    html = site.get(f"/batches/categorization/{batch_id}?level=low")
    assert html.count(">Approve</button>") == 1
    assert 'name="asked" value="level=low"' in html
    moved = site.post(f"/categorization/approve/{first}", csrf=csrf, asked="level=low&done=x").headers["location"]
    assert moved == f"/batches/categorization/{batch_id}?level=low&done=approve#item-{first}"
    assert "The prediction is approved" in site.get(moved)
    site.post(f"/categorization/reject/{second}", csrf=csrf)
    site.post(f"/categorization/approve/{third}", 409, csrf=csrf)
    site.post("/categorization/approve/99999", 409, csrf=csrf)
    site.post("/categorization/promote/1", 404, csrf=csrf)
    site.post("/price-lists/approve/1", 404, csrf=csrf)
    decided = db.execute("SELECT prediction_id, verdict FROM human_decisions ORDER BY id").fetchall()
    assert decided == [(first, "approved"), (second, "rejected")]
    assert entries(db) == [
        ("prediction", first, "approved", "operator", 7, WEB),
        ("prediction", second, "rejected", "operator", 7, WEB),
    ]


def test_a_role_that_may_only_read_is_told_so(db: psycopg.Connection, serve: Serve) -> None:
    batch_id, (prediction_id,) = predicted(db, 1, status="processing")
    site = serve(OPERATOR, token=TOKEN)
    csrf = site.log_in()
    answer = site.post(f"/batches/categorization/{batch_id}/cancel", 403, csrf=csrf)
    assert "The database role of this page may not do that" in answer.text
    site.post(f"/categorization/approve/{prediction_id}", 403, csrf=csrf)
    assert read_batch(db, batch_id)["status"] == "processing"
    assert entries(db) == []


@pytest.mark.parametrize("csrf", ["", "x", "é", "a" * 43])
def test_a_form_that_is_not_from_a_page_of_theirs_is_refused(db: psycopg.Connection, serve: Serve, csrf: str) -> None:
    site, waiting = serve(token=TOKEN), batch(db, [1])
    site.log_in()
    site.post(f"/batches/categorization/{waiting}/cancel", 403, csrf=csrf)
    assert read_batch(db, waiting)["status"] == "pending"


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1", "http://localhost"])
def test_an_order_from_another_site_is_refused(db: psycopg.Connection, serve: Serve, origin: str | None) -> None:
    site, waiting = serve(token=TOKEN), batch(db, [1])
    csrf = site.log_in()
    headers = {} if origin is None else {"origin": origin}
    answer = site.http.post(f"/batches/categorization/{waiting}/cancel", data={"csrf": csrf}, headers=headers)
    assert answer.status_code == 403
    assert read_batch(db, waiting)["status"] == "pending"
    login = site.http.post("/login", data={"token": TOKEN}, headers=headers)
    assert (login.status_code, login.cookies) == (403, httpx.Cookies())


def test_an_order_is_never_a_get(db: psycopg.Connection, serve: Serve) -> None:
    site, waiting = serve(token=TOKEN), batch(db, [1])
    site.log_in()
    site.get(f"/batches/categorization/{waiting}/cancel", 404)
    site.get("/logout", 404)
    assert "Log out" in site.get("/")
    assert read_batch(db, waiting)["status"] == "pending"


def test_the_cookie_is_nobody_elses(serve: Serve) -> None:
    site = serve(token=TOKEN)
    cookie = site.post("/login", token=TOKEN, user="").headers["set-cookie"]
    assert re.fullmatch(r"catalogd=[\w-]{43}; HttpOnly; Max-Age=28800; Path=/; SameSite=strict", cookie)
    wrong = site.post("/login", 403, token=TOKEN + "x", user="")
    assert "This is not the token" in wrong.text
    assert "set-cookie" not in wrong.headers
    assert TOKEN not in wrong.text


@pytest.mark.parametrize("user", ["1234567890", "anna", "-7", "7.0"])
def test_what_cannot_be_a_users_id_is_refused_and_not_cut(serve: Serve, user: str) -> None:
    """Else somebody else would stand in the audit log, or nobody."""
    site = serve(token=TOKEN)
    answer = site.post("/login", 422, token=TOKEN, user=user)
    assert "at most nine digits" in answer.text
    assert "set-cookie" not in answer.headers


def test_behind_a_proxy_the_cookie_is_for_https_and_reading_needs_the_token(
    db: psycopg.Connection, serve: Serve
) -> None:
    origin = "https://catalogd.example"
    site = serve(token=TOKEN, origins=frozenset({origin}))
    site.http.headers["host"] = "catalogd.example"
    for path in ("/", "/batches", "/categorization/models", "/batches/categorization/1"):
        assert site.http.get(path).headers["location"] == "/login"
    assert site.http.get("/live").status_code == 403
    answer = site.http.post("/login", data={"token": TOKEN}, headers={"origin": origin})
    assert re.fullmatch(
        r"__Host-catalogd=[\w-]{43}; HttpOnly; Max-Age=28800; Path=/; SameSite=strict; Secure",
        answer.headers["set-cookie"],
    )
    assert site.http.get("/", headers={"cookie": answer.headers["set-cookie"].split(";")[0]}).status_code == 200


def test_whoever_logs_out_is_out(db: psycopg.Connection, serve: Serve) -> None:
    site = serve(token=TOKEN)
    csrf = site.log_in()
    stolen = dict(site.http.cookies)
    site.post("/logout", csrf="wrong")
    assert "Log out" in site.get("/")
    site.post("/logout", csrf=csrf)
    assert "Log out" not in site.get("/")
    assert "Log out" not in httpx.get(f"{site.address}/", cookies=stolen).text


@pytest.mark.parametrize("body", ["x" * 9_000, "&" * 100 + "csrf=x", "csrf=%ff&" * 30, "\u00e9", ""])
def test_what_is_no_form_of_ours_is_refused(db: psycopg.Connection, serve: Serve, body: str) -> None:
    site, waiting = serve(token=TOKEN), batch(db, [1])
    site.log_in()
    answer = site.http.post(
        f"/batches/categorization/{waiting}/cancel", content=body.encode(), headers={"origin": site.address}
    )
    assert answer.status_code == 403
    assert read_batch(db, waiting)["status"] == "pending"


def test_a_retry_is_offered_only_where_something_is_left(db: psycopg.Connection, serve: Serve) -> None:
    site = serve(token=TOKEN)
    site.log_in()
    done, left = ended(db, [1, 2]), ended(db, [1, 2], success_products=1, error_products=1)
    assert "Retry what is left" not in site.get(f"/batches/categorization/{done}")
    assert "Retry what is left" in site.get(f"/batches/categorization/{left}")
    is_at_work(db, left, 1)
    assert "Cancel this batch" in site.get(f"/batches/categorization/{left}")


def test_a_session_ends_after_a_day_of_work_and_the_oldest_gives_way() -> None:
    now = [0.0]
    door = Door(TOKEN, lambda: now[0])
    key = door.admit(TOKEN, 7)
    person = door.find(key)
    assert person is not None
    assert (person.user, is_theirs(person, person.csrf), is_theirs(person, "")) == (7, True, False)
    now[0] += LASTS_S - 1
    assert door.find(key) == person
    now[0] += 1
    assert door.find(key) is None
    keys = [door.admit(TOKEN, None) for _ in range(MOST + 1)]
    assert [door.find(key) is None for key in keys] == [True] + [False] * MOST
    assert len({key for key in keys if key}) == MOST + 1
    assert [door.find(key) for key in (None, "", "x")] == [None] * 3


def test_the_token_is_in_no_page_and_no_log(
    db: psycopg.Connection, serve: Serve, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    site = serve(token=TOKEN)
    site.log_in()
    html = "".join(site.get(path) for path in ("/", "/batches", "/login", "/categorization/models"))
    assert TOKEN not in html + "".join(capfd.readouterr())
