"""The routes: who may see what, forms, and what becomes of errors."""

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs

import psycopg
import structlog
from psycopg import Connection
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from daemon.database.failures import summary
from daemon.web.desk import Desk
from daemon.web.door import LASTS_S, Door, Person, is_theirs
from daemon.web.guard import Guard
from daemon.web.live import Full, Live
from daemon.web.rendering import Renderer
from daemon.web.settings import Access
from daemon.web.trouble import Trouble, explain
from daemon.web.views import Views
from daemon.web.visit import Moved, NotDone, NotThere, Shown, View, Visit, number
from daemon.workloads.registry import REGISTRY

log = structlog.get_logger()

LARGEST_FORM = 8_192  # bytes
LARGEST_USER = 999_999_999  # a user's id that the audit log has room for
FOREVER = "public, max-age=31536000, immutable"  # of a file whose address tells its content

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(access: Access, desk: Desk, instance: str) -> tuple[Guard, Live]:
    """The application, and what is to be closed before it can end."""
    site = Site(access, desk, instance)
    return Guard(Starlette(routes=site.routes()), access), site.live


class Site:
    """What the routes share."""

    def __init__(self, access: Access, desk: Desk, instance: str) -> None:
        pages = {entry.name: found for entry in REGISTRY if (found := entry.open_pages()) is not None}
        self._access = access
        self._desk = desk
        self._door = Door(access.token)
        self._renderer = Renderer(pages)
        self._views = Views([entry.describe() for entry in REGISTRY], pages, instance)
        self.live = Live(desk, self._render_topic)

    def routes(self) -> list[Route]:
        views, order = self._views, ["POST"]
        return [
            Route("/", self._shows(views.overview)),
            Route("/batches", self._shows(views.list)),
            Route("/batches/{kind}/{id}", self._shows(views.batch)),
            Route("/batches/{kind}/{id}/{order}", self._acts(views.order), methods=order),
            Route("/live", self._follow),
            Route("/live/batches/{kind}/{id}", self._follow),
            Route("/login", self._show_login, methods=["GET"]),
            Route("/login", self._log_in, methods=order),
            Route("/logout", self._log_out, methods=order),
            Route("/static/{name}", self._file),
            Route("/{kind}/{act}/{id}", self._acts(views.act), methods=order),
            Route("/{kind}/{name}", self._shows(views.own)),
            Route("/{rest:path}", self._nowhere),
        ]

    def _shows(self, view: View) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            if not self._may_read(request):
                return RedirectResponse("/login", 303)
            visit = Visit(request.path_params, request.query_params, self._find_person(request))
            return await self._answer(request, view, visit)

        return endpoint

    def _acts(self, view: View) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            person = self._find_person(request)
            if person is None:
                return self._say(request, 403, "Log in first: you are not, or not any more.")
            form = await _read_form(request)
            if form is None or not is_theirs(person, form.get("csrf", "")):
                return self._say(request, 403, "This form is out of date: go back, load the page anew, and try again.")
            visit = Visit(request.path_params, request.query_params, person, form)
            return await self._answer(request, view, visit)

        return endpoint

    async def _answer(self, request: Request, view: View, visit: Visit) -> Response:
        try:
            found = await self._desk.ask(partial(self._fill_in, request, view, visit))
        except NotThere as error:
            return self._say(request, 404, str(error))
        except NotDone as error:
            return self._say(request, 409, str(error))
        except (psycopg.Error, PoolTimeout) as error:
            trouble = explain(error)
            return self._tell(request, trouble, error)
        except Exception as error:  # noqa: BLE001  # one page's; the others go on
            return self._tell(request, explain(error), error)
        return found

    def _fill_in(self, request: Request, view: View, visit: Visit, conn: Connection) -> Response:
        found = view(conn, visit)
        if isinstance(found, Moved):
            return RedirectResponse(found.location, 303)
        return self._show(request, found, visit.person)

    def _show(self, request: Request, shown: Shown, person: Person | None) -> Response:
        around = {"person": person, "can_log_in": self._door.has_lock, "here": request.url.path}
        return HTMLResponse(self._renderer.render(shown.template, {**around, **shown.values}), shown.status)

    def _say(self, request: Request, status: int, sentence: str) -> Response:
        shown = Shown("message.html", {"status": status, "sentence": sentence}, status)
        return self._show(request, shown, self._find_person(request))

    def _tell(self, request: Request, trouble: Trouble, error: Exception) -> Response:
        if trouble.is_expected:
            log.warning("web.refused", path=request.url.path, error=summary(error))
        else:
            log.error(
                "web.failed",
                path=request.url.path,
                error_type=type(error).__name__,
                error=summary(error),
                exc_info=error,
            )
        return self._say(request, trouble.status, trouble.sentence)

    async def _follow(self, request: Request) -> Response:
        if not self._may_read(request):
            return PlainTextResponse("log in first\n", 403)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        topic = (request.path_params["kind"], request.path_params["id"]) if request.path_params else None
        try:
            messages = self.live.follow(topic, partial(self._may_read, request))
        except Full:
            return PlainTextResponse("as many look already as may\n", 503)
        return StreamingResponse(messages, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    def _render_topic(self, conn: Connection, topic: object) -> str:
        """What moves on the overview, or on the page of a batch."""
        try:
            match topic:
                case (str(kind), str(id)):
                    shown = self._views.progress(conn, Visit({"kind": kind, "id": id}, {}))
                case _:
                    shown = self._views.overview(conn, Visit({}, {}))
                    shown = Shown("_overview.html", shown.values)
        except NotThere:
            return ""
        return self._renderer.render(shown.template, shown.values)

    async def _show_login(self, request: Request) -> Response:
        if not self._door.has_lock:
            return self._say(request, 404, "Nobody can log in here: CATALOGD_WEB_TOKEN is not set.")
        return self._show(
            request, Shown("login.html", {"is_wrong": False, "is_no_user": False}), self._find_person(request)
        )

    def _show_form(self, request: Request, status: int) -> Response:
        values = {"is_wrong": status == 403, "is_no_user": status == 422}
        return self._show(request, Shown("login.html", values, status), self._find_person(request))

    async def _log_in(self, request: Request) -> Response:
        form = await _read_form(request) or {}
        said = form.get("user", "").strip()
        user = number(said)
        if said and (user is None or user > LARGEST_USER):
            return self._show_form(request, 422)
        key = self._door.admit(form.get("token", "").strip(), user)
        if key is None:
            log.warning("web.login_refused", client=request.client.host if request.client else None)
            return self._show_form(request, 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            self._cookie(request),
            key,
            max_age=round(LASTS_S),
            httponly=True,
            samesite="strict",
            secure=self._is_safe(request),
        )
        return answer

    async def _log_out(self, request: Request) -> Response:
        person, form = self._find_person(request), await _read_form(request) or {}
        answer = RedirectResponse("/", 303)
        if person is not None and is_theirs(person, form.get("csrf", "")):
            self._door.leave(request.cookies.get(self._cookie(request)))
            answer.delete_cookie(self._cookie(request), httponly=True, samesite="strict", secure=self._is_safe(request))
        return answer

    def _find_person(self, request: Request) -> Person | None:
        return self._door.find(request.cookies.get(self._cookie(request)))

    def _may_read(self, request: Request) -> bool:
        return self._access.is_for_this_host_only or self._find_person(request) is not None

    def _is_safe(self, request: Request) -> bool:
        """Whether the browser came by https: a proxy was asked under the name that we are given for it."""
        return f"https://{request.headers.get('host', '')}" in self._access.origins

    def _cookie(self, request: Request) -> str:
        """Where there is https, a name that browsers keep from what came without it, and from neighbours."""
        return "__Host-catalogd" if self._is_safe(request) else "catalogd"

    async def _file(self, request: Request) -> Response:
        found = self._renderer.files.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("there is no such file\n", 404)
        return Response(found[1], media_type=found[0], headers={"cache-control": FOREVER})

    async def _nowhere(self, request: Request) -> Response:
        return self._say(request, 404, "There is no such page.")


async def _read_form(request: Request) -> dict[str, str] | None:
    """The fields of a form; None where it is not one, or larger than any of ours."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM:
                return None
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except (ValueError, ClientDisconnect):
        return None
    return {name: values[0] for name, values in fields.items()}
