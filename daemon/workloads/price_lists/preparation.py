"""Makes an import ready to be matched: fetches its list and reads it, phase by phase."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

import structlog

from daemon.engine.workload import BatchFailed, Hold, NotYet
from daemon.workloads.price_lists import intake
from daemon.workloads.price_lists.courier.courier import Courier
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.fetch import Fetched, Unchanged, fetch
from daemon.workloads.price_lists.fetching.label import Label
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import FileGone, Shelf
from daemon.workloads.price_lists.fetching.source import Source, SourceKind
from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.order import Order, Phase
from daemon.workloads.price_lists.reading.reading import read
from daemon.workloads.price_lists.reading.refusal import ListUnreadable

log = structlog.get_logger()
T = TypeVar("T")

AT_ONCE = timedelta(0)
A_WHILE = timedelta(seconds=1)  # until it is seen again whether an earlier list of the supplier is done
MOST_TRIES = 10  # some minutes, of a fetch that fails for a reason that may pass
TELL_EVERY_S = 1.0  # how far it is
CHUNK = 5_000  # lines that are written together
GONE_AT_A_TIME = 1_000  # items
READ_ELSEWHERE = ("pdf", "other")  # kinds of sources that are not read here
MOST_GONE_PERCENT = 50.0  # of a supplier's items that one list may take away
PERCENT = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*%?\s*")
FEW = 20  # items of which all may go


class Progress:
    """Keeps the hold, and writes now and then how far its phase is."""

    def __init__(self, hold: Hold, phase: Phase) -> None:
        self._hold = hold
        self._phase = phase
        self._told_at = monotonic()
        self._percent = 0

    def __call__(self, done: float, whole: float | None) -> None:
        self._hold.keep()
        if not whole or monotonic() - self._told_at < TELL_EVERY_S:
            return
        self._told_at = monotonic()
        percent = min(99, int(100 * done / whole))
        if percent > self._percent:
            self._percent = percent
            with self._hold.transaction() as conn:
                intake.write_phase(conn, self._hold.batch_id, self._phase, percent)


class Preparation:
    """Prepares imports; used by several threads at once."""

    def __init__(self, shelf: Shelf, limits: Limits, courier: Courier | None = None) -> None:
        """Without a courier all lists are fetched and read here."""
        self._shelf = shelf
        self._limits = limits
        self._courier = courier

    def step(self, hold: Hold) -> timedelta | None:
        """Do what the import's phase asks for. See Workload.prepare."""
        with hold.transaction() as conn:
            order = intake.read_order(conn, hold.batch_id)
        if order is None:
            raise BatchFailed("The import is gone.")
        if order.supplier_id is None:
            raise BatchFailed("The supplier of this import no longer exists.")
        if self._courier is not None and self._courier.has_to(order):
            return self._courier.step(hold, order)
        match order.phase:
            case Phase.DOWNLOADING:
                return self._download(hold, order)
            case Phase.ANALYZING:
                return self._analyze(hold, order)
            case Phase.MATCHING if self._has_lost_lines(hold):
                return self._begin_anew(hold)
            case _:
                return None

    def _has_lost_lines(self, hold: Hold) -> bool:
        """An import that is set back long after its end: its lines were tidied up."""
        with hold.transaction() as conn:
            return intake.has_lost_lines(conn, hold.batch_id)

    def _begin_anew(self, hold: Hold) -> timedelta:
        with hold.transaction() as conn:
            intake.write_phase(conn, hold.batch_id, Phase.DOWNLOADING, 0)
        return AT_ONCE

    def _download(self, hold: Hold, order: Order) -> timedelta | None:
        source = _source_of(order)
        with hold.transaction() as conn:
            previous = intake.read_previous(conn, order.id)
        label = _label_of(previous, order) if not order.option("force") else None
        try:
            found = fetch(source, self._shelf, self._limits, label, Progress(hold, Phase.DOWNLOADING))
        except FetchFailed as failure:
            if failure.is_transient and hold.tries < MOST_TRIES:
                raise NotYet(failure.message, failure.retry_after) from failure
            raise BatchFailed(f"The list could not be fetched: {failure.message}.") from failure
        if isinstance(found, Unchanged) and previous is not None:
            self._leave_unchanged(hold, order, previous, found)
        elif isinstance(found, Fetched):
            file = found.file
            with hold.transaction() as conn:
                intake.write_fetched(conn, order.id, file.name, file.label.sha256, _kept(file.label, order))
            log.info("list.fetched", source=source.public, size_bytes=file.label.size_bytes, sha256=file.label.sha256)
        return AT_ONCE

    def _leave_unchanged(self, hold: Hold, order: Order, previous: intake.Previous, found: Unchanged) -> None:
        label = found.label
        with hold.transaction() as conn:
            intake.write_unchanged(conn, order.id, previous.id, found.how, label.sha256, _kept(label, order))
        log.info("list.unchanged", since_import=previous.id, how=found.how.value)

    def _turn(self, hold: Hold, order: Order) -> intake.Turn:
        with hold.transaction() as conn:
            return intake.read_turn(conn, order.id)

    def _stand_back(self, hold: Hold, order: Order, turn: intake.Turn) -> timedelta | None:
        """An older list must not speak after a newer one: it waits for its turn, or has missed it."""
        if turn.overtaken_by is None:
            return A_WHILE
        with hold.transaction() as conn:
            intake.write_overtaken(conn, order.id, turn.overtaken_by)
        log.warning("list.overtaken", by_import=turn.overtaken_by)
        return None

    def _analyze(self, hold: Hold, order: Order) -> timedelta | None:
        if not (turn := self._turn(hold, order)).is_now:
            return self._stand_back(hold, order, turn)
        try:
            with self._shelf.use(order.file_name or "") as file:
                progress = Progress(hold, Phase.ANALYZING)
                tick = lambda _, share: progress(share or 0.0, 1.0)  # noqa: E731
                with read(file.path, order.reading_options, order.column_mapping, tick) as reading:
                    lines, bad, unknown = self._write(hold, reading)
        except FileGone:
            return self._begin_anew(hold)
        except ListUnreadable as refusal:
            raise BatchFailed(f"The list could not be read: {refusal}") from refusal
        if not lines + bad:
            raise BatchFailed("The list could not be read: it has no lines.")
        if not (turn := self._turn(hold, order)).is_now:  # another was read at the same time
            return self._stand_back(hold, order, turn)
        detected = {**reading.detected, "lines": lines, "bad_lines": bad}
        if missed := self._mark_gone(hold, order, unknown) if lines else []:
            detected["warnings"] = [*_texts(detected.get("warnings")), *missed]
        with hold.transaction() as conn:
            intake.write_read(conn, order.id, detected)
        log.info("list.read", lines=lines, bad_lines=bad)
        return None

    def _write(self, hold: Hold, reading: Iterable[Line | BadLine]) -> tuple[int, int, int]:
        """Returns how many lines can be used, how many cannot, and how many of these do not say which item they are."""
        with hold.transaction() as conn:
            intake.drop_lines(conn, hold.batch_id)
        lines = bad = unknown = 0
        for chunk in _chunks(reading, CHUNK):
            with hold.transaction() as conn:
                intake.write_lines(conn, hold.batch_id, chunk)
            unusable = [line for line in chunk if isinstance(line, BadLine)]
            bad += len(unusable)
            unknown += sum(line.sku is None for line in unusable)
            lines += len(chunk) - len(unusable)
        return lines, bad, unknown

    def _mark_gone(self, hold: Hold, order: Order, unknown: int) -> list[str]:
        """What the list has no longer is offered no longer, unless so much is missing that the list must be wrong, or
        it may stand on one of the `unknown` lines that do not say which item they are."""
        assert order.supplier_id is not None  # noqa: S101  # or the import had been refused
        with hold.transaction() as conn:
            gone = intake.find_gone(conn, order.id, order.supplier_id)
        most = _number(order.option("most_gone_percent"), MOST_GONE_PERCENT)
        if gone.known > FEW and 100 * len(gone.item_ids) > most * gone.known:
            log.warning("list.shrunken", gone=len(gone.item_ids), known=gone.known)
            return [
                f"{len(gone.item_ids)} of the supplier's {gone.known} items are not on this list: that is more than"
                f" {most:g} %, so they were left as they are; the option most_gone_percent allows more"
            ]
        if gone.item_ids and unknown >= len(gone.item_ids):
            return [
                f"{len(gone.item_ids)} of the supplier's items may stand on the {unknown} lines that could not be read:"
                " they were left as they are"
            ]
        for some in _chunks(gone.item_ids, GONE_AT_A_TIME):
            hold.keep()
            with hold.transaction() as conn:
                intake.mark_gone(conn, order.id, some)
        return []


