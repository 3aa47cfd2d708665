"""Workbooks, written byte by byte: so that tests hold what no program would write."""

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

# A cell is text, a number (an int or float, or its raw text as `Raw`), None, or Styled.
Row = Sequence[object]


class Raw(str):
    """What stands in <v> of a number, as it is."""


class Styled:
    """A cell with a number format."""

    def __init__(self, raw: object, code: str) -> None:
        self.raw = str(raw)
        self.code = code


class Formula:
    """A cell that is computed; `value` is what was, or None when the program that wrote it never did."""

    def __init__(self, formula: str, value: object = None) -> None:
        self.formula = formula
        self.value = value


class Xml(str):
    """A whole <c> element, as it is."""


def letters(place: int) -> str:
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(65 + rest) + text
    return text


def write_xlsx(
    path: Path,
    sheets: Mapping[str, Sequence[Row]],
    hidden: Sequence[str] = (),
    inline: bool = False,
    merged: Sequence[str] = (),
    replace: Mapping[str, str | bytes] | None = None,
    is_1904: bool = False,
) -> Path:
    """`replace` has members that are written as they are, instead of or beside the usual ones."""
    shared: dict[str, int] = {}
    codes: dict[str, int] = {}

    def cell(place: int, number: int, value: object) -> str:
        at = f'r="{letters(place)}{number}"'
        if value is None:
            return ""
        if isinstance(value, Xml):
            return str(value)
        if isinstance(value, Formula):
            if value.value is None:
                return f"<c {at}><f>{escape(value.formula)}</f></c>"
            if isinstance(value.value, str):
                return f'<c {at} t="str"><f>{escape(value.formula)}</f><v>{escape(value.value)}</v></c>'
            return f"<c {at}><f>{escape(value.formula)}</f><v>{value.value!r}</v></c>"
        if isinstance(value, Styled):
            return f'<c {at} s="{codes.setdefault(value.code, len(codes)) + 1}"><v>{value.raw}</v></c>'
        if isinstance(value, Raw):
            return f"<c {at}><v>{value}</v></c>"
        if isinstance(value, bool):
            return f'<c {at} t="b"><v>{int(value)}</v></c>'
        if isinstance(value, int | float):
            return f"<c {at}><v>{value!r}</v></c>"
        text = str(value)
        if inline:
            return f'<c {at} t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        return f'<c {at} t="s"><v>{shared.setdefault(text, len(shared))}</v></c>'

    def sheet(rows: Sequence[Row]) -> str:
        body = "".join(
            f'<row r="{number}">{"".join(cell(place, number, value) for place, value in enumerate(row))}</row>'
            for number, row in enumerate(rows, start=1)
            if any(value is not None for value in row)
        )
        joined = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
        return (
            f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData>'
            f"{f'<mergeCells>{joined}</mergeCells>' if joined else ''}</worksheet>"
        )

    members: dict[str, str | bytes] = {}
    relations = []
    listed = []
    for place, (name, rows) in enumerate(sheets.items(), start=1):
        members[f"xl/worksheets/sheet{place}.xml"] = sheet(rows)
        relations.append(
            f'<Relationship Id="rId{place}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{place}.xml"/>'
        )
        state = ' state="hidden"' if name in hidden else ""
        listed.append(f'<sheet name={quoteattr(name)} sheetId="{place}"{state} r:id="rId{place}"/>')
    relations.append(f'<Relationship Id="s" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>')
    relations.append(f'<Relationship Id="f" Type="{OFFICE}/styles" Target="styles.xml"/>')
    formats = "".join(f'<numFmt numFmtId="{164 + n}" formatCode={quoteattr(code)}/>' for code, n in codes.items())
    styles = "".join(f'<xf numFmtId="{164 + n}"/>' for n in codes.values())
    epoch = ' date1904="1"' if is_1904 else ""
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    root = f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    strings = "".join(f"<si><t>{escape(text)}</t></si>" for text in shared)
    members |= {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{types}"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}">{root}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr{epoch}/>'
        f"<sheets>{''.join(listed)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{"".join(relations)}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{formats}</numFmts>'
        f'<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (members | dict(replace or {})).items():
            archive.writestr(name, text)
    return path


def write_xls(
    path: Path,
    sheets: Mapping[str, Sequence[Row]],
    hidden: Sequence[str] = (),
    is_encrypted: bool = False,
    stray: tuple[int, int] | None = None,
) -> Path:
    """BIFF8 in a compound file. `stray` is the place (row, column) of one more cell in each sheet."""
    bodies = [_biff_sheet(rows, stray) for rows in sheets.values()]
    names = [name.encode("utf-16-le") for name in sheets]
    start = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 1997, 0, 0x0600))
    if is_encrypted:
        start += _record(0x002F, struct.pack("<HHH", 1, 1, 1) + bytes(48))
    end = _record(0x000A, b"")
    position = len(start) + sum(4 + 8 + len(name) for name in names) + len(end)
    listed = b""
    for sheet, name, body in zip(sheets, names, bodies, strict=True):
        listed += _record(0x0085, struct.pack("<IBBBB", position, sheet in hidden, 0, len(name) // 2, 1) + name)
        position += len(body)
    path.write_bytes(_compound({"Workbook": start + listed + end + b"".join(bodies)}))
    return path


def write_compound(path: Path, streams: Mapping[str, bytes]) -> Path:
    path.write_bytes(_compound(streams))
    return path


def write_ods(path: Path, sheets: Mapping[str, Sequence[Row]], extra: str = "") -> Path:
    """`extra` stands at the end of each table."""

    def cell(value: object) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'
        return f'<table:table-cell office:value-type="string"><text:p>{escape(str(value))}</text:p></table:table-cell>'

    tables = "".join(
        f"<table:table table:name={quoteattr(name)}>"
        + "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
        + f"{extra}</table:table>"
        for name, rows in sheets.items()
    )
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{office}manifest:1.0"/>')
        spaces = " ".join(f'xmlns:{each}="{office}{each}:1.0"' for each in ("office", "table", "text"))
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet>{tables}'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def _record(number: int, body: bytes) -> bytes:
    return struct.pack("<HH", number, len(body)) + body


def _biff_sheet(rows: Sequence[Row], stray: tuple[int, int] | None) -> bytes:
    body = bytearray(_record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 1997, 0, 0x0600)))
    width = max(map(len, rows))
    body += _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            if isinstance(value, int | float):
                body += _record(0x0203, struct.pack("<HHHd", number, place, 0, value))
            elif value is not None:
                text = str(value).encode("utf-16-le")
                body += _record(0x0204, struct.pack("<HHHHB", number, place, 0, len(text) // 2, 1) + text)
    if stray is not None:
        body += _record(0x0203, struct.pack("<HHHd", *stray, 0, 1.0))
    return bytes(body) + _record(0x000A, b"")


def _compound(streams: Mapping[str, bytes]) -> bytes:
    """Sectors of 512 bytes: the streams, then the directory, then the allocation table ([MS-CFB])."""
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    chain: list[int] = []
    body = b""
    places = []
    for content in streams.values():
        content = content.ljust(max(4096, -(-len(content) // 512) * 512), b"\0")
        count = len(content) // 512
        places.append((len(chain), len(content)))
        chain += [*range(len(chain) + 1, len(chain) + count), end]
        body += content
    entries = [_entry("Root Entry", 5, end, 0, child=1)]
    entries += [
        _entry(name, 2, begin, size, right=number + 1 if number < len(places) else free)
        for number, (name, (begin, size)) in enumerate(zip(streams, places, strict=True), start=1)
    ]
    directory = b"".join(entries)
    directory = directory.ljust(-(-len(directory) // 512) * 512, b"\0")
    first_directory = len(chain)
    count = len(directory) // 512
    chain += [*range(len(chain) + 1, len(chain) + count), end]
    tables = 1
    while tables * 128 < len(chain) + tables:
        tables += 1
    first_table = len(chain)
    chain += [table] * tables
    chain += [free] * (tables * 128 - len(chain))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, tables, first_directory, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", *[first_table + n if n < tables else free for n in range(109)])
    return header + body + directory + struct.pack(f"<{len(chain)}I", *chain)


def _entry(name: str, kind: int, begin: int, size: int, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    entry = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, right, child)
    return entry + bytes(36) + struct.pack("<IQ", begin, size)
