"""The page beside the daemon's work: it may be missing, and never stands in the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import structlog

from daemon.database.pool import Session
from daemon.web.settings import read_access

log = structlog.get_logger()

LIBRARIES = ("jinja2", "starlette", "uvicorn")
REMEDY = "pip install 'catalogd[web]'"


@dataclass(frozen=True, slots=True)
class Page:
    """What the daemon does with it: nothing, where none is wanted."""

    start: Callable[[], object] = lambda: None
    renew: Callable[[], object] = lambda: None  # its connections


def is_installed() -> bool:
    return all(find_spec(library) is not None for library in LIBRARIES)


@contextmanager
def page_beside(session: Session, instance: str) -> Iterator[Page]:
    """It is stopped at the end, if it was started. Raises ConfigurationError, and nothing else."""
    access = read_access()
    if access is None:
        yield Page()
        return
    if not is_installed():
        yield Page(
            lambda: log.warning(
                "web.unavailable", address=str(access.address), error=f"libraries are missing: {REMEDY}"
            )
        )
        return
    from daemon.web.server import PageServer

    server = PageServer(access, session, instance)

    def start() -> None:
        try:
            server.bind()
        except OSError as error:
            log.warning("web.unavailable", address=str(access.address), error=error.strerror or str(error))
            return
        server.start()

    try:
        yield Page(start, server.renew)
    finally:
        server.stop()
