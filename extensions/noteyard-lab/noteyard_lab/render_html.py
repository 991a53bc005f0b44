"""A notebook as one HTML page that asks no other host for anything.

What the page loads lies below `assets_url` (default `/_assets/`), made by tools/build_assets.py on the hub side:

    require.js                  for outputs that define modules, and for widgets
    mathjax/tex-chtml-full.js   when the notebook has formulas; fonts below mathjax/output/chtml/fonts/woff-v2/
    widgets/embed-amd.js        when the notebook has widgets; fonts beside it. Widgets of other packages are looked for
                                below widgets/other/<package>@<version>/dist/, and show an error when they aren't there
    font-awesome/css/*.css      when the notebook uses its icons

The page runs the scripts of outputs as they are, so it must be served with `Content-Security-Policy: sandbox
allow-scripts`, and the assets with `Access-Control-Allow-Origin: *`: a sandboxed page has an origin of its own, and
fonts ask for that.
Each cell is a section with id `cell-<index>`, index in the notebook's cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
MATH_SIGNS = ("$", "\\(", "\\[", "\\begin{")
SHOWN_TEXT = frozenset({"text/html", "text/markdown", "text/latex"})
SCRIPT_TYPES = frozenset({"text/html", "application/javascript"})
MODULE_WORDS = ("require", "define")
SHORTEST_SHOWN = 0.5
LATER = "text/x-noteyard-later"
"""The type of scripts that the page's own script (dashboard/static/rendering) starts; browsers leave it alone."""


@dataclass(frozen=True)
class CellPlace:
    """Where a cell stands and what the run did with it: state is done, failed or waiting; duration is text or ""."""

    index: int
    state: str
    note: str
    duration: str


class Page:
    """What the template asks about the notebook it renders."""

    def __init__(
        self, notebook: NotebookNode, assets_url: str, title: str, failed_cell: int | None, scripts_later: bool
    ) -> None:
        self.title = title
        self._scripts_later = scripts_later
        self.assets_url = assets_url
        self.failed_cell = failed_cell
        texts = _texts(notebook, SHOWN_TEXT)
        self.has_widgets = WIDGET_STATE in notebook.metadata.get("widgets", {})
        self.has_math = self.has_widgets or any(sign in text for text in texts for sign in MATH_SIGNS)
        scripts = _texts(notebook, SCRIPT_TYPES)
        self.needs_require = not scripts_later or any(word in text for text in scripts for word in MODULE_WORDS)
        self.has_icons = any("fa-" in text for text in texts)
        self._places = {id(cell): self._place(index, cell) for index, cell in enumerate(notebook.cells)}

    def place(self, cell: NotebookNode) -> CellPlace:
        """The place of a cell of the notebook that is being rendered."""
        return self._places[id(cell)]

    def when(self, loading: str) -> str:
        """The attributes of a script that no output needs: `loading` is "async" or "defer"."""
        return f'type="{LATER}"' if self._scripts_later else f'{loading} fetchpriority="low"'

    def _place(self, index: int, cell: NotebookNode) -> CellPlace:
        record = cell.metadata.get("papermill") or {}
        state, note = "done", ""
        if index == self.failed_cell:
            state, note = "failed", "The run ended here."
        elif cell.cell_type == "code" and record.get("status") == "pending":
            state = "waiting"
        elif "injected-parameters" in cell.metadata.get("tags", []):
            note = "The parameters of this run"
        return CellPlace(index, state, note, _duration(record.get("duration")))


def _duration(seconds: float | None) -> str:
    if not seconds or seconds < SHORTEST_SHOWN:
        return ""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} min {int(rest)} s" if minutes else f"{seconds:.1f} s"


def _texts(notebook: NotebookNode, kinds: frozenset[str]) -> list[str]:
    """What the page shows of these types: outputs, and Markdown cells, which may hold HTML."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data") or {}
            texts += ["".join(data[kind]) for kind in kinds if kind in data]
    return texts


class HtmlRenderer:
    """Renders notebooks; makes nbconvert's machinery once, so that the second page is quick.

    With `show_code` False the page holds no source, prompt or comment of any cell. With `scripts_later` it is painted
    without a script of ours: those of formulas and widgets wait for the script that a dashboard's rendering has.
    """

    def __init__(self, assets_url: str = "/_assets/", show_code: bool = True, scripts_later: bool = False) -> None:
        self.assets_url = assets_url
        self._scripts_later = scripts_later
        from noteyard_lab.html_exporter import exporter

        self._exporter = exporter(TEMPLATES, show_code)

    def warm_up(self) -> None:
        """Do now what the first page would otherwise wait for."""
        from noteyard_lab.html_exporter import smallest_notebook

        self.render(smallest_notebook(), "")

    def render(self, notebook: NotebookNode, title: str, failed_cell: int | None = None) -> str:
        """The page of `notebook` (format 4), with `failed_cell`, an index in its cells, marked."""
        # The exporter works on a copy of what it is given, so the page is made inside, about the copy.
        resources: dict[str, Any] = {"metadata": {"name": title}}
        self._exporter.environment.globals["new_page"] = lambda copy: Page(
            copy, self.assets_url, title, failed_cell, self._scripts_later
        )
        body, _ = self._exporter.from_notebook_node(notebook, resources)
        return str(body)
