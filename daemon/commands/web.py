"""Show a page to look at: batches live, items in error, predictions with their evidence, models.

Whoever reaches it may read; with CATALOGD_WEB_TOKEN_FILE people can log in, and then retry, cancel, approve and reject.
"""

import argparse

HELP = "a page to look at, in a browser"
EXAMPLE = "catalogd web --listen 127.0.0.1:8464"
USUAL = "127.0.0.1:8464"
ENDED = 0  # by itself; any other number is a signal's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", metavar="HOST:PORT", help=f"where (default: CATALOGD_WEB, or {USUAL})")


def act(options: argparse.Namespace) -> int:
    import os
    import queue

    from daemon.database.schema import inspect
    from daemon.errors import DaemonError
    from daemon.logs import configure_logs
    from daemon.sessions import name_instance, require_current_schema, session_of
    from daemon.settings import read_settings
    from daemon.signals import Interrupted, signals_interrupt, signals_told_to
    from daemon.systemd import Notifier
    from daemon.web.beside import REMEDY, is_installed
    from daemon.web.settings import read_access

    access = read_access(options.listen) if options.listen else read_access() or read_access(USUAL)
    assert access is not None  # noqa: S101  # an address is given
    if not is_installed():
        raise DaemonError(f"libraries are missing here: {REMEDY}")
    inbox: queue.SimpleQueue[int] = queue.SimpleQueue()
    signals_interrupt()
    try:
        settings, instance = read_settings(), name_instance()
        configure_logs(settings.log_level, settings.log_format)
        session = session_of(settings, instance)
        with access.session(session).connect("web") as conn:
            require_current_schema(inspect(conn))
        from daemon.web.server import PageServer

        server, notifier = (
            PageServer(access, session, instance, lambda: inbox.put(ENDED)),
            Notifier.from_environment(os.environ),
        )
        try:
            server.bind()
        except OSError as error:
            raise DaemonError(f"{access.address} cannot be listened on: {error.strerror or error}") from None
    except Interrupted:
        return 0
    with signals_told_to(inbox.put):
        server.start()
        notifier.ready(f"a page at {server.place}")
        reason = inbox.get()
        notifier.stopping()
        server.stop()
    return 1 if reason == ENDED else 0
