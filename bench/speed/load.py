"""What a run costs beside its time: WAL, processor time of the server and of a daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from bench.processes import cpu_s
from bench.shop import Shop


class Load:
    """Measured from the beginning of the block to its end. Processor time is in ticks of 10 ms."""

    def __init__(self, shop: Shop, pids: tuple[int, ...] = ()) -> None:
        self._shop = shop
        self._pids = pids
        row = shop.db.execute("SHOW data_directory").fetchone()
        assert row is not None
        self._postmaster = int(Path(row[0], "postmaster.pid").read_text(encoding="ascii").split()[0])

    def __enter__(self) -> Self:
        self._before = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        server, clients, wal = self._now()
        server_before, clients_before, wal_before = self._before
        # A process of the server that has ended took its time with it.
        self._server_s = sum(spent - server_before.get(pid, 0.0) for pid, spent in server.items())
        self._clients_s = clients - clients_before
        self._wal = wal - wal_before

    def per(self, items: int) -> dict[str, float]:
        """For each of so many items."""
        found = {"wal_bytes": self._wal / items, "server_us": self._server_s / items * 1e6}
        return found | ({"client_us": self._clients_s / items * 1e6} if self._pids else {})

    def _now(self) -> tuple[dict[int, float], float, float]:
        row = self._shop.db.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8").fetchone()
        assert row is not None
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text(encoding="ascii")
        return {pid: cpu_s(pid) for pid in map(int, children.split())}, sum(map(cpu_s, self._pids)), row[0]
