"""Whatever the service says, it is made sense of or called nonsense, and nothing of it is beyond its bounds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.courier.answers import (
    Done,
    Failed,
    Working,
    read_job_id,
    read_message,
    read_object,
    read_status,
)
from daemon.workloads.price_lists.courier.job import Job
from daemon.workloads.price_lists.fetching.failure import FetchFailed

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["failed", "completed", "12 %"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = (
    "status",
    "phase",
    "percent",
    "progress",
    "progress_percentage",
    "message",
    "error",
    "detail",
    "result_url",
    "job_id",
)
ANSWERS = st.dictionaries(st.sampled_from(NAMES), JSON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"job_id": null}',
        b'{"job_id": ""}',
        b'{"job_id": "."}',
        b'{"job_id": ".. "}',
        b'{"job_id": true}',
        b'{"job_id": -1}',
        b'{"job_id": 1.5}',
        b'{"job_id": {"a": 1}}',
        b'{"job_id": "a\\u0000b"}',
        b'{"job_id": "a\\r\\nX-Evil: 1"}',
        b'{"job_id": "\\ud800"}',
        b'{"job_id": "' + b"x" * 201 + b'"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"job_id": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe\x00",
    ],
    ids=lambda body: body[:24],
)
def test_what_names_no_job(body: bytes) -> None:
    with pytest.raises(FetchFailed) as caught:
        read_job_id(read_object(body))
    assert caught.value.is_transient


@pytest.mark.parametrize(("named", "job_id"), [(7, "7"), ("a/b", "a/b"), ("Größe 1", "Größe 1")])
def test_what_names_a_job(named: object, job_id: str) -> None:
    assert read_job_id(read_object(json.dumps({"job_id": named}).encode())) == job_id
    assert read_job_id({"id": named}) == job_id


@pytest.mark.parametrize("status", [None, 7, "", " ", [], {}])
def test_what_says_nothing_of_a_job(status: object) -> None:
    with pytest.raises(FetchFailed):
        read_status({"status": status})


@pytest.mark.parametrize(
    ("told", "percent"),
    [
        (0, 0),
        (45.9, 45),
        (100, 99),
        (250, 99),
        (-3, 0),
        ("45", 45),
        (" 45.5 %", 45),
        ("half", None),
        ("inf", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        pytest.param(10**400, 99, id="huge"),
        ([50], None),
    ],
)
def test_percentages(told: object, percent: int | None) -> None:
    assert read_status({"status": "processing", "percent": told}) == Working("processing", True, percent)
    assert read_status({"status": "processing", "progress_percentage": told}) == Working("processing", True, percent)


@pytest.mark.parametrize(
    ("status", "phase", "is_analyzing"),
    [
        ("queued", None, False),
        ("PENDING", None, False),
        ("processing", "Downloading", False),
        ("processing", "pages 3 to 7", True),
        ("running", " ", True),
        ("whatever", 7, True),
    ],
)
def test_phases(status: str, phase: object, is_analyzing: bool) -> None:
    answer = read_status({"status": status, "phase": phase})
    assert isinstance(answer, Working)
    assert answer.is_analyzing == is_analyzing


def test_long_texts_are_cut() -> None:
    assert len(read_message({"error": "x" * 3_000})) == 500
    answer = read_status({"status": "running", "phase": "x" * 3_000})
    assert isinstance(answer, Working)
    assert len(answer.said) == 100


def test_done_without_a_result_is_a_failure() -> None:
    assert read_status({"status": "Completed", "result_url": " r.csv "}) == Done("r.csv")
    assert isinstance(read_status({"status": "completed"}), Failed)


@given(ANSWERS)
def test_any_answer_is_bounded(values: dict[str, object]) -> None:
    assert len(read_message(values)) <= 500
    try:
        answer = read_status(values)
    except FetchFailed:
        return
    if isinstance(answer, Working):
        assert len(answer.said) <= 100
        assert answer.percent is None or 0 <= answer.percent <= 99
        answer.said.encode()
        assert "\0" not in answer.said


@given(st.lists(ANSWERS))
def test_a_job_never_goes_back(answers: list[dict[str, object]]) -> None:
    job = Job.new(1, 0)
    for values in answers:
        try:
            answer = read_status(values)
        except FetchFailed:
            continue
        if isinstance(answer, Working):
            after = job.after(answer, answer.said, 0)
            assert not after.has_advanced_to(job)
            assert Job.from_json(json.loads(json.dumps(after.as_json()))) == after
            job = after


@pytest.mark.parametrize("values", [None, [], "x", {}, {"key": 7}])
def test_what_is_no_job(values: object) -> None:
    assert Job.from_json(values) is None
