"""What all threads of this process stand on."""

import threading
from dataclasses import dataclass

from daemon.database.pool import Pool, Session
from daemon.engine.life import Life
from daemon.engine.supervisor import Inbox
from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class Ground:
    """Made once, handed to whoever builds a part."""

    settings: Settings
    instance: str
    session: Session
    pool: Pool
    life: Life
    inbox: Inbox  # what the supervisor is told
    stop: threading.Event  # no new work
    cancelled: threading.Event  # and none of what is in hand
