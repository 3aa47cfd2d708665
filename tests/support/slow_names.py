"""The real command in a network without name servers: `python -m tests.support.slow_names run …`.

From when the daemon is ready on, who looks up a name waits for ever; who has a connection has it. SLOW_NAMES_OF is how
the names of some threads begin: then they alone wait.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any

import structlog

from daemon.cli import main
from daemon.engine.supervisor import Supervisor

log = structlog.get_logger()

PROGRAM = "tests.support.slow_names"


def take_the_name_servers_away() -> None:
    original = Supervisor._wait_for_end

    answer, of = socket.getaddrinfo, os.environ.get("SLOW_NAMES_OF", "")

    def look_up(*arguments: Any, **keywords: Any) -> Any:
        name = threading.current_thread().name
        if not name.startswith(of):
            return answer(*arguments, **keywords)
        log.warning("names.waiting", thread=name.partition("-")[0])
        return threading.Event().wait()

    def wait_for_end(supervisor: Supervisor) -> str:
        socket.getaddrinfo = look_up
        log.warning("names.away")
        return original(supervisor)

    Supervisor._wait_for_end = wait_for_end  # type: ignore[method-assign]


if __name__ == "__main__":
    take_the_name_servers_away()
    sys.exit(main())
