"""Price lists, as commands know them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from psycopg import Connection

from daemon.database.bulk import id_list
from daemon.database.statements import statement
from daemon.workloads.kind import Kind, Sight
from daemon.workloads.price_lists.order import TABLE, Phase

PERCENTAGES = (Phase.DOWNLOADING, Phase.ANALYZING)  # of the others the counters tell


class Stage(NamedTuple):
    """Where an import stands."""

    import_id: int
    supplier: str | None  # None once it was deleted
    phase: str
    phase_percent: int
    failed_phase: str | None

    @property
    def words(self) -> str:
        if self.phase == Phase.FAILED:
            return f"failed in {self.failed_phase}" if self.failed_phase else "failed"
        return f"{self.phase} {self.phase_percent} %" if self.phase in PERCENTAGES else self.phase


def look(conn: Connection, import_ids: Sequence[int]) -> Mapping[int, Sight]:
    """Whose list it is, and how far it is."""
    rows = conn.execute(statement("daemon.workloads.price_lists", "read_stages"), {"import_ids": id_list(import_ids)})
    return {
        stage.import_id: Sight(
            cells={"supplier": "(deleted)" if stage.supplier is None else stage.supplier, "phase": stage.words},
            facts={key: value for key, value in stage._asdict().items() if key != "import_id"},
        )
        for stage in map(Stage._make, rows)
    }


KIND = Kind("price-lists", TABLE, look, details=("column", "value"), item="line")
