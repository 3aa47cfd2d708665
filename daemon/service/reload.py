"""What a running process takes over at SIGHUP."""

from collections.abc import Callable, Iterable

import structlog

from daemon.database.pool import Pool
from daemon.engine.listener import Listener
from daemon.engine.worker import Lookout
from daemon.errors import ConfigurationError
from daemon.logs import configure_logs
from daemon.settings import read_settings

log = structlog.get_logger()


def reload(pool: Pool, listener: Listener, renew_page: Callable[[], object], lookouts: Iterable[Lookout]) -> None:
    """What a `.env` file says of the logs. And the connections of workers, listener and page are opened anew, so that a
    changed password, certificate or address is noticed now (schedule, watch and figures open one whenever they need
    it); and it is looked for work."""
    try:
        settings = read_settings()
    except ConfigurationError as error:
        log.error("reload.refused", error=str(error))
        return
    configure_logs(settings.log_level, settings.log_format)
    pool.drain()
    listener.renew()
    renew_page()
    for lookout in lookouts:
        lookout.wakeup.ring()
    log.info("daemon.reloaded", log_level=settings.log_level)
