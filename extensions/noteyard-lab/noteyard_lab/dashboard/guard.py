"""The door of the launcher: no request and no websocket gets past it without a valid viewer token.

The check sits in the application, before any handler is looked up, so a handler cannot forget it. Only the files of
published packages that every live page loads (page_assets) are for anyone, as the edge asks nobody about them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from jupyter_server.auth.identity import IdentityProvider, User
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler, _HandlerDelegate

from noteyard_lab.dashboard.plain_page import FORBIDDEN, NOT_FOUND, Notice, PlainErrors, send
from noteyard_lab.dashboard.viewer_token import HEADER, ViewerToken, ViewerTokens

_VIEWER = "noteyard_viewer"


class NoticeHandler(PlainErrors):
    """Answers any method with one plain page."""

    def initialize(self, notice: Notice) -> None:
        self._notice = notice

    def prepare(self) -> None:
        send(self, self._notice)


class GuardedApplication(Application):
    """A tornado application that answers 403 to a request without a viewer, or made by another site's page.

    Reading below the path `for_anyone` needs no viewer; no handler of anything else may match a path there.
    """

    def __init__(self, tokens: ViewerTokens, for_anyone: str, **settings: Any) -> None:
        super().__init__(default_handler_class=NoticeHandler, default_handler_args={"notice": NOT_FOUND}, **settings)
        self._tokens = tokens
        self._for_anyone = for_anyone

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> _HandlerDelegate:
        """The handler for a request whose viewer is known; the 403 page for every other."""
        if self._is_for_anyone(request):
            return super().find_handler(request, **kwargs)
        given = request.headers.get_list(HEADER)
        viewer = self._tokens.read(given[0]) if len(given) == 1 else None
        if viewer is None or _from_another_site(request):
            return self.get_handler_delegate(request, NoticeHandler, {"notice": FORBIDDEN})
        setattr(request, _VIEWER, viewer)
        return super().find_handler(request, **kwargs)

    def _is_for_anyone(self, request: HTTPServerRequest) -> bool:
        reads = request.method in ("GET", "HEAD") and request.path.startswith(self._for_anyone)
        return reads and not _from_another_site(request)


def viewer_of(handler: RequestHandler) -> ViewerToken:
    """Who makes this request; every request that reached a handler has a viewer."""
    viewer = getattr(handler.request, _VIEWER)
    assert isinstance(viewer, ViewerToken)
    return viewer


class GuardIdentity(IdentityProvider):
    """Tells jupyter_server what the guard has found out; there is no login and no cookie of its own."""

    def get_user(self, handler: RequestHandler) -> User:
        return User(username=viewer_of(handler).sid)

    def is_token_authenticated(self, handler: RequestHandler) -> bool:
        """True: the guard has refused other sites' requests already, and cookies never reach this process."""
        return True


def _from_another_site(request: HTTPServerRequest) -> bool:
    """Whether another site's page made the request, websockets and frames included; following a link is fine."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower():
        return True
    strange = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    return strange and request.headers.get("Sec-Fetch-Dest") != "document"
