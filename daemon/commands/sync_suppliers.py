"""Bring the suppliers in line with their sheet (CATALOGD_SUPPLIERS_SHEET) now, and order an import for each active one.

The daemon does the same by itself every SYNC_INTERVAL_HOURS. A sheet that has lost most suppliers changes nothing.
"""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.workloads.price_lists.suppliers.sync import Synced

HELP = "bring the suppliers in line with their sheet"
EXAMPLE = "CATALOGD_SUPPLIERS_SHEET=/srv/suppliers.xlsx catalogd sync-suppliers"
ROLE = "catalogd_runtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="although the sheet has lost most of its suppliers")
    parser.add_argument("--json", action="store_true", help="JSON for scripts")


def act(options: argparse.Namespace) -> int:
    import json
    import sys
    import tempfile
    import threading
    from dataclasses import asdict
    from pathlib import Path

    from daemon.commands.connection import connected
    from daemon.engine.workload import DutyFailed, Means
    from daemon.errors import ConfigurationError, DaemonError
    from daemon.workloads.price_lists.fetching.shelf import Shelf
    from daemon.workloads.price_lists.settings import read_price_list_settings
    from daemon.workloads.price_lists.suppliers.sync import sync

    settings = read_price_list_settings()
    with connected("sync-suppliers"):
        pass  # before anything is fetched: the database is there, and of this version
    if not settings.suppliers_sheet:
        raise ConfigurationError(f"no sheet is named: set CATALOGD_SUPPLIERS_SHEET; example: {EXAMPLE}")
    means = Means(lambda: connected("sync-suppliers"), threading.Event())
    with tempfile.TemporaryDirectory(prefix="catalogd-") as folder:
        try:
            synced = sync(
                means, settings.suppliers_sheet, Shelf(Path(folder)), settings.limits, is_forced=options.force
            )
        except DutyFailed as failure:
            raise DaemonError(str(failure)) from failure
    if options.json:
        sys.stdout.write(json.dumps(asdict(synced)) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _describe(synced))
    return 0


def _describe(synced: "Synced") -> Iterator[str]:
    """Lines for people."""
    from daemon.workloads.categorization.explanation import one_line

    told = f"{synced.suppliers:,} suppliers on the sheet: {synced.new:,} new, {synced.changed:,} changed"
    yield f"{told}; {synced.imports:,} imports ordered"
    if synced.set_inactive:
        yield f"not on the sheet any more, and set inactive: {', '.join(map(one_line, synced.set_inactive))}"
    for row in synced.bad:
        name = f" ({one_line(row.name)})" if row.name else ""
        yield f"line {row.line}{name} could not be used: {one_line(row.reason)}"
