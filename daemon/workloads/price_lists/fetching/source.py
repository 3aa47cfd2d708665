"""Where a supplier's list is, as people wrote it."""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

import httpx

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.sheets import export_address

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
HIDDEN = "…"
SHOWN = frozenset({"format", "gid", "output", "single", "tqx"})  # parameters whose values are nobody's secret


class SourceKind(StrEnum):
    """As in supplier_imports.source_type."""

    CSV = "csv"
    EXCEL = "excel"
    GOOGLE_SHEETS = "google_sheets"


@dataclass(frozen=True, slots=True)
class Source:
    """An address on the web, of a Google sheet, or a path. It may hold credentials: what is shown is `public`."""

    kind: SourceKind
    place: str = field(repr=False)

    def __str__(self) -> str:
        return self.public

    @property
    def is_on_the_web(self) -> bool:
        return self.kind is SourceKind.GOOGLE_SHEETS or SCHEME.match(self.place.strip()) is not None

    @property
    def url(self) -> httpx.URL:
        """What is to be asked for. Raises FetchFailed when it is no address on the web."""
        if self.kind is SourceKind.GOOGLE_SHEETS:
            return export_address(self.place)
        return web_address(self.place)

    @property
    def public(self) -> str:
        """For people and logs, whatever the place is."""
        if not self.is_on_the_web:
            return self.place.strip()
        try:
            return public_address(self.url)
        except FetchFailed:
            return "an address that cannot be read"

    @property
    def mark(self) -> str:
        """Tells this source from others that look the same once their secrets are left out.

        Without the password, and too short for any secret to be found from it: 32 bits.
        """
        if self.is_on_the_web:
            url = self.url
            whole = f"{url.username} {bare(url)}"
        else:
            whole = self.place.strip()
        return hashlib.sha256(f"{self.kind} {whole}".encode(errors="surrogatepass")).hexdigest()[:8]


def web_address(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """An address that can be asked, without its fragment. Raises FetchFailed, which does not repeat it."""
    try:
        url = httpx.URL(text.strip()) if base is None else base.join(text.strip())
    except (httpx.InvalidURL, ValueError, TypeError):
        raise FetchFailed("bad_address", "the address of the list is not one that can be read") from None
    if url.scheme not in ("http", "https"):
        raise FetchFailed("scheme_refused", "lists are fetched by http and https only")
    if not url.host or not (url.port is None or 0 < url.port < 65_536):
        raise FetchFailed("bad_address", "the address of the list names no host that can be asked")
    return url.copy_with(fragment=None)


def public_address(url: httpx.URL) -> str:
    """Without user and password, and of the parameters only their names."""
    shown = bare(url).copy_with(query=None)
    parameters = [_shown(name, value) for name, value in url.params.multi_items()]
    return f"{shown}?{'&'.join(parameters)}" if parameters else str(shown)


def bare(url: httpx.URL) -> httpx.URL:
    """Without user and password, and without the fragment, which is no server's business."""
    return url.copy_with(username=None, password=None, fragment=None)


def _shown(name: str, value: str) -> str:
    if not value:  # perhaps a secret without a name
        return HIDDEN
    return f"{quote(name)}={quote(value) if name in SHOWN else HIDDEN}"
