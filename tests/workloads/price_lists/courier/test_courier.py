"""The service is given a list once, is asked how it is, and its result lies on the shelf, whoever dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.engine.workload import BatchFailed, NotYet, PreparationEnded
from daemon.workloads.price_lists import intake
from daemon.workloads.price_lists.courier.courier import MOST_TRIES, Habits
from daemon.workloads.price_lists.fetching.limits import Limits
from tests.support.database import Database
from tests.support.events import EventTap
from tests.support.ml_service import RESULT, MlService, Reply, completed, drop, says, stall, working
from tests.workloads.price_lists.courier.desk import PDF, POLL, Desk

pytestmark = pytest.mark.one_server  # its subject is the service

AT_ONCE = timedelta(0)
NewDesk = Callable[..., Desk]


def fail(desk: Desk, import_id: int) -> str:
    """The message with which it ends."""
    with pytest.raises(BatchFailed) as caught:
        desk.go_on(import_id)
    assert desk.read(import_id)["error_message"] == str(caught.value)
    return str(caught.value)


def put_off(desk: Desk, import_id: int) -> str:
    with pytest.raises(NotYet) as caught:
        desk.step(import_id)
    return str(caught.value)


def test_a_list_is_ordered_awaited_and_taken(desk: Desk, service: MlService, events: EventTap) -> None:
    import_id = desk.order()
    assert desk.step(import_id) == POLL  # ordered
    assert desk.step(import_id) == POLL  # half of it
    assert desk.place(import_id) == ("analyzing", 50)
    assert desk.step(import_id) == AT_ONCE  # taken
    assert desk.step(import_id) is None
    row = desk.read(import_id)
    assert (row["phase"], row["phase_percent"], row["status"]) == ("analyzing", 50, "pending")
    with desk.shelf.use(row["file_name"]) as file:
        assert file.path.read_bytes() == RESULT
    assert row["file_checksum"] == file.label.sha256
    (job,) = service.jobs
    assert job.wanted == {"file_url": PDF, "supplier_id": row["supplier_id"], "file_type": "pdf"}
    assert (row["ml_job"]["id"], row["ml_job"]["key"], row["ml_job"]["is_fetched"]) == (job.id, job.key, True)
    assert events.wait_for("analysis.done")["job"] == job.id
    assert "s3cret" not in str(events.all())
    assert "abc-def" not in str(events.all())


@pytest.mark.parametrize(
    ("is_default", "meta", "options", "is_sent"),
    [
        (False, {}, {}, False),
        (True, {}, {}, True),
        (False, {"use_ml_processing": True}, {}, True),
        (True, {"use_ml_processing": "no"}, {}, False),
        (True, {"use_ml_processing": False}, {"use_ml_processing": "true"}, True),
        (False, {"use_ml_processing": True}, {"use_ml_processing": False}, False),
        (True, {"use_ml_processing": "perhaps"}, {}, True),
    ],
)
def test_who_says_whether_the_service_reads_a_list(
    new_desk: NewDesk, is_default: bool, meta: dict[str, object], options: dict[str, object], is_sent: bool
) -> None:
    desk = new_desk(habits=Habits(is_default=is_default, poll=POLL))
    import_id = desk.order(meta=meta, options=options)
    assert (desk.step(import_id) is not None) == is_sent


def test_without_a_service_lists_are_fetched_as_ever(new_desk: NewDesk, events: EventTap) -> None:
    desk = new_desk(address=None)
    assert desk.step(desk.order()) is None
    assert events.wait_for("courier.missing")


@pytest.mark.parametrize(
    ("source_type", "url", "options", "file_type"),
    [
        ("csv", "https://files.example/a.PDF", {}, "pdf"),
        ("excel", "https://files.example/a", {}, "xlsx"),
        ("excel", "https://files.example/a.xls?v=2", {}, "xls"),
        ("csv", "https://files.example/get.php?file=July.docx&v=1.2", {}, "docx"),
        ("csv", "https://files.example/get.php", {}, "csv"),
        ("csv", "https://files.example/get.php", {"file_type": "PDF"}, "pdf"),
        ("pdf", "https://files.example/get.php", {}, "pdf"),
        ("other", "https://files.example/get.php", {}, "csv"),
        ("google_sheets", "https://docs.google.com/spreadsheets/d/abcdefghijklmnopqrstuvwxyz/edit", {}, "csv"),
    ],
)
def test_which_kind_the_service_is_told(
    desk: Desk, service: MlService, source_type: str, url: str, options: dict[str, object], file_type: str
) -> None:
    desk.step(desk.order(url, source_type=source_type, options=options))
    (job,) = service.jobs
    assert job.wanted["file_type"] == file_type
    exported = "https://docs.google.com/spreadsheets/d/abcdefghijklmnopqrstuvwxyz/export?format=csv"
    assert job.wanted["file_url"] == (exported if source_type == "google_sheets" else url)


def test_a_path_is_given_as_it_is(new_desk: NewDesk, service: MlService, tmp_path: object) -> None:
    desk = new_desk(limits=Limits(folders=(tmp_path,)))  # type: ignore[arg-type]
    path = f"{tmp_path}/lists/July.pdf"
    desk.step(desk.order(path))
    assert service.jobs[0].wanted["file_url"] == path


@pytest.mark.parametrize(
    ("url", "says_that"),
    [
        ("/etc/passwd", "folders"),
        ("../../etc/passwd", "folders"),
        ("file:///etc/passwd", "http and https only"),
        ("http://127.0.0.1/list.pdf", "private network"),
        ("http://inside.example/list.pdf", "private network"),
        ("https://", "names no host"),
        (" ", "where the list is"),
        (None, "where the list is"),
    ],
)
def test_the_service_is_not_sent_where_catalogd_may_not_go(
    desk: Desk, service: MlService, url: str | None, says_that: str
) -> None:
    assert says_that in fail(desk, desk.order(url))
    assert service.requests == []


def test_a_host_that_only_the_service_knows_is_its_matter(desk: Desk, service: MlService) -> None:
    desk.go_on(desk.order("http://behind-the-service.example/list.pdf"))
    assert len(service.jobs) == 1


def test_a_crash_before_the_answer_makes_no_second_job(new_desk: NewDesk, service: MlService) -> None:
    """The order was heard, the answer was not: whoever goes on orders by the same key."""
    desk, other = new_desk(), new_desk(name="there")
    import_id = desk.order()
    service.on_order = lambda: Reply(behaviour=drop)
    put_off(desk, import_id)
    assert desk.read(import_id)["ml_job"]["id"] is None
    other.go_on(import_id)
    assert len(service.jobs) == 1
    assert len(service.asked("POST")) == 2
    assert other.read(import_id)["ml_job"]["id"] == service.jobs[0].id


def test_a_conflict_that_names_the_job_is_that_job(desk: Desk, service: MlService) -> None:
    import_id = desk.order()
    service.orders = [Reply({"job_id": "known"}, 409)]
    assert desk.step(import_id) == POLL
    assert desk.read(import_id)["ml_job"]["id"] == "known"


def test_a_conflict_without_a_name_is_asked_again(desk: Desk, service: MlService) -> None:
    import_id = desk.order()
    service.orders = [Reply({"message": "the first is under way"}, 409)]
    assert "409" in put_off(desk, import_id)
    desk.go_on(import_id)
    assert len(service.jobs) == 1
    assert len({headers["Idempotency-Key"] for method, _, headers in service.requests if method == "POST"}) == 1


def test_the_next_instance_goes_on_with_the_job(new_desk: NewDesk, service: MlService) -> None:
    desk, other = new_desk(), new_desk(name="there")
    import_id = desk.order()
    desk.step(import_id)
    other.step(import_id)
    desk.go_on(import_id)
    assert len(service.jobs) == 1


def test_a_zombie_writes_nothing(new_desk: NewDesk, service: MlService) -> None:
    desk, other = new_desk(), new_desk(name="there")
    import_id = desk.order()

    def take_over() -> None:
        other.hold(import_id)

    service.on_order = take_over
    held = desk.hold(import_id)
    with held.transaction() as conn:
        order = intake.read_order(conn, import_id)
    assert order is not None
    with pytest.raises(PreparationEnded):
        desk.courier.step(held, order)
    assert desk.read(import_id)["ml_job"]["id"] is None


def test_two_imports_are_two_jobs(desk: Desk, service: MlService) -> None:
    for _ in range(2):
        desk.go_on(desk.order())
    assert len({job.key for job in service.jobs}) == 2


def test_a_job_that_is_forgotten_is_ordered_again(desk: Desk, service: MlService, events: EventTap) -> None:
    import_id = desk.order()
    desk.step(import_id)
    desk.step(import_id)
    service.forget()
    desk.go_on(import_id)
    assert events.wait_for("analysis.forgotten")["times"] == 1
    assert desk.place(import_id)[0] == "analyzing"
    posts = [headers["Idempotency-Key"] for method, _, headers in service.requests if method == "POST"]
    assert len(posts) == 2
    assert len(set(posts)) == 1


def test_what_is_done_anew_does_not_go_back(desk: Desk, service: MlService) -> None:
    """Nor is it taken for a job without progress."""
    service.play = lambda _service, _job, poll: working(percent=80 if poll == 1 else poll)
    import_id = desk.order()
    desk.step(import_id)
    desk.step(import_id)
    service.forget()
    for _ in range(4):  # forgotten, ordered, and asked for twice
        desk.step(import_id)
        desk.pass_time(import_id, 59)
        assert desk.place(import_id) == ("analyzing", 80)


def test_one_that_forgets_always_is_not_ordered_for_ever(desk: Desk, service: MlService) -> None:
    service.play = says(Reply({"detail": "no such job"}, 404))
    assert "forgot the job 3 times" in fail(desk, desk.order())
    assert len(service.asked("POST")) == 3


def test_a_file_that_is_gone_from_the_shelf_is_had_again(desk: Desk, service: MlService, orders: Database) -> None:
    import_id = desk.order()
    desk.go_on(import_id)
    desk.shelf.remove_older_than(timedelta(days=-1))
    with orders.connect() as conn:
        conn.execute("UPDATE supplier_imports SET phase = 'downloading' WHERE id = %s", (import_id,))
    desk.go_on(import_id)
    assert len(service.jobs) == 1
    assert desk.shelf.find(desk.read(import_id)["file_name"]) is not None


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_service_in_trouble_is_asked_again_later(desk: Desk, service: MlService, status: int) -> None:
    import_id = desk.order()
    service.orders = [Reply(b"<h1>oops</h1>", status)]
    assert str(status) in put_off(desk, import_id)
    service.play = says(Reply(b"", status), completed())
    assert desk.step(import_id) == POLL
    assert str(status) in put_off(desk, import_id)
    desk.go_on(import_id)
    assert len(service.jobs) == 1


def test_the_service_says_when(desk: Desk, service: MlService) -> None:
    import_id = desk.order()
    service.orders = [Reply(b"", 503, (("Retry-After", "120"),))]
    with pytest.raises(NotYet) as caught:
        desk.step(import_id)
    assert caught.value.delay == timedelta(minutes=2)


def test_a_service_that_stays_away_is_given_up_but_its_job_is_not(desk: Desk, service: MlService) -> None:
    """A retry goes on with the job that it may still be doing."""
    import_id = desk.order()
    desk.step(import_id)
    service.play = says(*[Reply(b"", 500)] * MOST_TRIES, completed())
    for _ in range(MOST_TRIES - 1):
        put_off(desk, import_id)
    assert "answered 500 Internal Server Error" in fail(desk, import_id)
    desk.retry(import_id)
    desk.go_on(import_id)
    assert len(service.jobs) == 1


def test_the_time_that_nobody_asked_for_it_is_not_the_jobs(desk: Desk, service: MlService) -> None:
    """A retry some hours later finds it where it was: it has all its patience again, and no more than that."""
    service.play = says(working(percent=40), *[Reply(b"", 500)] * MOST_TRIES, working(percent=40))
    import_id = desk.order()
    for _ in range(2):
        desk.step(import_id)
    for _ in range(MOST_TRIES - 1):
        put_off(desk, import_id)
    fail(desk, import_id)
    desk.pass_time(import_id, 120)
    desk.retry(import_id)
    assert desk.step(import_id) == POLL
    desk.pass_time(import_id, 59)
    assert desk.step(import_id) == POLL
    assert len(service.jobs) == 1
    desk.pass_time(import_id, 2)
    assert desk.step(import_id) == AT_ONCE  # another is to be ordered


def test_a_service_that_is_not_there(new_desk: NewDesk, service: MlService) -> None:
    desk = new_desk(address="http://127.0.0.1:1")
    assert "cannot be reached" in put_off(desk, desk.order())


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"job_id": ".."}', b"[" * 100_000, b" " * 1_000_001], ids=lambda body: body[:8]
)
def test_an_answer_to_an_order_that_makes_no_sense(desk: Desk, service: MlService, body: bytes) -> None:
    import_id = desk.order()
    service.orders = [Reply(body, 202)]
    assert "service" in put_off(desk, import_id)
    desk.go_on(import_id)
    assert len(service.jobs) == 1


@pytest.mark.parametrize("job_id", ["a/../../x", "a?b=c#d", "Größe 1", "%2e%2e%2f", "..;/admin", 7, "a b+c"])
def test_whatever_the_job_is_called_it_is_asked_for(desk: Desk, service: MlService, job_id: object) -> None:
    service.next_ids = [job_id]
    desk.go_on(desk.order())
    path = service.asked("GET")[0]
    assert path.startswith("/analyze/status/")
    assert path.count("/") == 3
    assert not set("?# ") & set(path)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"{" * 50_000, b'{"status": "x"}' + b" " * 10**6], ids=lambda body: body[:8]
)
def test_a_status_that_makes_no_sense(desk: Desk, service: MlService, body: bytes) -> None:
    import_id = desk.order()
    service.play = says(Reply(body), completed())
    desk.step(import_id)
    put_off(desk, import_id)
    desk.go_on(import_id)


def test_progress_never_goes_back(desk: Desk, service: MlService) -> None:
    told = [
        ("queued", 0),
        ("downloading", 70),
        ("downloading", 20),
        ("analyzing", 250),
        ("downloading", 10),
        ("analyzing", -5),
        ("Reading tables", "NaN"),
        ("analyzing", None),
    ]
    service.play = says(*(working(*each) for each in told), completed())
    import_id = desk.order()
    desk.step(import_id)
    seen = []
    for _ in told:
        desk.step(import_id)
        seen.append(desk.place(import_id))
    assert seen == [("downloading", 0), ("downloading", 70), ("downloading", 70), *[("analyzing", 99)] * 5]
    assert desk.read(import_id)["ml_job"]["said"] == "analyzing"


def test_a_job_may_be_called_by_the_address_that_was_given(desk: Desk, service: MlService, events: EventTap) -> None:
    service.next_ids = [PDF]
    service.play = lambda _service, job, poll: Reply({}, 404) if poll == 1 and job is service.jobs[0] else completed()
    desk.go_on(desk.order())
    assert events.wait_for("analysis.done")
    assert events.wait_for("analysis.ordered")["job"] == "…"
    assert "s3cret" not in str(events.all())
    assert "abc-def" not in str(events.all())


def test_the_words_of_the_service_are_kept(desk: Desk, service: MlService) -> None:
    service.play = says(working(f"Table 3\0 of {PDF} and ann:s3cret" + "x" * 300), completed())
    import_id = desk.order()
    desk.step(import_id)
    desk.step(import_id)
    said = desk.read(import_id)["ml_job"]["said"]
    assert said.startswith("Table 3\N{REPLACEMENT CHARACTER} of … and …xxx")
    assert len(said) <= 100


def test_a_job_that_goes_on_for_ever_is_given_up(desk: Desk, service: MlService) -> None:
    """Its percentage goes to and fro, which is no progress. A retry orders another."""
    service.play = lambda _service, job, poll: working(percent=30 - poll % 2) if job.id == "job-1" else completed()
    import_id = desk.order()
    for _ in range(4):
        assert desk.step(import_id) == POLL
    desk.pass_time(import_id, 59)
    assert desk.step(import_id) == POLL
    desk.pass_time(import_id, 2)
    assert "no progress for 60 minutes" in fail(desk, import_id)
    desk.retry(import_id)
    desk.go_on(import_id)
    assert len({job.key for job in service.jobs}) == 2


def test_progress_begins_the_time_anew(desk: Desk, service: MlService) -> None:
    service.play = lambda _service, _job, poll: working(percent=poll)
    import_id = desk.order()
    for _ in range(5):
        assert desk.step(import_id) == POLL
        desk.pass_time(import_id, 59)


def test_a_clock_that_was_put_back_does_not_make_it_endless(desk: Desk, service: MlService) -> None:
    service.play = says(working())
    import_id = desk.order()
    desk.step(import_id)
    desk.step(import_id)
    desk.pass_time(import_id, -100_000)
    desk.step(import_id)
    desk.pass_time(import_id, 61)
    assert "no progress" in fail(desk, import_id)


def test_the_service_may_fail(desk: Desk, service: MlService, events: EventTap) -> None:
    message = f"cannot open {PDF} as ann:s3cret (abc-def)\0\ud800 " + "x" * 1_000
    service.play = says(Reply({"status": "failed", "message": message}))
    import_id = desk.order()
    said = fail(desk, import_id)
    assert said.startswith("The analysis failed: cannot open … as … (…)\N{REPLACEMENT CHARACTER}")
    assert len(said) < 600
    assert desk.read(import_id)["status"] == "failed"


def test_a_retry_of_what_the_service_failed_is_a_new_job(desk: Desk, service: MlService) -> None:
    service.play = lambda _service, job, _poll: (
        Reply({"status": "failed", "error": "out of memory"}) if job.id == "job-1" else completed()
    )
    import_id = desk.order()
    assert fail(desk, import_id) == "The analysis failed: out of memory."
    desk.retry(import_id)
    desk.go_on(import_id)
    assert [job.id for job in service.jobs] == ["job-1", "job-2"]
    assert service.jobs[0].key != service.jobs[1].key


def test_a_retry_begins_at_nought(desk: Desk, service: MlService) -> None:
    service.play = says(working(percent=80), Reply({"status": "failed"}), working("queued", 0))
    import_id = desk.order()
    assert fail(desk, import_id) == "The analysis failed: no reason was given."
    desk.retry(import_id)
    service.play = says(Reply({"status": "failed"}))
    desk.step(import_id)
    assert desk.place(import_id) == ("downloading", 0)


def test_what_the_service_refuses_is_told(desk: Desk, service: MlService) -> None:
    service.orders = [Reply({"detail": "file_type exe is not known"}, 422)]
    import_id = desk.order()
    said = fail(desk, import_id)
    assert said == "The analysis failed: 127.0.0.1 answered 422 Unprocessable Entity: file_type exe is not known."
    desk.retry(import_id)
    desk.go_on(import_id)
    assert len(service.jobs) == 1


@pytest.mark.parametrize(
    "result_url",
    [
        "http://evil.example/x.csv",
        "//evil.example/x.csv",
        "https://127.0.0.1/x.csv",
        "http://127.0.0.1:5432/x.csv",
        "http://127.0.0.1@evil.example/x.csv",
        "file:///etc/passwd",
        "http://[::1/x",
        "",
        None,
        7,
    ],
)
def test_the_result_is_fetched_from_the_service_alone(desk: Desk, service: MlService, result_url: object) -> None:
    service.play = says(completed(result_url))
    assert "The analysis failed" in fail(desk, desk.order())
    assert not [path for path in service.asked("GET") if not path.startswith("/analyze/status/")]


@pytest.mark.parametrize("where", ["/results/{id}.csv", "results/{id}.csv", "{base}/results/{id}.csv?sig=1#x"])
def test_where_the_result_may_be(desk: Desk, service: MlService, where: str) -> None:
    service.play = says(completed(where.replace("{base}", service.url)))
    desk.go_on(desk.order())
    assert service.asked("GET")[-1].startswith("/results/job-1.csv")


def test_a_result_that_leads_elsewhere_is_not_followed(desk: Desk, service: MlService) -> None:
    """A redirect would be a way to the service's neighbours."""
    service.result = Reply(b"", 302, (("Location", f"{service.url}/admin"),))
    assert "redirects" in fail(desk, desk.order())
    assert "/admin" not in service.asked("GET")


