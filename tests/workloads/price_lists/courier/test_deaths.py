"""Real processes are killed in the middle of a job, the daemon's and the service's: there is one job all the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.support import courier_daemon
from tests.support.ml_service import MlService, completed, says
from tests.support.process import Catalogd, Process
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # every server parses the statements in test_statements.py


@dataclass
class ServiceProcess:
    """The service as a process, always on the same port."""

    journal: Path
    port: int = 0
    popen: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.support.ml_service", str(self.port), str(self.journal)]
        self.popen = subprocess.Popen(command, text=True, stdout=subprocess.PIPE)
        assert self.popen.stdout is not None
        self.port = int(self.popen.stdout.readline())

    def kill(self) -> None:
        assert self.popen is not None
        assert self.popen.stdout is not None
        self.popen.kill()
        self.popen.wait(20)
        self.popen.stdout.close()

    def finish(self) -> None:
        """From now on all jobs are done."""
        self.journal.with_name(f"{self.journal.name}.done").touch()

    @property
    def jobs(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.journal.read_text().splitlines()] if self.journal.exists() else []


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    process = ServiceProcess(tmp_path / "journal")
    process.start()
    yield process
    process.kill()


def start(catalogd: Catalogd, service: ServiceProcess | MlService, tmp_path: Path) -> Process:
    return catalogd.start(
        program=courier_daemon.PROGRAM,
        ML_ANALYZE_URL=f"http://127.0.0.1:{service.port}",
        ML_POLL_INTERVAL_SECONDS="0.05",
        USE_ML_PROCESSING="on",
        CATALOGD_PRICE_LIST_FOLDER=str(tmp_path / "shelf"),
        CATALOGD_FROZEN_SECONDS="2",  # so that a lease is a second
    )


def order(db: psycopg.Connection, tmp_path: Path) -> int:
    """An import as PHP inserts it."""
    row = db.execute(
        "WITH supplier AS (INSERT INTO suppliers (name) VALUES ('Acme') RETURNING id)"
        " INSERT INTO supplier_imports (supplier_id, source_type, source_url)"
        " SELECT id, 'csv', %s FROM supplier RETURNING id",
        (str(tmp_path / "shelf" / "incoming" / "July.pdf"),),
    ).fetchone()
    assert row is not None
    import_id: int = row[0]
    return import_id


def place(db: psycopg.Connection, import_id: int) -> tuple[object, ...] | None:
    return db.execute("SELECT phase, phase_percent FROM supplier_imports WHERE id = %s", (import_id,)).fetchone()


def test_all_die_in_the_middle_of_a_job(
    db: psycopg.Connection, catalogd: Catalogd, service: ServiceProcess, tmp_path: Path
) -> None:
    first = start(catalogd, service, tmp_path)
    import_id = order(db, tmp_path)
    wait_until(lambda: place(db, import_id) == ("analyzing", 50))
    first.signal(signal.SIGKILL)
    first.wait()

    second = start(catalogd, service, tmp_path)
    service.kill()
    second.wait_for("preparation.put_off", batch_id=import_id)
    service.start()
    service.finish()
    second.wait_for("batch.completed", batch_id=import_id)
    assert second.stop() == 0
    assert len(service.jobs) == 1
    assert db.execute("SELECT file_name IS NOT NULL FROM supplier_imports").fetchone() == (True,)


def test_the_daemon_dies_between_the_order_and_its_answer(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path
) -> None:
    """The service has taken the job and is about to say so."""
    is_taken, is_dead = threading.Event(), threading.Event()

    def wait() -> None:
        is_taken.set()
        is_dead.wait(20)

    with MlService(says(completed()), on_order=wait) as service:
        first = start(catalogd, service, tmp_path)
        import_id = order(db, tmp_path)
        assert is_taken.wait(20)
        first.signal(signal.SIGKILL)
        first.wait()
        is_dead.set()
        assert db.execute("SELECT ml_job ->> 'id' FROM supplier_imports").fetchone() == (None,)
        second = start(catalogd, service, tmp_path)
        second.wait_for("batch.completed", batch_id=import_id)
        assert second.stop() == 0
        assert len(service.asked("POST")) == 2
        assert len(service.jobs) == 1
