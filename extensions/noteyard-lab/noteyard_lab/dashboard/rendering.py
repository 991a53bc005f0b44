"""The last rendering: a page that shows the dashboard as it was, without a kernel, and the picture for its card."""

from __future__ import annotations

import base64
from pathlib import Path

from nbformat import NotebookNode

from noteyard_lab.render_html import HtmlRenderer

STATIC = Path(__file__).parent / "static" / "rendering"
CARD_TYPE = "image/png"


def rendering_html(notebook: NotebookNode, title: str, assets_url: str) -> str:
    """One page with the outputs and widgets of an executed notebook, no source, in a dashboard's look."""
    page = HtmlRenderer(assets_url, show_code=False, scripts_later=True).render(notebook, title)
    style, script = ((STATIC / name).read_text() for name in ("rendering.css", "rendering.js"))
    head = f"<style>\n{style}</style>\n<script>\n{script}</script>\n</head>"
    return page.replace("</head>", head, 1)


def card_png(notebook: NotebookNode) -> bytes | None:
    """The first picture among the outputs; None when there is none."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            encoded = (output.get("data") or {}).get(CARD_TYPE)
            if encoded:
                return base64.b64decode(encoded)
    return None
