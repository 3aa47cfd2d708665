"""The thread that lets the daemon be watched over HTTP: takes the port, answers, and lets go of it at the end."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from daemon.database.failures import summary
from daemon.monitoring.health import Health
from daemon.monitoring.server import Page, Server, text_page
from daemon.monitoring.survey import Survey

if TYPE_CHECKING:
    from daemon.monitoring.exposition import Exposition

log = structlog.get_logger()

CLOSE_PATIENCE_S = 3.0
TRY_AGAIN_S = 15.0  # a port that is taken: the instance that has it may be about to stop
HINT = "give each instance of a host a port of its own: CATALOGD_METRICS=127.0.0.1:9465, or off"


class Monitor:
    """Serves figures and health at an address. The work does not depend on it: whatever happens here, it goes on.

    `build` makes the exposition; it is called in the thread, for what it imports takes a while.
    """

    def __init__(
        self, address: tuple[str, int], build: Callable[[], "Exposition"], health: Health, survey: Survey
    ) -> None:
        self._address = address
        self._build = build
        self._health = health
        self._survey = survey
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._exposition: Exposition | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """At once; the port is taken a moment later."""
        self._thread = threading.Thread(target=self._frame, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns when its threads have ended, or soon: one may be looking up the database's name, which cannot be
        broken off. It holds nothing, and the interpreter does not wait for it. May be called without a start."""
        with self._lock:
            self._stop.set()
            server, self._server = self._server, None
            if server is not None:
                server.stop()
        self._survey.interrupt()
        if self._thread is not None:
            self._thread.join(CLOSE_PATIENCE_S)

    def _frame(self) -> None:
        try:
            self._run()
        except Exception as error:  # a thread's outermost frame; nobody's work depends on it
            log.error("metrics.failed", error_type=type(error).__name__, error=summary(error), exc_info=error)

    def _run(self) -> None:
        self._exposition = self._build()
        server = self._take_port()
        if server is None:
            return
        host, _ = self._address
        log.info("metrics.listening", address=host, port=server.port)
        server.serve()

    def _take_port(self) -> Server | None:
        """None when stopped before the port was free."""
        is_told = False
        host, port = self._address
        while not self._stop.is_set():
            try:
                server = Server(host, port, self.answer)
            except OSError as error:
                if not is_told:
                    log.warning(
                        "metrics.unavailable", address=host, port=port, error=error.strerror or str(error), hint=HINT
                    )
                is_told = True
                self._stop.wait(TRY_AGAIN_S)
                continue
            with self._lock:
                if self._stop.is_set():
                    server.stop()
                else:
                    self._server = server
            return server
        return None

    def answer(self, path: str, accept: str) -> Page | None:
        """The page at a path."""
        match path:
            case "/metrics" if self._exposition is not None:
                return Page(HTTPStatus.OK, *self._exposition.write(accept))
            case "/healthz":
                return _verdict(self._health.not_alive(), "alive")
            case "/readyz":
                return _verdict(self._health.not_ready(), "ready")
        return None


def _verdict(trouble: str | None, otherwise: str) -> Page:
    if trouble is not None:
        return text_page(HTTPStatus.SERVICE_UNAVAILABLE, trouble)
    return text_page(HTTPStatus.OK, otherwise)
