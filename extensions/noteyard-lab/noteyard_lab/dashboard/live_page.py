"""The HTML of one live session: made by Voila's renderer while the cells execute, kept until a visitor reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer
from nbformat import NotebookNode
from voila.exporter import VoilaMarkdownRenderer  # type: ignore[import-untyped]
from voila.notebook_renderer import NotebookRenderer  # type: ignore[import-untyped]

from noteyard_lab.dashboard.execution import Execution

HEARTBEAT_SECONDS = 10.0
HEARTBEAT = "<script>window.voila_heartbeat()</script>\n"


class ExecutionRenderer(NotebookRenderer):  # type: ignore[misc]
    """Voila's renderer for an execution that the launcher drives by itself."""

    def __init__(self, execution: Execution, kernel_id: str, **voila: Any) -> None:
        super().__init__(**voila)
        self._execution = execution
        self._kernel_id = kernel_id

    async def load_notebook(self, path: str) -> NotebookNode:
        """The notebook of the execution; nothing is read from the disk."""
        return self._execution.notebook

    async def _jinja_kernel_start(self, nb: NotebookNode, kernel_id: str, kernel_future: object) -> str:
        return self._kernel_id

    async def _jinja_cell_generator(self, nb: NotebookNode, kernel_id: str) -> AsyncIterator[NotebookNode]:
        async for cell in self._execution.cells():
            yield cell


class TextRenderer(VoilaMarkdownRenderer):  # type: ignore[misc]
    """Renders Markdown without looking for files: pictures are in the notebook already, see `local_images`."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return str(IPythonRenderer.image(self, text, url, title))


class LivePage:
    """Pieces of HTML that are made once and can be read from the start at any time."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._complete = False
        self._changed = asyncio.Event()

    async def make(self, renderer: ExecutionRenderer) -> None:
        """Render the page to its end; returns when the execution has ended."""
        try:
            await renderer.initialize()
            async for piece, _ in renderer.generate_content_generator():
                self._pieces.append(piece)
                self._notify()
        finally:
            self._complete = True
            self._notify()

    async def read(self) -> AsyncIterator[str]:
        """The page's HTML, as far as it is made and then as it is made, with a heartbeat while a cell takes long."""
        position = 0
        while True:
            changed = self._changed
            if position < len(self._pieces):
                html = "".join(self._pieces[position:])
                position = len(self._pieces)
                yield html
            elif self._complete:
                return
            else:
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    if position:
                        yield HEARTBEAT

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
