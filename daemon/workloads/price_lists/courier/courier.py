"""Has an external service read a list: orders a job once, asks how it is, and puts its result on the shelf."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from daemon.database.statements import load
from daemon.engine.workload import BatchFailed, Hold, NotYet
from daemon.workloads.price_lists import intake
from daemon.workloads.price_lists.courier import store
from daemon.workloads.price_lists.courier.answers import Done, Failed, Working
from daemon.workloads.price_lists.courier.job import Job
from daemon.workloads.price_lists.courier.parcel import pack, without_secrets
from daemon.workloads.price_lists.courier.service import JobUnknown, Service
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import LookUp, look_up
from daemon.workloads.price_lists.fetching.pulse import Pulse, Tick
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.order import Order, Phase
from daemon.workloads.price_lists.settings import PriceListSettings

log = structlog.get_logger()

AT_ONCE = timedelta(0)
MOST_TRIES = 12  # of a service that is out of reach: about twenty minutes, in which it may be started anew
MOST_FORGOTTEN = 2  # times that a job is ordered again because the service does not know it any more
YES, NO = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True, slots=True)
class Habits:
    """When the service is used, and how it is asked."""

    is_default: bool = False  # for imports and suppliers that do not say themselves
    poll: timedelta = timedelta(seconds=5)
    patience: timedelta = timedelta(minutes=60)  # with a job that makes no progress


class Courier:
    """Used by several threads at once. Every step may be done twice, and by another process than the one before."""

    def __init__(
        self, service: Service | None, shelf: Shelf, limits: Limits, habits: Habits, look_up: LookUp = look_up
    ) -> None:
        """Without a service no list is given to one."""
        load(store.PACKAGE)
        self._service = service
        self._shelf = shelf
        self._limits = limits
        self._habits = habits
        self._look_up = look_up

    def has_to(self, order: Order) -> bool:
        """Whether the import's next step is to be done by the service."""
        job = Job.from_json(order.ml_job)
        is_under_way = order.phase == Phase.ANALYZING and job is not None and not job.is_fetched
        if not (is_under_way or order.phase == Phase.DOWNLOADING) or not self._is_wanted(order):
            return False
        if self._service is None:
            log.warning("courier.missing", reason="ML_ANALYZE_URL is not set")
        return self._service is not None

    def step(self, hold: Hold, order: Order) -> timedelta:
        """Go on with the job. Returns after how long to look again; once the result is on the shelf it can be read."""
        assert self._service is not None  # noqa: S101  # see has_to
        job = Job.from_json(order.ml_job) or self._begin(hold, order)
        try:
            if job.id is None:
                return self._order(hold, order, job, self._service)
            return self._look(hold, order, job, job.id, self._service)
        except FetchFailed as failure:
            reason = without_secrets(failure.message, order)
            if not failure.is_transient:
                return self._give_up(hold, order, job, reason)
            if hold.tries < MOST_TRIES:
                raise NotYet(reason, failure.retry_after) from failure
            raise BatchFailed(f"The analysis failed: {reason}.") from failure

    def _is_wanted(self, order: Order) -> bool:
        told = str(order.option("use_ml_processing")).strip().lower()
        return told in YES or (self._habits.is_default and told not in NO)

    def _begin(self, hold: Hold, order: Order) -> Job:
        job = Job.new(order.id, order.retry_count)
        with hold.transaction() as conn:
            store.write_new_job(conn, order.id, job)
        return job

    def _order(self, hold: Hold, order: Order, job: Job, service: Service) -> timedelta:
        parcel = pack(order, self._limits, Pulse(_tick(hold), self._limits), self._look_up)
        job_id, is_known = service.order(parcel, job.key, _tick(hold))
        job = job.ordered_as(job_id)
        with hold.transaction() as conn:
            store.write_job(conn, order.id, job)
        shown = _shown(job, order)
        log.info("analysis.ordered", source=parcel.public, file_type=parcel.file_type, job=shown, is_known=is_known)
        return self._habits.poll

    def _look(self, hold: Hold, order: Order, job: Job, job_id: str, service: Service) -> timedelta:
        try:
            answer = service.status(job_id, _tick(hold))
        except JobUnknown:
            return self._order_again(hold, order, job)
        match answer:
            case Working():
                return self._mirror(hold, order, job, answer)
            case Failed():
                return self._give_up(hold, order, job, without_secrets(answer.message, order))
            case Done():
                return self._take(hold, order, job, service, answer)

    def _mirror(self, hold: Hold, order: Order, job: Job, working: Working) -> timedelta:
        after = job.after(working, without_secrets(working.said, order), order.retry_count)
        is_advanced = job.has_advanced_to(after)
        with hold.transaction() as conn:
            idle_s = 0.0 if is_advanced else store.read_idle_s(conn, order.id)
            is_idle = idle_s > self._habits.patience.total_seconds()
            after = after.stuck() if is_idle else after
            if after != job or idle_s < 0:
                store.write_job(conn, order.id, after, is_advanced=is_advanced or idle_s < 0)
        if is_idle:
            reason = f"there was no progress for {self._habits.patience.total_seconds() / 60:g} minutes"
            return self._give_up(hold, order, job, reason)
        return self._habits.poll

    def _take(self, hold: Hold, order: Order, job: Job, service: Service, done: Done) -> timedelta:
        file = service.fetch_result(done.result_url, self._shelf, _tick(hold))
        fetched = {"label": file.label.as_json(), "read_by": "service"}  # nothing for a later fetch to compare with
        with hold.transaction() as conn:
            intake.write_fetched(conn, order.id, file.name, file.label.sha256, fetched)
            store.write_job(conn, order.id, job.fetched())
        log.info("analysis.done", job=_shown(job, order), size_bytes=file.label.size_bytes, sha256=file.label.sha256)
        return AT_ONCE

    def _order_again(self, hold: Hold, order: Order, job: Job) -> timedelta:
        if job.forgotten >= MOST_FORGOTTEN:
            reason = f"the service forgot the job {job.forgotten + 1} times"
            return self._give_up(hold, order, job, reason)
        log.warning("analysis.forgotten", job=_shown(job, order), times=job.forgotten + 1)
        with hold.transaction() as conn:
            store.write_job(conn, order.id, job.lost())
        return AT_ONCE

    def _give_up(self, hold: Hold, order: Order, job: Job, reason: str) -> timedelta:
        """What an earlier attempt had ordered is not worth more: a retry orders anew."""
        if job.attempt >= order.retry_count:
            raise BatchFailed(f"The analysis failed: {reason.rstrip('.')}.")
        log.info("analysis.renewed", job=_shown(job, order), reason=reason)
        self._begin(hold, order)
        return AT_ONCE


def _shown(job: Job, order: Order) -> str | None:
    """As the service calls it, which may be by the address that it was given."""
    return None if job.id is None else without_secrets(job.id, order)


def _tick(hold: Hold) -> Tick:
    return lambda _received, _expected: hold.keep()


def build_courier(settings: PriceListSettings, shelf: Shelf) -> Courier:
    service = Service(settings.ml_url, settings.limits) if settings.ml_url else None
    habits = Habits(settings.uses_ml, settings.ml_poll, settings.ml_patience)
    return Courier(service, shelf, settings.limits, habits)
