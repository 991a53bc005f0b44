"""What a notebook's or a module's code uses of its own folder: imports and `%run`, read from the syntax tree."""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

PYTHON_CELL_MAGICS = frozenset({"time", "timeit", "capture", "prun"})
"""Cell magics whose body is code of the same kernel."""


@dataclass(frozen=True)
class Import:
    """One import statement: `from <level dots><module> import <names>`; `import module` has no names and level 0."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True)
class UsedCode:
    """What some code uses: its imports, the files it runs by `%run`, and notes on what could not be read."""

    imports: tuple[Import, ...] = ()
    ran: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class UnreadableNotebookError(ValueError):
    """The file is not a notebook in the format Jupyter writes (version 4); the text says what is wrong."""


def read_notebook(content: bytes) -> dict[str, object]:
    """The notebook's document; raises UnreadableNotebookError."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise UnreadableNotebookError(f"it is not JSON ({error})") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise UnreadableNotebookError("it has no list of cells, as a notebook of format 4 has")
    return document


def without_outputs(document: dict[str, object]) -> bytes:
    """The notebook as a source: no outputs, execution counts, timings or widget states; always the same bytes.

    A release then does not change when a cell is run again, and what was computed stays where it was computed.
    """
    metadata = dict(cast(dict[str, object], document.get("metadata") or {}))
    metadata.pop("widgets", None)
    cells = []
    for cell in cast(list[dict[str, object]], document["cells"]):
        bare = dict(cell)
        if bare.get("cell_type") == "code":
            bare |= {"outputs": [], "execution_count": None}
            cell_metadata = dict(cast(dict[str, object], bare.get("metadata") or {}))
            cell_metadata.pop("execution", None)
            bare["metadata"] = cell_metadata
        cells.append(bare)
    source = document | {"metadata": metadata, "cells": cells}
    text = json.dumps(source, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    # Half a surrogate pair can't be UTF-8, but its backslash escape is JSON for the same thing.
    return text.encode("utf-8", "backslashreplace")


def used_by_notebook(document: dict[str, object]) -> UsedCode:
    """What the code cells use; nothing when the notebook's language is not Python."""
    if _language(document) != "python":
        return UsedCode()
    found = []
    for number, cell in enumerate(cast(list[dict[str, object]], document["cells"]), start=1):
        if cell.get("cell_type") == "code":
            found.append(_used_by_cell(_text(cell.get("source")), number))
    return _together(found)


def used_by_module(source: str, name: str) -> UsedCode:
    """What a Python file uses. A file with a syntax error gives a note that names it."""
    try:
        return _used_by_tree(ast.parse(source))
    except (SyntaxError, ValueError) as error:
        return UsedCode(notes=(f"{name} was not searched for imports: {_reason(error)}.",))


def _used_by_cell(source: str, number: int) -> UsedCode:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        try:
            tree = ast.parse(_without_magics(source))
        except (SyntaxError, ValueError) as error:
            return UsedCode(notes=(f"Cell {number} was not searched for imports: {_reason(error)}.",))
    return _used_by_tree(tree)


def _without_magics(source: str) -> str:
    # Imported late: IPython takes longer to import than everything else here, and most notebooks have no magics.
    from IPython.core.inputtransformer2 import TransformerManager

    transformer = TransformerManager()  # type: ignore[no-untyped-call]
    return str(transformer.transform_cell(source))


def _used_by_tree(tree: ast.AST) -> UsedCode:
    imports: list[Import] = []
    found: list[UsedCode] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [Import(alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append(Import(node.module or "", tuple(alias.name for alias in node.names), node.level))
        elif isinstance(node, ast.Call):
            found.append(_used_by_magic(node))
    return _together([UsedCode(tuple(imports)), *found])


def _used_by_magic(call: ast.Call) -> UsedCode:
    kind = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    texts = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if kind not in ("run_line_magic", "run_cell_magic") or not all(isinstance(text, str) for text in texts):
        return UsedCode()
    match kind, texts:
        case "run_line_magic", ["run", line]:
            return _used_by_run(cast(str, line))
        case "run_line_magic", ["load_ext", line]:
            return UsedCode((Import(cast(str, line).strip()),))
        case "run_line_magic", ["time", line]:
            return used_by_module(cast(str, line), "A %time line")
        case "run_cell_magic", [str(magic), _, body] if magic in PYTHON_CELL_MAGICS:
            return used_by_module(cast(str, body), f"A %%{magic} cell")
    return UsedCode()


def _used_by_run(line: str) -> UsedCode:
    try:
        words = shlex.split(line)
    except ValueError as error:
        return UsedCode(notes=(f"%run {line} was not followed: {error}.",))
    if "-m" in words[:-1]:
        return UsedCode((Import(words[words.index("-m") + 1]),))
    named = [word for word in words if not word.startswith("-")]
    if not named:
        return UsedCode()
    if any(mark in named[0] for mark in "${"):
        note = f"%run {named[0]} was not followed, as its name is computed; list the file with --files."
        return UsedCode(notes=(note,))
    return UsedCode(ran=(named[0],))


def _together(found: Iterable[UsedCode]) -> UsedCode:
    parts = list(found)

    def once(items: Iterator[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(items))

    return UsedCode(
        tuple(dict.fromkeys(item for part in parts for item in part.imports)),
        once(item for part in parts for item in part.ran),
        once(item for part in parts for item in part.notes),
    )


def _language(document: dict[str, object]) -> str:
    metadata = document.get("metadata")
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = spec.get("language") if isinstance(spec, dict) else None
    return str(language or "python").lower()


def _text(source: object) -> str:
    text = "".join(str(line) for line in source) if isinstance(source, list) else str(source or "")
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair would hinder the parser


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.msg:
        return f"{error.msg} (line {error.lineno})" if error.lineno else error.msg
    return str(error)
