"""Keeps this process's surroundings out of the demo, and the demo out of its surroundings."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def secluded() -> Iterator[None]:
    """Within, libpq sees no PG* variable, which it would apply to the private server, and psycopg does not warn of the
    connection that an interrupt cuts off. Afterwards both are as before."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    logger = logging.getLogger("psycopg")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        os.environ.update(hidden)
