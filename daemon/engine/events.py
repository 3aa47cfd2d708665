"""The canonical log line of each step of a batch."""

from collections.abc import Sequence

import structlog

from daemon.engine.queue import Planned, Settled, Slice
from daemon.engine.status import BatchStatus

log = structlog.get_logger()


def announce_planned(planned: Sequence[Planned]) -> None:
    """One line per batch: planned, or ended by its planning."""
    for batch in planned:
        counts = {
            "batch_id": batch.id,
            "items": batch.items,
            "success": batch.success,
            "errors": batch.errors,
        }
        wait_ms = round(batch.wait_s * 1000, 1)
        if batch.retry_count:
            log.info("batch.retried", batch_id=batch.id, retry_count=batch.retry_count)
        if batch.status == BatchStatus.FAILED:
            log.warning("batch.failed", **counts, wait_ms=wait_ms, error=batch.error_message)
        elif batch.status == BatchStatus.COMPLETED:
            log.info("batch.completed", **counts, wait_ms=wait_ms, duration_ms=0.0, items_per_s=0.0)
        else:
            log.info("batch.planned", **counts, wait_ms=wait_ms)


def announce_cancelled(dropped: Sequence[Slice]) -> None:
    """One line per cancelled batch whose remaining slices were dropped."""
    for batch_id in sorted({slice.batch_id for slice in dropped if slice.batch_status == BatchStatus.CANCELLED}):
        log.info("batch.cancelled", batch_id=batch_id)


def announce_completed(completed: Sequence[Settled]) -> None:
    for batch in completed:
        log.info(
            "batch.completed",
            batch_id=batch.id,
            items=batch.items,
            success=batch.success,
            errors=batch.errors,
            wait_ms=round(batch.wait_s * 1000, 1),
            duration_ms=round(batch.duration_s * 1000, 1),
            items_per_s=round(batch.items / batch.duration_s, 1) if batch.duration_s > 0 else 0.0,
        )
