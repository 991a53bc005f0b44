# mypy: allow-untyped-calls
"""nbconvert's HTML exporter with our template, without its slowest step. Loading it takes time: do it when needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.exporters.html import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


class QuickExporter(HTMLExporter):
    """Does not parse the finished page again, as HTMLExporter does to add a few attributes.

    That takes most of the time, and with large outputs minutes; the page's own script adds the same.
    """

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The page and its resources."""
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        resources = self._init_resources(resources)
        kinds = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer=lexer, parent=self))
        self.register_filter("filter_data_type", kinds)
        return TemplateExporter.from_notebook_node(self, nb, resources, **kw)


def exporter(templates: Path, show_code: bool) -> QuickExporter:
    """The exporter with the template `noteyard` of the folder `templates`."""
    return QuickExporter(
        template_name="noteyard",
        extra_template_basedirs=[str(templates)],
        exclude_input=not show_code,
        exclude_input_prompt=not show_code,
        exclude_output_prompt=not show_code,
        exclude_anchor_links=True,
    )


def smallest_notebook() -> NotebookNode:
    """A notebook whose page needs what nearly every page needs."""
    printed = new_output("stream", text=" ")
    notebook: NotebookNode = new_notebook(
        cells=[new_markdown_cell("*"), new_code_cell("pass", outputs=[printed])],
        metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}},
    )
    return notebook
