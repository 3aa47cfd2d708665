"""PHP's inserts, by pgbench: one statement, one commit each."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from statistics import median, quantiles

BATCH = """\\set id random(1, {last})
INSERT INTO categorization_batches (product_ids)
SELECT to_jsonb(ARRAY[id, id + 1, id + 2]) FROM (SELECT (:id + 7 * i) % {last} + 1 AS id
FROM generate_series(1, :rows) AS i) AS chosen;
"""


class Inserts:
    """Batches of three products out of the first `products`, inserted for so many seconds at a time."""

    def __init__(self, program: str, dsn: str, directory: Path, products: int) -> None:
        self._program = program
        self._dsn = dsn
        self._directory = directory
        self._script = directory / "insert.sql"
        self._script.write_text(BATCH.replace("{last}", str(products - 3)))

    def run(self, clients: int, seconds: float, rows: int = 1, rate: int | None = None) -> list[float]:
        """The latency of each insert in milliseconds. `rate` is that of statements, each of `rows`."""
        with tempfile.TemporaryDirectory(dir=self._directory) as logs:
            subprocess.run(
                [
                    *(self._program, "--no-vacuum", f"--file={self._script}", f"--time={seconds:.0f}"),
                    *(f"--client={clients}", "--jobs=2", "--log", f"--log-prefix={logs}/log", "--protocol=prepared"),
                    f"--define=rows={rows}",
                    *([] if rate is None else [f"--rate={rate}"]),
                    self._dsn,
                ],
                check=True,
                capture_output=True,
            )
            lines = [line for file in Path(logs).iterdir() for line in file.read_text().splitlines()]
        return [int(line.split()[2]) / 1000 for line in lines]


def describe(latencies_ms: list[float], seconds: float) -> str:
    rate = len(latencies_ms) / seconds
    return f"median {median(latencies_ms):.2f} ms, p99 {quantiles(latencies_ms, n=100)[98]:.2f} ms, {rate:,.0f}/s"
