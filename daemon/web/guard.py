"""What every request meets first: only our own names are answered, and every answer forbids what it does not need."""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.web.settings import Access

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with "no-referrer" a form's Origin would be null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Refuses a Host that is not ours (another site's name that was made to lead here would read along in a browser on
    this host), and an order that does not come from our own pages."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._hosts = access.hosts
        self._origins = access.origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refuse(Headers(scope=scope), scope["method"])
        answer = self._app if refusal is None else PlainTextResponse(f"{refusal[1]}\n", status_code=refusal[0])
        await answer(scope, receive, send_guarded)

    def _refuse(self, headers: Headers, method: str) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not is_ours(host, self._hosts):
            return 421, "this page is not known by that name: see CATALOGD_WEB_ORIGINS"
        if method not in ("GET", "HEAD", "POST"):
            return 405, "only GET and POST are understood"
        if method == "POST" and headers.get("origin", "") not in {f"http://{host}", *self._origins}:
            return 403, "this order does not come from a page of ours"
        return None


def is_ours(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header names us, at whatever port."""
    name, colon, port = host.lower().rpartition(":")
    has_port = bool(colon) and port.isdigit() and not (name.startswith("[") and not name.endswith("]"))
    return (name if has_port else host.lower()) in hosts
