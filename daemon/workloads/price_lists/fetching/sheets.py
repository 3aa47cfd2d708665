"""Google Sheets: the address at which a sheet is had as CSV, from any of the addresses that people copy."""

import re

import httpx

from daemon.workloads.price_lists.fetching.failure import FetchFailed

HOST = "docs.google.com"
HOSTS = (HOST, "drive.google.com", "sheets.google.com", "spreadsheets.google.com")
SIGN_IN = "accounts.google.com"
KEY = re.compile(r"[A-Za-z0-9_-]{20,200}")
PUBLISHED = re.compile(r"/spreadsheets/(?:u/\d+/)?d/e/([A-Za-z0-9_-]{20,200})(?:/|$)")
SHEET = re.compile(r"/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]{20,200})(?:/|$)")
NUMBER = re.compile(r"\d{1,20}")

NOT_SHARED = "the Google sheet is not shared; share it with “anyone with the link” as a viewer"


def export_address(place: str) -> httpx.URL:
    """Where the sheet that `place` names is had as CSV; the first one when it names none.

    Known are the address in the browser, with or without gid, what “share” and “publish to the web” give, the export's
    own address, and the bare key. Raises FetchFailed when it is none of these.
    """
    text = place.strip()
    if KEY.fullmatch(text):
        return _export(text, {})
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
    except (httpx.InvalidURL, ValueError, TypeError):
        raise _not_a_sheet() from None
    if url.scheme not in ("http", "https") or url.host not in HOSTS:
        raise _not_a_sheet()
    parameters = dict(url.params)
    if published := PUBLISHED.search(url.path):
        return _published(published[1], _chosen(url, parameters))
    if sheet := SHEET.search(url.path):
        if "/gviz/" in url.path and "sheet" in parameters:  # named by its title, which only this address knows
            return _address(f"/spreadsheets/d/{sheet[1]}/gviz/tq", {"tqx": "out:csv", "sheet": parameters["sheet"]})
        return _export(sheet[1], _chosen(url, parameters))
    key = parameters.get("id") or parameters.get("key") or ""
    if KEY.fullmatch(key):
        return _export(key, _chosen(url, parameters))
    raise _not_a_sheet()


def _chosen(url: httpx.URL, parameters: dict[str, str]) -> dict[str, str]:
    """Which sheet of the file, as the browser says it behind # or ?; and the key of an old share."""
    behind = dict(httpx.QueryParams(url.fragment))
    gid = behind.get("gid") or parameters.get("gid") or ""
    chosen = {"gid": gid} if NUMBER.fullmatch(gid) else {}
    if key := parameters.get("resourcekey"):
        chosen["resourcekey"] = key
    return chosen


def _export(key: str, chosen: dict[str, str]) -> httpx.URL:
    return _address(f"/spreadsheets/d/{key}/export", {"format": "csv"} | chosen)


def _published(key: str, chosen: dict[str, str]) -> httpx.URL:
    single = {"single": "true"} if "gid" in chosen else {}
    return _address(f"/spreadsheets/d/e/{key}/pub", {"output": "csv"} | single | chosen)


def _address(path: str, parameters: dict[str, str]) -> httpx.URL:
    return httpx.URL(f"https://{HOST}{path}", params=parameters)


def _not_a_sheet() -> FetchFailed:
    return FetchFailed("bad_address", "this is not the address of a Google sheet; copy it from the browser")