def _source_of(order: Order) -> Source:
    """Raises BatchFailed when the order does not say where the list is."""
    try:
        kind = SourceKind(order.source_type or "")
    except ValueError:
        if order.source_type in READ_ELSEWHERE:
            raise BatchFailed(
                f"source_type is {order.source_type!r}: only a reading service reads such lists; name it in"
                " ML_ANALYZE_URL, and set USE_ML_PROCESSING=on or the import's option use_ml_processing."
            ) from None
        kinds = ", ".join(SourceKind)
        raise BatchFailed(f"source_type is {order.source_type!r}: it must be one of {kinds}.") from None
    if not (order.source_url or "").strip():
        raise BatchFailed("source_url is empty: neither the import nor its supplier says where the list is.")
    return Source(kind, order.source_url or "")


def _kept(label: Label, order: Order) -> dict[str, Any]:
    """What the next import compares with."""
    return {"label": label.as_json(), "read_by": order.fingerprint}


def _label_of(previous: intake.Previous | None, order: Order) -> Label | None:
    """Of the list before, if it was to be read in the same way."""
    try:
        if previous is None or previous.fetched["read_by"] != order.fingerprint:
            return None
        return Label.from_json(previous.fetched["label"])
    except (ValueError, TypeError, KeyError):  # written by another version
        return None


def _number(value: object, default: float) -> float:
    if isinstance(value, str) and (digits := PERCENT.fullmatch(value)):  # as a sheet says it
        return float(digits[1])
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(things)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
