"""Load a catalogue from a CSV file, plain or gzipped (.gz), into the stand-in shop: all of it, or nothing.

The columns are sku, name, manufacturer, part_number, description, attributes (JSON), category_code, category_label
and category_path; only sku must be there, and others may be. Products that are known by their sku are updated.
"""

import argparse

from daemon.commands.files import is_file

HELP = "load a catalogue from a CSV file into the stand-in shop"
EXAMPLE = "catalogd import catalogue.csv.gz --hold-out split=dev"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    is_file(parser.add_argument("file", metavar="FILE", help="a .csv or .csv.gz file in UTF-8, with a header"))
    parser.add_argument(
        "--hold-out",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="load the rows with this value without their category; may be given several times",
    )


def act(options: argparse.Namespace) -> int:
    import sys
    from pathlib import Path
    from time import monotonic

    from daemon.errors import SchemaMismatch, UsageError
    from daemon.sessions import name_instance, session_of
    from daemon.settings import read_settings
    from daemon.stand_in.catalogue_file import CatalogueFile, FileRefused, HoldOut
    from daemon.stand_in.importing import NoStandIn, RefusedRow, RepeatedSku, import_rows

    began = monotonic()
    try:
        file = CatalogueFile(Path(options.file), [HoldOut.parse(text) for text in options.hold_out])
    except (FileRefused, ValueError) as error:
        raise UsageError(str(error)) from error
    with session_of(read_settings(), name_instance()).connect("import") as conn:
        try:
            imported = import_rows(conn, file.rows(), file.columns)
        except NoStandIn as error:
            raise SchemaMismatch(f"{error}; run: catalogd migrate --with-stand-in") from error
        except RefusedRow as error:
            raise UsageError(str(FileRefused(file.path, file.line_of(error.row), str(error)))) from error
        except RepeatedSku as error:
            raise UsageError(str(FileRefused(file.path, error.line, str(error)))) from error
        except FileRefused as error:
            raise UsageError(str(error)) from error
    sys.stdout.write(
        f"imported {imported.products:,} products in {imported.categories:,} categories,"
        f" {imported.held_out:,} held out, in {monotonic() - began:.1f} s\n"
    )
    return 0
