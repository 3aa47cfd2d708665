"""Import a supplier's price list: a file of this machine, or an address on the web.

It is done by the daemon, as when PHP inserts a row into supplier_imports; the command makes the supplier if there is
none of that name, follows the import and tells how it came out. A file is laid into the folder that the daemon takes
lists from: both must have the same CATALOGD_PRICE_LIST_FOLDER.
"""

import argparse
from typing import TYPE_CHECKING

from daemon.commands.files import is_file

if TYPE_CHECKING:
    from psycopg import Connection

    from daemon.workloads.price_lists.ordering import NewImport

HELP = "import a supplier's price list"
EXAMPLE = "catalogd import-prices bolts.csv --supplier 'Bolt & Co' --currency EUR"
ROLE = "catalogd_runtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    is_file(
        parser.add_argument(
            "source", type=text, metavar="FILE_OR_URL", help="a .csv, .xlsx or .xls file, or an address"
        )
    )
    parser.add_argument("--supplier", type=text, required=True, metavar="NAME", help="made if there is none")
    parser.add_argument("--currency", type=text, metavar="CODE", help="of a list that names none, such as EUR")
    parser.add_argument(
        "--mapping", type=text, metavar="JSON", help='which column is what, such as {"name": "Item", "price": "E"}'
    )
    parser.add_argument(
        "--option",
        type=text,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="how the list is to be read (docs/price-lists.md); repeatable",
    )
    parser.add_argument("--no-wait", action="store_true", help="order the import and leave it to the daemon")
    parser.add_argument("--json", action="store_true", help="a JSON object instead of lines")


def text(argument: str) -> str:
    """For argparse: what Postgres can hold, and is not empty."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("a text in UTF-8 is wanted") from None
    if not argument.strip():
        raise argparse.ArgumentTypeError("a text is wanted")
    return argument.strip()


def act(options: argparse.Namespace) -> int:
    import json
    import sys

    from daemon.commands.connection import connected
    from daemon.terminal.imports import follow, shown
    from daemon.workloads.price_lists.ordering import order_import

    order = _order(options)
    with connected("import-prices") as conn:
        import_id = order_import(conn, order)
        if options.no_wait:
            told = json.dumps({"id": import_id, "status": "pending"}) if options.json else _ordered(import_id)
            sys.stdout.write(f"{told}\n")
            return 0
        try:
            with shown(import_id, is_silent=options.json) as show:
                follow(conn, import_id, show)
        except KeyboardInterrupt:
            sys.stderr.write(f"the daemon goes on; {_ordered(import_id)}\n")
            raise
        _tell(conn, import_id, is_json=options.json)
    return 0


def _order(options: argparse.Namespace) -> "NewImport":
    """Raises UsageError for what would be refused later."""
    from daemon.commands.kinds import require_installed
    from daemon.errors import UsageError
    from daemon.workloads.price_lists.ordering import NewImport, guess_source_type, is_on_the_web
    from daemon.workloads.price_lists.reading.options import ColumnMapping, Options, unknown_options
    from daemon.workloads.price_lists.reading.refusal import ListUnreadable

    chosen = dict(_option(pair) for pair in options.option)
    if options.currency is not None:
        chosen["currency"] = options.currency
    mapping = None if options.mapping is None else _mapping(options.mapping)
    if unknown := unknown_options(chosen):
        raise UsageError(f"--option: {unknown[0]}")
    try:
        Options.parse(chosen)
        ColumnMapping.parse(mapping)
    except ListUnreadable as error:
        raise UsageError(str(error)) from error
    place = options.source
    if not is_on_the_web(place):
        require_installed("price-lists")
        place = _lay_in(place)
    return NewImport(options.supplier, guess_source_type(place), place, mapping, chosen or None)


def _option(pair: str) -> tuple[str, object]:
    from daemon.errors import UsageError

    key, sign, value = pair.partition("=")
    if not sign or not key.strip():
        raise UsageError(f"--option: {pair!r} is not KEY=VALUE; example: --option header_row=3")
    try:
        return key.strip(), _json(value)
    except ValueError:
        return key.strip(), value


def _mapping(given: str) -> dict[str, object]:
    from daemon.errors import UsageError

    try:
        mapping = _json(given)
    except ValueError:
        mapping = None
    if not isinstance(mapping, dict):
        raise UsageError("""--mapping: a JSON object is wanted; example: --mapping '{"name": "Item", "price": "E"}'""")
    return mapping


def _json(given: str) -> object:
    """Raises ValueError also for what is a number in Python alone: NaN."""
    import json

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    return json.loads(given, parse_constant=refuse)


def _lay_in(source: str) -> str:
    """Where the daemon finds the file. Raises UsageError when it cannot be had."""
    from pathlib import Path

    from daemon.errors import DaemonError, UsageError
    from daemon.workloads.price_lists.incoming import lay_in
    from daemon.workloads.price_lists.settings import read_price_list_settings

    settings = read_price_list_settings()
    file = Path(source)
    if not file.is_file():
        raise UsageError(f"{source} is no file; an address on the web begins with https://")
    if file.stat().st_size > settings.limits.size_bytes:
        raise UsageError(
            f"{source} is larger than the {settings.most_megabytes} MB that CATALOGD_PRICE_LIST_MEGABYTES allows"
        )
    try:
        file.open("rb").close()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error
    try:
        return str(lay_in(settings.incoming.absolute(), file))
    except OSError as error:
        raise DaemonError(
            f"the list cannot be laid into {settings.incoming}: {error.strerror}; see CATALOGD_PRICE_LIST_FOLDER"
        ) from error


def _ordered(import_id: int) -> str:
    return f"import {import_id} is ordered; see: catalogd status {import_id} --of price-lists"


def _tell(conn: "Connection", import_id: int, *, is_json: bool) -> None:
    """Raises DaemonError when it did not come to a good end."""
    import json
    import sys

    from daemon.errors import DaemonError
    from daemon.terminal.imports import as_json, describe
    from daemon.workloads.categorization.explanation import one_line
    from daemon.workloads.price_lists.result import count_errors, read_result

    result = read_result(conn, import_id)
    if result is None:
        raise DaemonError(f"import {import_id} was deleted")
    errors = count_errors(conn, import_id)
    if is_json:
        sys.stdout.write(json.dumps(as_json(result, errors)) + "\n")
    elif result.status == "completed":
        sys.stdout.writelines(f"{line}\n" for line in describe(result, errors))
    if result.status != "completed":
        reason = f": {one_line(result.error_message)}" if result.error_message else ""
        raise DaemonError(f"import {import_id} is {result.status}{reason}")
