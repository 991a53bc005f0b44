"""The published notebook as a session executes it: outputs cleared, parameters injected, heavy imports known."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from noteyard_lab.dashboard.local_images import attach_images
from noteyard_lab.typed_values import injected_source
from noteyard_lab.worker.kernel import choose_kernel

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
COMMENT = "Parameters of this visit"
PRELOADED = frozenset({"IPython", "ipywidgets", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn"})
"""Libraries that are slow to import and the same whenever they are imported: a waiting kernel imports them ahead."""


class UnusableNotebookError(Exception):
    """The notebook can't be executed here; the text says why."""


class PublishedNotebook:
    """A release's notebook on the disk. Raises UnusableNotebookError when it can't be read."""

    def __init__(self, path: Path, schema: Mapping[str, Any]) -> None:
        try:
            notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise UnusableNotebookError(f"The notebook {path.name} can't be read: {error}") from error
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        notebook.metadata.pop("widgets", None)
        attach_images(notebook, path.parent)
        self._notebook: NotebookNode = notebook
        self._schema = schema

    def choose_kernel(self, wanted: str | None) -> str:
        """Name of the kernel to execute in. Raises KernelMissingError when the environment lacks it."""
        name, spec = choose_kernel(wanted, self._notebook)
        entry = {"name": name, "display_name": spec.display_name, "language": spec.language}
        self._notebook.metadata.kernelspec = NotebookNode(entry)  # type: ignore[no-untyped-call]
        return name

    def with_parameters(self, parameters: Mapping[str, Any]) -> NotebookNode:
        """A copy for one execution, with the parameters in a cell after the one tagged `parameters`, else first."""
        notebook = copy.deepcopy(self._notebook)
        if parameters:
            source, metadata = self._assignments(parameters), {"tags": [INJECTED_TAG]}
            cell = nbformat.v4.new_code_cell(source, metadata=metadata)  # type: ignore[no-untyped-call]
            notebook.cells.insert(_place(notebook), cell)
        return notebook

    def modules_to_preload(self) -> list[str]:
        """Modules the notebook imports that a kernel may import before anybody visits."""
        names: set[str] = set()
        for cell in self._notebook.cells:
            if cell.cell_type == "code":
                names |= _imported(cell.source)
        return sorted(name for name in names if name.split(".")[0] in PRELOADED)

    def _assignments(self, parameters: Mapping[str, Any]) -> str:
        language = _language(self._notebook.metadata)
        if language.lower() == "python":
            return injected_source(parameters, self._schema, COMMENT)
        # papermill's import takes a second, which dashboards in Python do without
        from papermill.exceptions import PapermillException  # type: ignore[import-untyped]
        from papermill.translators import papermill_translators  # type: ignore[import-untyped]

        kernel = self._notebook.metadata.kernelspec.name
        try:
            translator = papermill_translators.find_translator(kernel, language)
        except PapermillException as error:
            raise UnusableNotebookError(
                f"Parameters can't be given to a notebook in {language}: publish it without any."
            ) from error
        return str(translator.codify(dict(parameters), COMMENT))


def published_index(notebook: NotebookNode, index: int | None) -> int | None:
    """The index in the published notebook of a cell that was executed; the injected cell counts as the one before."""
    if index is None:
        return None
    injected = [i for i, cell in enumerate(notebook.cells[: index + 1]) if INJECTED_TAG in _tags(cell)]
    return max(0, index - len(injected))


def _place(notebook: NotebookNode) -> int:
    for index, cell in enumerate(notebook.cells):
        if PARAMETERS_TAG in _tags(cell):
            return index + 1
    return 0


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _language(metadata: Mapping[str, Any]) -> str:
    language = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    return str(language or "python")


def _imported(source: str) -> set[str]:
    """Modules a cell imports at its top level; nothing for a cell that is not plain Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names
