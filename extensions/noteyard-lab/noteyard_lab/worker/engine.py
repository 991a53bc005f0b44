"""Papermill with an engine of our own: papermill injects the parameters and keeps the record, the run does the rest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import papermill  # type: ignore[import-untyped]
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, papermill_engines  # type: ignore[import-untyped]
from papermill.exceptions import PapermillExecutionError  # type: ignore[import-untyped]

from noteyard_lab import papermill_translator
from noteyard_lab.typed_values import typed_parameters

ENGINE = "noteyard"

Execute = Callable[[Any], None]
Keep = Callable[[NotebookNode], None]


class RunEngine(NBClientEngine):  # type: ignore[misc]
    """Hands papermill's execution manager to `execute`, and the notebook to `keep` however it ends."""

    @classmethod
    def execute_notebook(
        cls, nb: NotebookNode, kernel_name: str, *, record: Mapping[str, object], **kwargs: Any
    ) -> Any:
        """Execute `nb`; `record` replaces what papermill writes about its input in the notebook's metadata."""
        nb.metadata.papermill.update(record)
        keep: Keep = kwargs.pop("keep")
        try:
            return super().execute_notebook(nb, kernel_name, **kwargs)
        finally:
            keep(nb)  # before papermill adds cells that mark an error

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, execute: Execute, **kwargs: Any) -> None:
        """Called by papermill once the notebook has its parameters."""
        execute(nb_man)


def run_papermill(
    notebook: str,
    kernel: tuple[str, str],
    parameters: Mapping[str, object],
    schema: Mapping[str, object],
    execute: Execute,
    keep: Keep,
) -> None:
    """Execute the notebook file `notebook` with `parameters` on `kernel`, a name and its language.

    Raises MisfitError for a parameter that does not fit its declared type.
    """
    name, language = kernel
    papermill_engines.register(ENGINE, RunEngine)
    papermill_translator.register()
    python = language == "python"
    # The run's state tells what failed: papermill counts exceptions that the notebook allows, too.
    with contextlib.suppress(PapermillExecutionError):
        papermill.execute_notebook(
            notebook,
            None,
            parameters=typed_parameters(parameters, schema) if python else dict(parameters),
            engine_name=ENGINE,
            kernel_name=name,
            language=language,
            progress_bar=False,
            record={"input_path": None, "output_path": None, "parameters": dict(parameters)},
            execute=execute,
            keep=keep,
        )
