"""Static files: the portal's own, and the third parties' (built by `make assets`) that outputs and dashboards load."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
VENDOR = STATIC / "vendor"


class Assets(StaticFiles):
    """Files that sandboxed pages load too: their origin is opaque, so fonts and modules need CORS for everyone."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


def mount_assets(app: FastAPI) -> None:
    """Serve `/_assets/` and `/portal/static/`."""
    app.mount("/_assets", Assets(directory=VENDOR, check_dir=False), name="assets")
    app.mount("/portal/static", Assets(directory=STATIC), name="static")
