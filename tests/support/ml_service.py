"""Plays the external service that reads lists, well or badly, on a real socket; also as a process of its own.

    python -m tests.support.ml_service PORT JOURNAL

There every job goes on until the file JOURNAL.done is there. What it was ordered stands in the journal, a line for each
job, and outlives the process; a service started with another journal has forgotten all.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

RESULT = b"sku,name,price,currency\nD-1,Drill 500 W,49.90,EUR\nS-2,Saw,12.00,EUR\n"


@dataclass(frozen=True)
class Job:
    id: str
    key: str
    wanted: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What is answered: JSON, or the bytes as they are. `behaviour` does something else altogether."""

    body: object = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    behaviour: Callable[[BaseHTTPRequestHandler], None] | None = None


def stall(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing until the other side goes."""
    with contextlib.suppress(OSError):
        while handler.connection.recv(65_536):
            pass


def drop(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without an answer."""
    with contextlib.suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def working(phase: str = "analyzing", percent: object = 50) -> Reply:
    return Reply({"status": "processing", "phase": phase, "percent": percent})


def completed(result_url: object = "results/{id}.csv") -> Reply:
    return Reply({"status": "completed", "percent": 100, "result_url": result_url})


Play = Callable[["MlService", Job, int], Reply]


def says(*replies: Reply) -> Play:
    """These, one for each poll of a job; the last for good."""
    return lambda _service, _job, poll: replies[min(poll, len(replies)) - 1]


@dataclass
class MlService:
    """Listens on loopback. `orders` are answered instead of taking the job, one each; a None among them takes it."""

    play: Play = field(default_factory=lambda: says(working(), completed()))
    orders: list[Reply | None] = field(default_factory=list)
    result: Reply = field(default_factory=lambda: Reply(RESULT, headers=(("Content-Type", "text/csv"),)))
    is_idempotent: bool = True
    next_ids: list[object] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    journal: Path | None = None
    port: int = 0
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  # method, path, headers
    polls: dict[str, int] = field(default_factory=dict)
    on_order: Callable[[], Reply | None] = lambda: None  # once the job is taken; perhaps what is answered instead

    def __enter__(self) -> MlService:
        if self.journal is not None and self.journal.exists():
            self.jobs = [Job(**json.loads(line)) for line in self.journal.read_text().splitlines()]
        service = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 30.0

            def do_POST(self) -> None:
                service._answer(self, service._order)

            def do_GET(self) -> None:
                service._answer(self, service._get)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = False

            def handle_error(self, *_: object) -> None:
                """Whoever asked has gone."""

        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02], name="ml-service")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, method: str) -> list[str]:
        """The paths that were asked for."""
        return [path for each, path, _ in self.requests if each == method]

    def forget(self) -> None:
        """As if it had been started anew without its jobs."""
        self.jobs.clear()

    def _answer(self, handler: BaseHTTPRequestHandler, act: Callable[[BaseHTTPRequestHandler], Reply]) -> None:
        self.requests.append((handler.command, handler.path, dict(handler.headers.items())))
        reply = act(handler)
        if reply.behaviour is not None:
            reply.behaviour(handler)
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in reply.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _order(self, handler: BaseHTTPRequestHandler) -> Reply:
        wanted = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        if handler.path != "/analyze/file":
            return Reply({"detail": "Not Found"}, 404)
        if self.orders and (reply := self.orders.pop(0)) is not None:
            return reply
        key = handler.headers.get("Idempotency-Key", "")
        with self._lock:
            for job in self.jobs if self.is_idempotent else ():
                if job.key == key:
                    return Reply({"job_id": job.id, "status": "queued"}, 200)
            job_id = self.next_ids.pop(0) if self.next_ids else f"job-{len(self.jobs) + 1}"
            job = Job(str(job_id), key, wanted)
            self.jobs.append(job)
            if self.journal is not None:
                with self.journal.open("a") as file:
                    file.write(json.dumps(job.__dict__) + "\n")
        if (reply := self.on_order()) is not None:
            return reply
        return Reply({"job_id": job_id, "status": "queued"}, 202)

    def _get(self, handler: BaseHTTPRequestHandler) -> Reply:
        if handler.path.startswith("/results/"):
            return self.result
        job_id = unquote(handler.path.removeprefix("/analyze/status/"))
        job = next((job for job in self.jobs if job.id == job_id), None)
        if job is None or not handler.path.startswith("/analyze/status/"):
            return Reply({"detail": "Not Found"}, 404)
        self.polls[job.id] = self.polls.get(job.id, 0) + 1
        reply = self.play(self, job, self.polls[job.id])
        if isinstance(reply.body, dict) and isinstance(url := reply.body.get("result_url"), str):
            return Reply(
                {**reply.body, "result_url": url.replace("{id}", quote(job.id, safe=""))}, reply.status, reply.headers
            )
        return reply


def main(port: int, journal: Path) -> None:
    """Until SIGTERM, or worse."""
    done = journal.with_name(f"{journal.name}.done")

    def play(_service: MlService, _job: Job, _poll: int) -> Reply:
        return completed() if done.exists() else working()

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with MlService(play, journal=journal, port=port) as service:
        sys.stdout.write(f"{service.port}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
