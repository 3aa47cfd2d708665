"""The page beside the daemon's work: it may be missing, and never stands in the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import structlog

from daemon.database.pool import Session
from daemon.web.settings import read_access

log = structlog.get_logger()

LIBRARIES = ("jinja2", "starlette", "uvicorn")
REMEDY = "pip install 'catalogd[web]'"


def is_installed() -> bool:
    return all(find_spec(library) is not None for library in LIBRARIES)


@contextmanager
def page_beside(session: Session, instance: str) -> Iterator[Callable[[], None]]:
    """What starts the page, if one is wanted; it is stopped at the end. Raises ConfigurationError, and nothing else."""
    access = read_access()
    if access is None:
        yield lambda: None
        return
    if not is_installed():
        yield lambda: log.warning(
            "web.unavailable", address=str(access.address), error=f"libraries are missing: {REMEDY}"
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
        yield start
    finally:
        server.stop()
