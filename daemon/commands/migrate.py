"""Bring the database's schema up to date. Safe to run several times at once, and again after it was killed.

Tables that the PHP application already made are adopted: what is missing is added, a wrong shape is refused.
"""

import argparse

HELP = "create or update catalogd's tables"
EXAMPLE = "catalogd migrate"
ROLE = "catalogd_owner"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--with-stand-in", action="store_true", help="first make a stand-in shop: users, categories, products"
    )
    parser.add_argument(
        "--back-to",
        metavar="VERSION",
        help="undo what was added since that release, so that it can start; stop the newer daemons first",
    )


def act(options: argparse.Namespace) -> int:
    import sys

    from daemon.database.schema import MigrationRefused, inspect, migrate, thing_of
    from daemon.errors import ConfigurationError
    from daemon.sessions import name_instance, session_of
    from daemon.settings import read_settings
    from daemon.stand_in.schema import create_stand_in

    if options.back_to is not None:
        return _go_back(options.back_to)
    settings = read_settings()
    session = session_of(settings, name_instance())
    if options.with_stand_in:
        with session.connect("migrate") as conn:
            create_stand_in(conn)
    with session.connect("migrate") as conn:
        before = inspect(conn)
    try:
        applied = migrate(session, rings=settings.rings)
    except MigrationRefused as error:
        raise ConfigurationError(str(error)) from error
    if not settings.rings:
        sys.stdout.write("inserting a batch rings no bell: start every catalogd run anew, with CATALOGD_NOTIFY=off\n")
    new = [name for name in applied if name in before.missing]
    if new or not applied:
        sys.stdout.write(f"applied {', '.join(new)}\n" if new else "the schema is up to date\n")
    if before.edited and applied:
        more = f" and {len(before.edited) - 1} more" if before.edited[1:] else ""
        sys.stdout.write(f"repaired what was changed: {thing_of(before.edited[0])}{more}\n")
    return 0


def _go_back(release: str) -> int:
    import sys

    from daemon.database.schema import LAST_OF, MigrationRefused, go_back
    from daemon.errors import ConfigurationError, UsageError
    from daemon.sessions import name_instance, session_of
    from daemon.settings import read_settings

    if release not in LAST_OF:
        raise UsageError(f"--back-to: {release} is no earlier release; these are: {', '.join(LAST_OF)}")
    try:
        undone = go_back(session_of(read_settings(), name_instance()), release)
    except MigrationRefused as error:
        raise ConfigurationError(str(error)) from error
    sys.stdout.write(f"undone {', '.join(undone)}\n" if undone else f"nothing was added since {release}\n")
    return 0
