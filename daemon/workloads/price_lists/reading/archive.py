"""Opens a zip archive that may have been made to do harm."""

import zipfile
from pathlib import Path

from daemon.workloads.price_lists.reading.refusal import ListUnreadable

_MEMBERS = 5000  # a workbook has some dozens
_RATIO = 400  # times that a member may grow; XML of a workbook grows tenfold, what is made to do harm a thousandfold
_SMALL = 20_000_000  # bytes that are unpacked whatever the ratio


def open_archive(path: Path, limit: int) -> zipfile.ZipFile:
    """`limit` is in bytes, for all members unpacked. Raises ListUnreadable.

    The sizes looked at are those that the archive declares. Where they lie, no harm is done: zipfile unpacks no more
    of a member than it declares, and then finds the checksum wrong.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ListUnreadable("damaged", "The file begins like a workbook, but is damaged or cut off.") from error
    members = archive.infolist()
    trouble = None
    if len(members) > _MEMBERS:
        trouble = ("zip_bomb", f"The workbook has {len(members)} parts, more than {_MEMBERS}.")
    elif any(member.flag_bits & 1 for member in members):
        trouble = ("encrypted", "The workbook is protected by a password.")
    elif sum(member.file_size for member in members) > limit:
        trouble = ("zip_bomb", f"Unpacked, the workbook would be larger than {limit // 1_000_000} MB.")
    elif any(member.file_size > max(_SMALL, _RATIO * member.compress_size) for member in members):
        trouble = ("zip_bomb", f"A part of the workbook would grow more than {_RATIO}-fold when it is unpacked.")
    if trouble is not None:
        archive.close()
        raise ListUnreadable(*trouble)
    return archive
