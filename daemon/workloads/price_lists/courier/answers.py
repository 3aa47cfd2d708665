"""What the external service says, made sense of: it may say anything."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.database.failures import storable
from daemon.workloads.price_lists.fetching.failure import FetchFailed

LONGEST_ID = 200  # characters
LONGEST_MESSAGE = 500
LONGEST_PHASE = 100
DONE = frozenset({"completed", "complete", "done", "finished", "success", "succeeded"})
FAILED = frozenset({"failed", "failure", "error", "cancelled", "canceled"})
BEFORE_READING = frozenset(
    {"accepted", "created", "downloading", "fetching", "pending", "queued", "received", "scheduled", "waiting"}
)


@dataclass(frozen=True, slots=True)
class Working:
    """The job goes on."""

    said: str  # the phase in the service's words, cut at 100 characters
    is_analyzing: bool  # the file is there, and is being read
    percent: int | None  # of the phase, from 0 to 99; None when it does not say


@dataclass(frozen=True, slots=True)
class Done:
    """The result can be fetched."""

    result_url: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The service could not do it."""

    message: str


def read_object(body: bytes) -> Mapping[str, Any]:
    """A JSON object. Raises FetchFailed."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise nonsense() from None
    if not isinstance(values, Mapping):
        raise nonsense()
    return values


def read_job_id(values: Mapping[str, Any]) -> str:
    """Text or a number, by which the job can be asked for. Raises FetchFailed."""
    job_id = values.get("job_id", values.get("id"))
    if isinstance(job_id, int) and not isinstance(job_id, bool) and 0 <= job_id < 2**63:
        return str(job_id)
    is_usable = isinstance(job_id, str) and 0 < len(job_id) <= LONGEST_ID and job_id.isprintable()
    if not isinstance(job_id, str) or not is_usable or not job_id.strip(" ."):  # "." and ".." are no names in a path
        raise nonsense()
    return job_id


def read_status(values: Mapping[str, Any]) -> Working | Done | Failed:
    """Raises FetchFailed when it says nothing of the job."""
    status = values.get("status")
    if not isinstance(status, str) or not status.strip():
        raise nonsense()
    status = status.strip().lower()
    if status in FAILED:
        return Failed(read_message(values) or "no reason was given")
    if status in DONE:
        result_url = values.get("result_url")
        if not isinstance(result_url, str) or not result_url.strip():
            return Failed("the service says that it is done, but not where the result is")
        return Done(result_url.strip())
    phase = values.get("phase")
    said = phase if isinstance(phase, str) and phase.strip() else status
    is_analyzing = said.strip().lower() not in BEFORE_READING
    percents = (values.get(name) for name in ("percent", "progress_percentage", "progress"))
    percent = next((percent for percent in percents if percent is not None), None)
    return Working(_line(said, LONGEST_PHASE), is_analyzing, _percent(percent))


def read_message(values: Mapping[str, Any]) -> str:
    """Why something was refused, cut at 500 characters; empty when it does not say."""
    for name in ("message", "error", "detail", "error_message"):
        text = values.get(name)
        if isinstance(text, str) and text.strip():
            return _line(text, LONGEST_MESSAGE)
    return ""


def nonsense() -> FetchFailed:
    return FetchFailed("bad_answer", "the answer of the service makes no sense", is_transient=True)


def _percent(value: object) -> int | None:
    """99 is the most: all is done when the result is here."""
    if isinstance(value, str):
        try:
            value = float(value.strip().removesuffix("%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(min(max(value, 0), 99))


def _line(text: str, longest: int) -> str:
    """On one line, and such that Postgres can hold it."""
    return storable(" ".join(text[: 4 * longest].split()))[:longest]
