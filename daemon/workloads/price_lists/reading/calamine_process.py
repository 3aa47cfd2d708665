"""The process that runs calamine, so that a file that breaks it, or makes it ask for all memory, breaks nothing else.

    python -m daemon.workloads.price_lists.reading.calamine_process FILE [SHEET MAX_COLUMNS]

Says one JSON value a line: without a sheet, of each sheet its name and whether it is shown; with one, the number of
its first line and how many there are, then its rows. A cell is a text, or a list with a number as text. Ends with 1
behind a word that says what is wrong.
"""

import json
import resource
import sys
from datetime import date, datetime, time

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from daemon.workloads.price_lists.reading.cell import as_text, number_cell, read_number

MEMORY = 2_000_000_000  # bytes of addresses
SECONDS = 300  # of processor time


def main(path: str, sheet: str | None = None, max_columns: str = "500") -> None:
    """See above."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        workbook = CalamineWorkbook.from_path(path)
        if sheet is None:
            _say_sheets(workbook)
        else:
            _say_rows(workbook, int(sheet), int(max_columns))
    except PasswordError:
        _give_up("encrypted")
    except CalamineError as error:
        _give_up("encrypted" if "assword" in str(error) or "ncrypt" in str(error) else "damaged")
    except MemoryError:
        _give_up("too_large")
    except BrokenPipeError:
        _give_up("")


def _say_sheets(workbook: CalamineWorkbook) -> None:
    for sheet in workbook.sheets_metadata:
        is_shown = sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
        print(json.dumps([sheet.name, is_shown]))  # noqa: T201  # it is what it is for


def _say_rows(workbook: CalamineWorkbook, place: int, max_columns: int) -> None:
    sheet = workbook.get_sheet_by_index(place)
    if sheet.total_width > max_columns:
        _give_up("too_many_columns")
    print(json.dumps([1, sheet.total_height]))  # noqa: T201
    for row in sheet.iter_rows():
        while row and row[-1] == "":
            row.pop()
        print(json.dumps([_cell(value) for value in row]))  # noqa: T201


def _cell(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        try:
            cell = number_cell(read_number(repr(value)))
        except ArithmeticError:
            return str(value)
        return cell if isinstance(cell, str) else [as_text(cell)]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _give_up(word: str) -> None:
    sys.stdout.write(word)
    sys.stdout.flush()
    sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
