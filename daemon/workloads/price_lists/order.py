"""What PHP ordered: an import, with what its supplier says by itself."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from daemon.engine.workload import BatchTable
from daemon.workloads.price_lists.reading.options import OPTIONS

TABLE = BatchTable(
    name="supplier_imports",
    entity="supplier_import",
    items="line_numbers",
    counted="lines",
    results="supplier_import_results",
    result_item="line",
    errors="supplier_import_errors",
    reference="import_id",
    is_prepared=True,
)


class Phase(StrEnum):
    """What is being done for an import; mirrored by the constraint import_phase_known."""

    DOWNLOADING = "downloading"  # or an external service is reading the file
    ANALYZING = "analyzing"
    MATCHING = "matching"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """An import before its lines are known."""

    id: int
    phase: str
    supplier_id: int | None  # None once the supplier was deleted
    supplier: str | None
    source_type: str | None
    source_url: str | None
    supplier_meta: Mapping[str, Any]
    column_mapping: Any
    options: Any
    file_name: str | None
    fetched: Any
    ml_job: Any
    detected: Any
    retry_count: int = 0

    def option(self, name: str) -> Any:
        """What the import says, or else its supplier."""
        own = self.options if isinstance(self.options, Mapping) else {}
        return own.get(name, self.supplier_meta.get(name))

    @property
    def reading_options(self) -> dict[str, Any]:
        """How the list is to be read: the supplier's habits, and what this import says otherwise.

        What else is kept of the supplier there is no option.
        """
        own = self.options if isinstance(self.options, Mapping) else {}
        return {name: value for name, value in self.supplier_meta.items() if name in OPTIONS} | dict(own)

    @property
    def fingerprint(self) -> str:
        """Of how the list is to be read: by another order the same file may give other lines."""
        whole = json.dumps([self.reading_options, self.column_mapping], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:16]
