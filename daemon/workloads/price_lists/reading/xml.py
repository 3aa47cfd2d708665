"""Reads XML of unknown origin as a stream of events."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from xml.parsers import expat

from daemon.workloads.price_lists.reading.refusal import ListUnreadable

PIECE = 1 << 16  # bytes that are unpacked at once
_LONGEST_TOKEN = 1 << 20  # bytes of one tag, comment or the like

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


class _DocumentType(Exception):
    """It is never needed in a workbook; entities are declared in it."""


def parse(
    archive: zipfile.ZipFile, member: str, start: Start, end: End, text: Text, beat: Callable[[], None]
) -> Iterator[int]:
    """Call the handlers for tags, named without their prefix, and texts; yields the bytes read so far, again and again.

    `beat` is called with each piece. Raises ListUnreadable when the member is no XML, has a document type, or is
    damaged. What a handler raises comes through.
    """
    names: dict[str, str] = {}

    def local(name: str) -> str:
        if len(names) > 10_000:
            names.clear()
        return names.setdefault(name, name.rpartition(":")[2])

    def started(name: str, attributes: dict[str, str]) -> None:
        start(names.get(name) or local(name), attributes)

    def ended(name: str) -> None:
        end(names.get(name) or local(name))

    def doctype(*_: object) -> None:
        raise _DocumentType

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    size = 0
    try:
        with closing(archive.open(member)) as file:
            while piece := file.read(PIECE):
                beat()
                size += len(piece)
                parser.Parse(piece)
                if size - parser.CurrentByteIndex > _LONGEST_TOKEN:
                    raise ListUnreadable("zip_bomb", f"A part of the workbook, {member}, holds a tag without end.")
                yield size
            parser.Parse(b"", True)
    except _DocumentType as error:
        raise ListUnreadable("xml_entities", f"A part of the workbook, {member}, declares a document type.") from error
    except (expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ListUnreadable("damaged", f"A part of the workbook, {member}, is damaged: {error}.") from error
    yield size


def parse_all(
    archive: zipfile.ZipFile, member: str, start: Start, beat: Callable[[], None], end: End = lambda name: None
) -> None:
    """All at once, for small members without texts."""
    for _ in parse(archive, member, start, end, lambda text: None, beat):
        pass
