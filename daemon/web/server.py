"""Serves the page from a thread, until it is told to stop."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import structlog
import uvicorn

from daemon.database.failures import summary
from daemon.database.pool import Session
from daemon.web.app import build_app
from daemon.web.connection import Connection
from daemon.web.desk import Desk
from daemon.web.settings import Access

log = structlog.get_logger()

BACKLOG = 128
STOP_PATIENCE_S = 2  # for answers under way


class PageServer:
    """A thread named "web". It listens from `bind` on and answers from `start` on."""

    def __init__(
        self, access: Access, session: Session, instance: str, on_end: Callable[[], object] = lambda: None
    ) -> None:
        self._access = access
        self._session = access.session(session)
        self._instance = instance
        self._on_end = on_end
        self.place = ""
        self._socket: socket.socket | None = None
        self._stop = threading.Event()
        self._desk: Desk | None = None
        self._leave = asyncio.Event()  # set in the loop, where it is waited for
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="web")

    def bind(self) -> None:
        """Take the port; from then on `place` is the page's address. Raises OSError."""
        address = self._access.address
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
        self._socket = listening
        self.place = f"http://{address.name}:{listening.getsockname()[1]}/"

    def start(self) -> None:
        log.info("web.listening", address=self.place, can_act=self._access.token is not None)
        self._thread.start()

    def renew(self) -> None:
        """Have its connections opened anew, as far as it has any; from any thread."""
        if self._desk is not None:
            self._desk.renew()

    def stop(self) -> None:
        """Return when the thread has ended, and nothing is left."""
        self._stop.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._leave.set)
        if self._thread.ident is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        try:
            with Desk(self._session) as desk:
                self._desk = desk
                asyncio.run(self._serve(desk))
        except Exception as error:  # noqa: BLE001  # the thread's outermost frame: the daemon goes on without a page
            log.warning("web.unavailable", address=self.place, error=summary(error))
        finally:
            if self._socket is not None:
                self._socket.close()  # rather a refusal than a silence
            self._on_end()

    async def _serve(self, desk: Desk) -> None:
        app, live = build_app(self._access, desk, self._instance)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="none",
                http=Connection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=STOP_PATIENCE_S,
            )
        )
        assert self._socket is not None  # noqa: S101  # bind goes before start
        self._loop = asyncio.get_running_loop()
        if self._stop.is_set():
            return
        serving = self._loop.create_task(server.serve(sockets=[self._socket]))
        leaving = self._loop.create_task(self._leave.wait())
        await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        live.close()
        server.should_exit = True
        await serving
