"""What a run leaves: the output notebook and its HTML page, stored at its end and now and then before."""

from __future__ import annotations

import html
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from noteyard_lab.hub_client import GaveUpError, NotWantedError, RefusedError
from noteyard_lab.worker.attempt import AttemptClient

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from noteyard_lab.render_html import HtmlRenderer

FIRST_PAUSE = 5.0
PAUSE = 15.0
SHARE = 10

log = logging.getLogger(__name__)


class OutputStore:
    """Stores the notebook and its page. `title` is the page's."""

    def __init__(self, attempt: AttemptClient, assets_url: str, title: str) -> None:
        self._attempt = attempt
        self._assets_url = assets_url
        self._title = title
        self._renderer: HtmlRenderer | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Load what rendering needs, while there is nothing else to do."""
        from noteyard_lab.render_html import HtmlRenderer

        with self._lock:
            if self._renderer is None:
                self._renderer = HtmlRenderer(self._assets_url)
                self._renderer.warm_up()

    def store(self, text: str, failed_cell: int | None) -> None:
        """Store the notebook `text` (format 4) and its page, one call at a time."""
        from nbformat.v4 import reads

        self._attempt.put_output("notebook.ipynb", text)
        notebook = reads(text)  # type: ignore[no-untyped-call]
        self._attempt.put_output("notebook.html", self._page(notebook, failed_cell))

    def _page(self, notebook: NotebookNode, failed_cell: int | None) -> str:
        self.prepare()
        assert self._renderer is not None
        try:
            with self._lock:
                return self._renderer.render(notebook, self._title, failed_cell)
        except Exception as error:  # an output that no renderer understands must not cost the run
            log.exception("the page of the notebook could not be made")
            reason = html.escape(f"{type(error).__name__}: {error}")
            return (
                "<!DOCTYPE html><meta charset=utf-8><title>No page</title><p>This notebook could not be shown as a "
                f"page ({reason}). The notebook itself is stored: download it.</p>"
            )


class PartialSaver(threading.Thread):
    """Stores the notebook now and then while it runs, so that a run that vanishes leaves something.

    `lost` is called when the hub side wants nothing more of the attempt.
    """

    def __init__(self, store: OutputStore, lost: Callable[[], None]) -> None:
        super().__init__(name="partial-saver", daemon=True)
        self._store = store
        self._lost = lost
        self._texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last = ""
        self._took = 0.0
        self._idle = threading.Event()
        self._idle.set()

    def pause(self) -> float:
        """Seconds to wait before the next offer: saving takes no more than a tenth of the time."""
        return max(PAUSE, SHARE * self._took) if self._last else FIRST_PAUSE

    def offer(self, text: str) -> None:
        """Store this notebook, unless it is the last one or that one is still on its way."""
        if text != self._last and self._idle.is_set():
            self._last = text
            self._idle.clear()
            self._texts.put(text)

    def close(self) -> None:
        """Wait for what is on its way."""
        self._texts.put(None)
        self.join()

    def run(self) -> None:
        """The thread."""
        self._store.prepare()
        while (text := self._texts.get()) is not None:
            begun = time.monotonic()
            try:
                self._store.store(text, None)
            except NotWantedError:
                return self._lost()
            except GaveUpError:
                return None
            except RefusedError as error:
                log.warning("the notebook could not be stored on the way: %s", error)
            self._took = time.monotonic() - begun
            self._idle.set()
        return None
