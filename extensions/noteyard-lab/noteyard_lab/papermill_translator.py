"""Papermill's translator for Python, replaced so that injected parameters have their declared types."""

from __future__ import annotations

from collections.abc import Mapping

from papermill.translators import PythonTranslator, papermill_translators  # type: ignore[import-untyped]

from noteyard_lab.typed_values import Expression, codify, python_source


class TypedPythonTranslator(PythonTranslator):  # type: ignore[misc]
    """Writes `Expression` values as the source they carry, plain values as papermill does."""

    @classmethod
    def codify(cls, parameters: Mapping[str, object], comment: str = "Parameters") -> str:
        """The source of the injected cell."""
        typed = {
            name: value if isinstance(value, Expression) else Expression(python_source(value, {}), value)
            for name, value in parameters.items()
        }
        return codify(typed, comment)


def register() -> None:
    """Use the typed translator for every Python kernel of this process."""
    papermill_translators.register("python", TypedPythonTranslator)
