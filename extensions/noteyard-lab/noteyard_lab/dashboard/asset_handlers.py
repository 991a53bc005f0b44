"""Scripts, styles and fonts of live pages. Their addresses change with their content, so browsers may keep them."""

from __future__ import annotations

from collections.abc import Sequence

from voila.static_file_handler import MultiStaticFileHandler  # type: ignore[import-untyped]

from noteyard_lab.dashboard.plain_page import PlainErrors

FOR_GOOD = "private, max-age=31536000, immutable"


class AssetHandler(PlainErrors, MultiStaticFileHandler):  # type: ignore[misc]
    """Serves files below the first of several folders that has them, and nothing outside of them."""

    def initialize(self, roots: Sequence[str]) -> None:
        super().initialize(paths=list(roots))

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", FOR_GOOD)
        self.set_header("X-Content-Type-Options", "nosniff")
