"""Scripts, styles and fonts of live pages. Their addresses change with their content, so browsers may keep them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence

from tornado.web import RequestHandler
from voila.static_file_handler import MultiStaticFileHandler  # type: ignore[import-untyped]

from noteyard_lab.dashboard.page_assets import PageAssets
from noteyard_lab.dashboard.plain_page import PlainErrors

HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class AssetHandler(PlainErrors, MultiStaticFileHandler):  # type: ignore[misc]
    """Serves files below the first of several folders that has them, and nothing outside of them."""

    def initialize(self, roots: Sequence[str]) -> None:
        super().initialize(paths=list(roots))

    def set_extra_headers(self, path: str) -> None:
        _describe(self)


class ChunksHandler(PlainErrors):
    """Serves the chunks of the page's scripts as one."""

    def initialize(self, assets: PageAssets) -> None:
        self._assets = assets

    async def get(self) -> None:
        script = await asyncio.to_thread(self._assets.chunks)
        _describe(self)
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
        else:
            script = await asyncio.to_thread(gzip.decompress, script)
        await self.finish(script)

    async def head(self) -> None:
        await self.get()


def _describe(handler: RequestHandler) -> None:
    for name, value in HEADERS.items():
        handler.set_header(name, value)
