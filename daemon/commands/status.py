"""Show the open batches, the last ones that ended, the instances at work and the periodic duties; or one batch.

A running batch's rate, and what is left of it, are averages since it started; with --watch, of the last seconds.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from daemon.commands.kinds import add_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.workloads.kind import Kind

HELP = "what is open, how far it is, how fast, and who does it"
EXAMPLE = "catalogd status --watch; catalogd status 42 --of price-lists --json"
ROLE = "catalogd_operator"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, nargs="?", metavar="ID", help="one batch")
    add_kind(parser, default=None)
    parser.add_argument("--watch", action="store_true", help="look again every second, until Ctrl-C")
    parser.add_argument(
        "--json",
        action="store_true",
        help="a JSON object, or an array of them without an ID; with --watch an object a line, with all that is seen",
    )


def act(options: argparse.Namespace) -> int:
    import json
    import sys
    from threading import Event
    from time import monotonic

    from daemon.batches.attendance import ANOTHER_LOOK_S, Attendance
    from daemon.commands.connection import connected
    from daemon.commands.kinds import kind_of, kinds_of
    from daemon.errors import UsageError
    from daemon.terminal.batches import find_elsewhere
    from daemon.terminal.board import print_picture
    from daemon.terminal.console import open_console
    from daemon.terminal.naming import call
    from daemon.terminal.picture import read_picture
    from daemon.terminal.words import for_json

    kinds = kinds_of(options) if options.id is None else [kind_of(options)]
    attendance = Attendance()
    with connected("status") as conn:
        picture = read_picture(conn, kinds, options.id).attended(attendance, monotonic())
        if picture.deserves_another_look and not options.watch:
            Event().wait(ANOTHER_LOOK_S)
            picture = read_picture(conn, kinds, options.id).attended(attendance, monotonic())
        if options.id is not None and not picture.listed:
            elsewhere = find_elsewhere(conn, kinds[0], options.id, "status")
            raise UsageError(f"there is no {call(kinds[0], options.id)}{elsewhere}")
    if options.watch:
        return _watch(options, kinds)
    if options.json:
        rows = [picture.batch_as_json(each) for each in picture.listed]
        sys.stdout.write(json.dumps(rows if options.id is None else rows[0], default=for_json) + "\n")
    else:
        print_picture(open_console(), picture, of_one=options.id is not None)
    return 0


def _watch(options: argparse.Namespace, kinds: Sequence[Kind]) -> int:
    from threading import Event

    from daemon.commands.connection import connect
    from daemon.commands.trouble import explain
    from daemon.signals import Interrupted, signals_interrupt
    from daemon.terminal.console import open_console
    from daemon.terminal.lifeline import Lifeline
    from daemon.terminal.live import Looker, show_json, shown_live, watch
    from daemon.terminal.naming import call

    signals_interrupt()  # SIGTERM, too, leaves the terminal as it was
    lifeline = Lifeline(lambda: connect("status"))
    looker = Looker(lifeline, kinds, options.id)
    title = "catalogd status" if options.id is None else call(kinds[0], options.id)
    try:
        if options.json:
            watch(looker, show_json, explain, Event())
        else:
            with shown_live(open_console(), title, of_one=options.id is not None) as show:
                watch(looker, show, explain, Event())
    except Interrupted:
        return 130
    finally:
        lifeline.close()
    return 0
