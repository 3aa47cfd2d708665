"""By what an offer is known again: in the supplier's next list, and among the drafts of products."""

import hashlib
import re
import unicodedata

from daemon.workloads.price_lists.line import Line

LONGEST = 120  # characters of a key; what is longer is told apart by its digest
_NO_CODE = re.compile(r"[^0-9a-z]+")


def item_key(line: Line) -> str:
    """The supplier's own number; without one the barcode, the maker's number, or the name."""
    if line.sku:
        return _key("sku", line.sku)
    if line.barcode:
        return _key("barcode", line.barcode)
    if line.part_number:
        return _key("part", line.manufacturer or "", line.part_number)
    return _key("name", line.manufacturer or "", line.name)


def draft_key(line: Line, supplier_id: int) -> str:
    """The same for offers of several suppliers that surely are one thing; else for this supplier's item alone."""
    if line.barcode:
        return _key("barcode", line.barcode.lstrip("0"))
    if line.manufacturer and line.part_number:
        code = _NO_CODE.sub("", _plain(line.part_number))
        if len(code) >= 4:  # a shorter one may be anything
            return _key("part", line.manufacturer, code)
    return _key("item", str(supplier_id), item_key(line))


def _key(*parts: str) -> str:
    key = "|".join(_plain(part) for part in parts)
    if len(key) <= LONGEST:
        return key
    return f"{key[: LONGEST - 33]}#{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
