"""The life of a batch."""

from enum import StrEnum


class BatchStatus(StrEnum):
    """Where a batch stands; mirrored by the constraint batch_status_known."""

    PENDING = "pending"  # inserted, or set back by PHP for a retry
    PROCESSING = "processing"  # cut into slices
    COMPLETED = "completed"  # every item was treated, some perhaps in error
    FAILED = "failed"  # nothing could be treated; error_message says why
    CANCELLED = "cancelled"  # PHP or an operator stopped it
