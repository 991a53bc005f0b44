"""Host names in one spelling: the edge compares them in any case, routes here by letters."""

from starlette.types import ASGIApp, Receive, Scope, Send


class LowerCaseHost:
    """ASGI middleware: an app's host in capitals must not reach the hub host's routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope["headers"] = [(name, value.lower() if name == b"host" else value) for name, value in scope["headers"]]
        await self.app(scope, receive, send)
