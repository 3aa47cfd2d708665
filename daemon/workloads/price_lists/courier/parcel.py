"""What the external service is given of an import: where its file is, and of which kind."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote, quote_plus

import httpx

from daemon.workloads.price_lists.fetching.addresses import is_permitted
from daemon.workloads.price_lists.fetching.failure import FetchFailed, outside_of_folders, private_network
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import LookUp
from daemon.workloads.price_lists.fetching.pulse import Pulse
from daemon.workloads.price_lists.fetching.source import HIDDEN, SHOWN, Source, SourceKind, web_address
from daemon.workloads.price_lists.order import Order

OF_KIND = {"csv": "csv", "excel": "xlsx", "google_sheets": "csv"}
FILE_TYPE = re.compile(r"[a-z0-9]{1,10}")
KNOWN_TYPES = frozenset(
    [
        *("csv", "tsv", "txt", "xls", "xlsx", "xlsm", "xlsb", "ods", "xml", "json", "html", "htm", "zip"),
        *("pdf", "doc", "docx", "odt", "rtf", "jpg", "jpeg", "png", "tif", "tiff", "webp"),
    ]
)
SHORTEST_SECRET = 4  # characters: what is shorter stands everywhere


@dataclass(frozen=True, slots=True)
class Parcel:
    """The address may hold credentials, which the service needs: what is shown is `public`."""

    file_url: str = field(repr=False)
    supplier_id: int
    file_type: str
    public: str


def pack(order: Order, limits: Limits, pulse: Pulse, look_up: LookUp) -> Parcel:
    """Raises FetchFailed when there is nothing that the service may be sent for."""
    place = (order.source_url or "").strip()
    if not place or order.supplier_id is None:
        raise FetchFailed("no_address", "neither the import nor its supplier says where the list is")
    is_sheet = order.source_type == SourceKind.GOOGLE_SHEETS
    source = Source(SourceKind.GOOGLE_SHEETS if is_sheet else SourceKind.CSV, place)
    if not source.is_on_the_web:
        _require_folder(place, limits)
        return Parcel(place, order.supplier_id, _file_type(order, PurePosixPath(place).suffix), source.public)
    url = source.url
    _require_permitted(url, limits, pulse, look_up)
    endings = [PurePosixPath(part).suffix for part in (url.path, *url.params.values())]
    return Parcel(
        file_url=str(url) if is_sheet else place,
        supplier_id=order.supplier_id,
        file_type=_file_type(order, *endings),
        public=source.public,
    )


def _file_type(order: Order, *endings: str) -> str:
    """What is told, or else what a name in the address ends in, or else what is usual for the kind of source."""
    told = order.option("file_type")
    if isinstance(told, str) and FILE_TYPE.fullmatch(told.strip().lower()):
        return told.strip().lower()
    if order.source_type != SourceKind.GOOGLE_SHEETS:
        for ending in endings:
            if (name := ending.removeprefix(".").lower()) in KNOWN_TYPES:
                return name
    kind = (order.source_type or "").lower()
    return OF_KIND.get(kind) or (kind if kind in KNOWN_TYPES else "csv")


def _require_folder(place: str, limits: Limits) -> None:
    """The service reads whatever it is told to: only what catalogd itself may read is given to it."""
    for folder in limits.folders:
        try:
            if Path(os.path.realpath(folder / place)).is_relative_to(os.path.realpath(folder)):
                return
        except ValueError:  # a NUL in it
            break
    raise outside_of_folders()


def _require_permitted(url: httpx.URL, limits: Limits, pulse: Pulse, look_up: LookUp) -> None:
    """As far as this host knows the addresses: the service may know others, and has to look for itself."""
    try:
        addresses = look_up(url.raw_host.decode("ascii"), pulse)
    except FetchFailed as failure:
        if failure.code == "host_unknown":
            return
        raise
    if not all(is_permitted(address, limits.private_networks) for address in addresses):
        raise private_network(url.host)


def without_secrets(text: str, order: Order) -> str:
    """What the service says may repeat the address that it was given."""
    place = (order.source_url or "").strip()
    try:
        url = web_address(place)
    except FetchFailed:
        return text
    for secret in _secrets(place, url):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(place: str, url: httpx.URL) -> list[str]:
    """The whole address, user and password, and the parameters' values; the longest first."""
    found = {place, str(url), url.userinfo.decode("ascii"), url.username, url.password}
    for name, value in url.params.multi_items():
        if name not in SHOWN:
            found |= {value, quote(value), quote_plus(value)}
    return sorted((text for text in found if len(text) >= SHORTEST_SECRET), key=len, reverse=True)