@pytest.mark.parametrize(
    ("result", "says_that"),
    [
        (Reply(b"x" * 2_000_000), "larger than 1,000,000 bytes"),
        (Reply(b"<!doctype html>"), "a web page"),
        (Reply(b"", 404), "404"),
    ],
)
def test_a_result_that_is_no_list(new_desk: NewDesk, service: MlService, result: Reply, says_that: str) -> None:
    desk = new_desk(limits=Limits(size_bytes=1_000_000))
    service.result = result
    assert says_that in fail(desk, desk.order())


def test_a_result_that_is_not_there_yet(desk: Desk, service: MlService) -> None:
    service.play = says(completed())
    service.result = Reply(b"", 503)
    import_id = desk.order()
    desk.step(import_id)
    assert "503" in put_off(desk, import_id)
    service.result = Reply(RESULT)
    desk.go_on(import_id)
    assert len(service.jobs) == 1


def test_the_service_is_told_its_own_password(new_desk: NewDesk, service: MlService, events: EventTap) -> None:
    desk = new_desk(address=service.url.replace("//", "//me:hunter2@") + "/")
    desk.go_on(desk.order())
    assert {headers.get("Authorization") for _, _, headers in service.requests} == {"Basic bWU6aHVudGVyMg=="}
    assert "hunter2" not in str(events.all())


@pytest.mark.parametrize("behaviour", [stall, drop])
def test_a_service_that_says_nothing(
    desk: Desk, service: MlService, behaviour: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = desk.order()
    service.orders = [Reply(behaviour=behaviour)]
    asking = desk.courier._service
    assert asking is not None
    monkeypatch.setattr(asking, "_asking", replace(asking._asking, silence_s=0.1))
    assert "127.0.0.1" in put_off(desk, import_id)
    desk.go_on(import_id)


def test_the_stop_does_not_wait_for_a_silent_service(desk: Desk, service: MlService) -> None:
    import_id = desk.order()

    def stall_and_stop(handler: object) -> None:
        desk.stop.set()
        stall(handler)  # type: ignore[arg-type]

    service.orders = [Reply(behaviour=stall_and_stop)]
    with pytest.raises(PreparationEnded, match="stops"):
        desk.step(import_id)
