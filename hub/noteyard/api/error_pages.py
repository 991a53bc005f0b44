"""Errors as pages, for people who walk through the portal with a browser; programs get problem documents."""

from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from noteyard.api.identity import read_browser
from noteyard.api.pages import page
from noteyard.api.portal.visitor import GoTo
from noteyard.errors import NoteyardError, NotFound, Unavailable

PROGRAMS = ("/api/", "/internal/", "/authz", "/health", "/metrics", "/_assets/", "/portal/static/")


class Unrouted(NoteyardError):
    """A refusal made by the framework (404 of an unknown path, 405, …)."""

    def __init__(self, message: str, title: str, status: int) -> None:
        super().__init__(message, None, status)
        self.title = title


def install(app: FastAPI) -> None:
    """Let pages send a browser elsewhere."""

    @app.exception_handler(GoTo)
    async def sent_on(request: Request, elsewhere: GoTo) -> Response:
        return RedirectResponse(elsewhere.target, 303, {"Cache-Control": "no-store"})


def wants_page(request: Request) -> bool:
    """Whether a person looks at what this request answers."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith(PROGRAMS)


def error_page(request: Request, error: NoteyardError) -> Response:
    """The refusal in the portal's look; the login for somebody whose session has ended."""
    if error.status == 401:
        target = f"{request.url.path}?{request.url.query}".rstrip("?") if request.method == "GET" else "/"
        return RedirectResponse(f"/portal/login?next={quote(target)}", 303, {"Cache-Control": "no-store"})
    person = None
    if not isinstance(error, Unavailable):
        found = read_browser(request)
        person = found[1] if found else None
    if isinstance(error, Unrouted) and error.status == 404:
        error = NotFound(f"There is nothing at {request.url.path}.", "It may have been deleted, or the link is wrong.")
    number = getattr(request.state, "request_id", None)
    return page(request, "error.html", error.status, error=error, person=person, done="", number=number)
