"""Makes lines out of rows, a block at a time, column by column."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import repeat
from typing import TypeVar

from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.reading.barcode import read_barcode
from daemon.workloads.price_lists.reading.cell import Block, Cell, Cells, as_text
from daemon.workloads.price_lists.reading.currency import currency_of, find_currency
from daemon.workloads.price_lists.reading.headers import Columns, normalise
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.price import (
    NO_PRICE,
    BadPrice,
    DecimalSign,
    Price,
    is_ambiguous,
    read_number,
    read_price,
    vote,
)
from daemon.workloads.price_lists.reading.stock import read_availability, read_stock
from daemon.workloads.price_lists.reading.words import words

Key = TypeVar("Key")
Value = TypeVar("Value")

LONGEST_TEXT = 1000  # characters of a name, a manufacturer or a characteristic
LONGEST_CODE = 200  # characters of a SKU or a part number
_SHOWN = 200  # characters of a value that a message shows
_REMEMBERED = 20_000  # values of a column whose meaning is kept

_STEP = Decimal("0.0001")
SIGNS: tuple[DecimalSign, ...] = (".", ",")
GUESSED = frozenset(("delimiter", "default"))  # what decides on the decimal sign where the values do not
_ERRORS = words("spreadsheet_errors")
_TOTALS = words("totals")


class Memory(dict[Key, Value]):
    """What values of a column mean, looked up by `meaning` the first time; forgotten when it grows too large."""

    def __init__(self, meaning: Callable[[Key], Value]) -> None:
        self._meaning = meaning

    def __missing__(self, key: Key) -> Value:
        if len(self) >= _REMEMBERED:
            self.clear()
        value = self._meaning(key)
        self[key] = value
        return value

    def of(self, keys: Iterable[Key]) -> list[Value]:
        """In the order of the keys."""
        return [self[key] for key in keys]


class LineMaker:
    """Makes the lines of one table, whose columns are known. `told` counts what is worth telling."""

    def __init__(
        self,
        columns: Columns,
        width: int,
        options: Options,
        sample: Sequence[Cells],
        likely: DecimalSign | None,
        told: Counter[str],
    ) -> None:
        """`sample` are rows, to see what the decimal sign is; `likely` goes for a table that does not tell."""
        self._columns = columns
        self._width = width
        self._options = options
        self._told = told
        self._at = columns.fields
        self._others = columns.characteristics
        price = self._at.get("price")
        header = columns.header[price] if price is not None else ""
        self.currency = find_currency(header, options.currency) or options.currency
        self.decimal, self.decided_by = self._find_decimal(sample, likely)
        self._doubtful: str | None = None  # the first price that may mean something else
        self._prices: Memory[Cell, Price | BadPrice] = Memory(self._read_price)
        self._currencies: Memory[str, str | None] = Memory(lambda text: currency_of(text, self.currency))
        self._stocks: Memory[Cell, tuple[Decimal | None, bool | None]] = Memory(lambda c: read_stock(c, self.decimal))
        self._availability: Memory[str, bool | None] = Memory(read_availability)
        self._units: Memory[str, int] = Memory(self._read_unit)
        self._makers: Memory[str, str] = Memory(_in_one_line)

    @property
    def warnings(self) -> list[str]:
        """What a person should look at, once the lines are made."""
        if self._doubtful is None:
            return []
        meant = {sign: read_price(self._doubtful, sign, self.currency).amount for sign in SIGNS}
        return [
            f"prices such as {self._doubtful} may mean {meant[',']} or {meant['.']}: read as {meant[self.decimal]};"
            " the option decimal tells"
        ]

    def make(self, block: Block) -> list[Line | BadLine]:
        """The lines of a block in their order; rows that are blank, totals or repeated headers give none."""
        numbers, rows, bad = self._fit(block)
        if not rows:
            return list(bad)
        columns: list[Sequence[Cell]] = list(zip(*rows, strict=True))
        size = len(rows)
        wrong: dict[int, BadLine] = {}

        names = self._texts(columns, "name", numbers, wrong) or [""] * size
        skus = self._codes(columns, "sku", numbers, wrong)
        part_numbers = self._codes(columns, "part_number", numbers, wrong)
        manufacturers = self._of(columns, "manufacturer", self._makers) or [""] * size
        barcodes = self._read_barcodes(columns)
        prices, currencies = self._read_prices(columns, numbers, wrong)
        stocks, availables = self._read_stocks(columns)
        characteristics = self._read_characteristics(columns, size)
        self._refuse_overlong(manufacturers, "manufacturer", numbers, wrong)

        dropped: set[int] = set()
        if "" in names or wrong or (None in skus and None in part_numbers and None in barcodes):
            self._look_closely(rows, numbers, names, skus, part_numbers, manufacturers, barcodes, wrong, dropped)
        lines: list[Line | BadLine] = list(
            map(
                Line, numbers, names, skus, [text or None for text in manufacturers], part_numbers, barcodes,
                prices, currencies, stocks, availables, characteristics,
            )
        )  # fmt: skip
        for place, line in wrong.items():
            lines[place] = replace(line, sku=skus[place])
        if dropped:
            lines = [line for place, line in enumerate(lines) if place not in dropped]
        if "price" in self._at and None in prices:
            self._told["no_price"] += sum(isinstance(line, Line) and line.price is None for line in lines)
        if bad:
            lines = sorted([*lines, *bad], key=lambda line: line.number)
        return lines

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _fit(self, block: Block) -> tuple[Sequence[int], Sequence[Cells], Sequence[BadLine]]:
        """Rows of the same width. Cells that are missing are empty; one too many that holds something is an error."""
        width = self._width
        if {*map(len, block.rows)} <= {width}:
            return block.numbers, block.rows, block.bad
        numbers, rows, bad = [], [], list(block.bad)
        for number, cells in zip(block.numbers, block.rows, strict=True):
            surplus = [cell for cell in cells[width:] if not isinstance(cell, str) or cell.strip()]
            if surplus:
                reason = f"the line has {len(cells)} cells, but the list has {width} columns"
                shown = " | ".join(as_text(cell) for cell in cells)[:_SHOWN]
                bad.append(BadLine(number, "too_many_cells", reason, None, shown))
            elif cells:
                numbers.append(number)
                rows.append([*cells[:width], *[""] * (width - len(cells))])
        return numbers, rows, bad

    def _look_closely(
        self,
        rows: Sequence[Cells],
        numbers: Sequence[int],
        names: list[str],
        skus: Sequence[str | None],
        part_numbers: Sequence[str | None],
        manufacturers: Sequence[str],
        barcodes: Sequence[str | None],
        wrong: dict[int, BadLine],
        dropped: set[int],
    ) -> None:
        """Of rows that lack something, leave out what is no line, and name or refuse what has no name."""
        header = self._columns.header
        has_names = "name" in self._at
        for place, cells in enumerate(rows):
            name, sku, part_number = names[place], skus[place], part_numbers[place]
            if name and (sku or part_number or barcodes[place]) and place not in wrong:
                continue
            texts = [as_text(cell).strip() for cell in cells]
            filled = [text for text in texts if text]
            if not filled:
                self._drop("blank_lines", place, dropped, wrong)
            elif _is_total(filled[0]) and not part_number:
                self._drop("totals", place, dropped, wrong)
            elif len(filled) > 1 and all(
                not text or " ".join(text.split()) == header[column] for column, text in enumerate(texts)
            ):
                self._drop("repeated_headers", place, dropped, wrong)
            elif len(filled) == 1 and name and len(self._at) > 2:
                self._drop("headings", place, dropped, wrong)
            elif name:
                continue
            elif part_number:
                names[place] = f"{manufacturers[place]} {part_number}".strip()
            elif not has_names and (sku or barcodes[place]):
                names[place] = sku or barcodes[place] or ""
            elif place not in wrong:
                shown = " | ".join(filled)[:_SHOWN]
                reason = "the line has no name" + (" and no part number" if "part_number" in self._at else "")
                wrong[place] = BadLine(numbers[place], "no_name", reason, self._header("name"), shown)

    def _drop(self, what: str, place: int, dropped: set[int], wrong: dict[int, BadLine]) -> None:
        self._told[what] += 1
        dropped.add(place)
        wrong.pop(place, None)

    # -- columns ------------------------------------------------------------------------------------------------------

    def _of(self, columns: Sequence[Sequence[Cell]], field: str, memory: Memory[str, Value]) -> list[Value] | None:
        """What the texts of a field's column mean; None when the list has no such column."""
        place = self._at.get(field)
        return None if place is None else memory.of(_as_texts(columns[place]))

    def _texts(
        self, columns: Sequence[Sequence[Cell]], field: str, numbers: Sequence[int], wrong: dict[int, BadLine]
    ) -> list[str] | None:
        place = self._at.get(field)
        if place is None:
            return None
        texts = [*map(_in_one_line, _as_texts(columns[place]))]
        self._refuse_overlong(texts, field, numbers, wrong)
        return texts

    def _refuse_overlong(self, texts: list[str], field: str, numbers: Sequence[int], wrong: dict[int, BadLine]) -> None:
        """Or cut them, as the options say."""
        if max(map(len, texts)) <= LONGEST_TEXT:
            return
        for place, text in enumerate(texts):
            if len(text) <= LONGEST_TEXT:
                continue
            if self._options.overlong == "refuse":
                reason = f"{field} has {len(text)} characters, more than {LONGEST_TEXT}"
                wrong[place] = BadLine(numbers[place], "too_long", reason, self._header(field), text[:_SHOWN])
            self._told["cut_texts"] += 1
            texts[place] = text[:LONGEST_TEXT].rstrip()

    def _codes(
        self, columns: Sequence[Sequence[Cell]], field: str, numbers: Sequence[int], wrong: dict[int, BadLine]
    ) -> Sequence[str | None]:
        place = self._at.get(field)
        if place is None:
            return [None] * len(numbers)
        codes = [*map(str.strip, _as_texts(columns[place]))]
        if '="' in {code[:2] for code in codes}:
            codes = [*map(_unwrap, codes)]
        if max(map(len, codes)) > LONGEST_CODE:
            for row, code in enumerate(codes):
                if len(code) > LONGEST_CODE:
                    reason = f"{field} has {len(code)} characters, more than {LONGEST_CODE}"
                    wrong[row] = BadLine(numbers[row], "too_long", reason, self._header(field), code[:_SHOWN])
        return [code if code and code not in _ERRORS else None for code in codes]

    def _read_barcodes(self, columns: Sequence[Sequence[Cell]]) -> Sequence[str | None]:
        place = self._at.get("barcode")
        if place is None:
            return [None] * len(columns[0])
        texts = _as_texts(columns[place])
        barcodes = [read_barcode(text) if text else None for text in texts]
        if None in barcodes:
            self._told["barcodes_dropped"] += sum(
                1 for text, barcode in zip(texts, barcodes, strict=True) if barcode is None and text.strip()
            )
        return barcodes

    def _read_prices(
        self, columns: Sequence[Sequence[Cell]], numbers: Sequence[int], wrong: dict[int, BadLine]
    ) -> tuple[Sequence[Decimal | None], Sequence[str | None]]:
        place = self._at.get("price")
        size = len(numbers)
        if place is None:
            return [None] * size, [None] * size
        prices: list[Price] = []
        for row, price in enumerate(self._prices.of(columns[place])):
            if isinstance(price, BadPrice):
                value = as_text(columns[place][row])[:_SHOWN]
                wrong[row] = BadLine(numbers[row], "bad_price", str(price), self._header("price"), value)
                price = NO_PRICE
            prices.append(price)
        amounts = [price.amount for price in prices]
        units = self._of(columns, "price_unit", self._units) or [1] * size
        if {*units} != {1} or any(price.unit != 1 for price in prices):
            amounts = [_for_one(price, unit) for price, unit in zip(prices, units, strict=True)]
        named = self._of(columns, "currency", self._currencies) or [None] * size
        return amounts, [
            (price.currency or currency or self.currency) if price.amount is not None else None
            for price, currency in zip(prices, named, strict=True)
        ]

    def _read_price(self, cell: Cell) -> Price | BadPrice:
        try:
            price = read_price(cell.strip() if isinstance(cell, str) else cell, self.decimal, self.currency)
        except BadPrice as error:
            return error
        if self._doubtful is None and self.decided_by in GUESSED and isinstance(cell, str) and is_ambiguous(cell):
            self._doubtful = cell.strip()
        return NO_PRICE if price.amount == 0 and self._options.zero_price == "none" else price

    def _read_unit(self, text: str) -> int:
        number = read_number(text, self.decimal)
        return int(number) if number is not None and 1 <= number <= 1_000_000 else 1

    def _read_stocks(self, columns: Sequence[Sequence[Cell]]) -> tuple[Sequence[Decimal | None], Sequence[bool | None]]:
        size = len(columns[0])
        said = self._of(columns, "availability", self._availability)
        place = self._at.get("stock")
        if place is None:
            return [None] * size, said or [None] * size
        stocks = self._stocks.of(columns[place])
        pieces = [stock[0] for stock in stocks]
        if said is None:
            return pieces, [stock[1] for stock in stocks]
        return pieces, [word if word is not None else stock[1] for word, stock in zip(said, stocks, strict=True)]

    def _read_characteristics(self, columns: Sequence[Sequence[Cell]], size: int) -> Iterable[Mapping[str, str]]:
        """Of each row the further columns that are not empty."""
        if not self._others:
            return ({} for _ in repeat(None, size))
        headers = tuple(self._others)
        texts = [[*map(str.strip, _as_texts(columns[place]))] for place in self._others.values()]
        for column in texts:
            if max(map(len, column)) > LONGEST_TEXT:
                self._told["cut_texts"] += sum(len(text) > LONGEST_TEXT for text in column)
                column[:] = [text[:LONGEST_TEXT] for text in column]
        return [
            {header: text for header, text in zip(headers, row, strict=True) if text}
            for row in zip(*texts, strict=True)
        ]

    def _find_decimal(self, sample: Sequence[Cells], likely: DecimalSign | None) -> tuple[DecimalSign, str]:
        """The decimal sign, and what it was decided by."""
        if self._options.decimal is not None:
            return self._options.decimal, "options"
        for field in ("price", "stock"):
            place = self._at.get(field)
            if place is not None:
                votes = vote(cells[place] for cells in sample if place < len(cells))
                if votes["."] != votes[","]:
                    return (".", "values") if votes["."] > votes[","] else (",", "values")
        return (likely, "delimiter") if likely else (".", "default")

    def _header(self, field: str) -> str | None:
        place = self._at.get(field)
        return None if place is None else self._columns.header[place] or None


def _for_one(price: Price, unit: int) -> Decimal | None:
    """The price for one piece; `unit` is what a column says, beside the price itself."""
    unit *= price.unit
    return (price.amount / unit).quantize(_STEP) if price.amount is not None and unit > 1 else price.amount


def _as_texts(column: Sequence[Cell]) -> Sequence[str]:
    if {*map(type, column)} == {str}:
        return column  # type: ignore[return-value]  # they are
    return [cell if isinstance(cell, str) else as_text(cell) for cell in column]


def _in_one_line(text: str) -> str:
    text = " ".join(text.split())
    return "" if text in _ERRORS else text


def _unwrap(code: str) -> str:
    """="0012" is how programs keep a spreadsheet from changing a code; nothing else is taken from a formula."""
    inner = code[2:-1] if code.startswith('="') and code.endswith('"') else code
    return inner.strip() if '"' not in inner else code


def _is_total(text: str) -> bool:
    return " ".join(normalise(text)) in _TOTALS
