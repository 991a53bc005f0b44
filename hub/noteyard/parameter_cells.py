"""The parameters cell of a notebook: where it is, and which names it assigns, with annotation, default and comment."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from noteyard.errors import NoteyardError

TAG = "parameters"
LARGEST_CELL = 100_000  # characters
COMMAND = re.compile(r"^(?P<indent>[ \t]*)(?:[%!?].*|[^\n#'\"]*\?{1,2})$", re.MULTILINE)
TYPE_COMMENT = re.compile(
    r"type:\s*(?P<type>int|float|bool|str|list|dict|date|datetime|(?!ignore)[\w.]+\[[^#]*\])(?:[\s#]+(?P<help>.*))?"
)
TOOL_COMMENT = re.compile(r"(noqa|type:\s*ignore|pragma|pylint|ruff|fmt|mypy|pyright)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class Note:
    """Something in the parameters cell that could not be understood: its line in the cell (from 1), and what."""

    line: int
    message: str
    parameter: str | None = None


class Unreadable(Exception):
    """The parameters cell can't be read as Python; `note` says why and where."""

    def __init__(self, note: Note) -> None:
        super().__init__(note.message)
        self.note = note


@dataclass(frozen=True)
class Declaration:
    """One name that the cell assigns. `value` is None where there is an annotation only."""

    name: str
    line: int
    annotation: ast.expr | None
    value: ast.expr | None
    help: str | None


@dataclass
class ParametersCell:
    """What the cell says, in its order, and the statements that bring no parameter (imports, classes)."""

    declarations: dict[str, Declaration] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    others: list[ast.stmt] = field(default_factory=list)


def code_cells(notebook: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The notebook's code cells. Raises NoteyardError when this is no notebook of format 4."""
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NoteyardError(
            "This file is not a notebook in format 4: it has no list of cells.",
            "Open it in JupyterLab and save it, which brings it to the present format.",
        )
    return [cell for cell in cells if cell.get("cell_type") == "code"]


def is_tagged(cell: Mapping[str, Any]) -> bool:
    """Whether the cell carries the tag `parameters`."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return isinstance(tags, list) and TAG in tags


def source(cell: Mapping[str, Any]) -> str:
    """The cell's text; notebooks keep it as one string or as a list of lines."""
    text = cell.get("source", "")
    text = "".join(str(line) for line in text) if isinstance(text, list) else str(text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def language(notebook: Mapping[str, Any]) -> str:
    """The language of the notebook's code, lower case; `python` where it says none."""
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        found = metadata.get(part)
        if isinstance(found, dict) and isinstance(found.get(key), str) and found[key]:
            return "python" if found[key].lower() == "ipython" else str(found[key]).lower()
    return "python"


def parse(text: str) -> ast.Module:
    """The syntax tree of a code cell; IPython's commands (`%magic`, `!shell`, `help?`) count as `pass`.

    Raises Unreadable.
    """
    if text.lstrip().startswith("%%"):
        raise Unreadable(Note(1, f"`{text.split()[0]}` makes this a cell of IPython's, not of Python"))
    if len(text) > LARGEST_CELL:
        raise Unreadable(Note(1, f"the cell has {len(text):,} characters, and at most {LARGEST_CELL:,} are read"))
    try:
        return ast.parse(text)
    except SyntaxError:
        text = COMMAND.sub(r"\g<indent>pass", text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(Note(1, f"this can't be read as Python: {error}")) from error
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise Unreadable(Note(error.lineno or 1, f"this can't be read as Python: {error.msg}")) from error


def read_cell(text: str) -> ParametersCell:
    """The assignments of a parameters cell. Raises Unreadable."""
    tree = parse(text)
    comments = _comments(text)
    cell = ParametersCell()
    for statement in tree.body:
        _read_statement(cell, statement, comments)
    return cell


def _read_statement(cell: ParametersCell, statement: ast.stmt, comments: Mapping[int, str]) -> None:
    lines = (statement.end_lineno or statement.lineno, statement.lineno)
    comment = next((comments[line] for line in lines if line in comments), None)
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            _declare(cell, Declaration(name, statement.lineno, annotation, value, _help(comment)[1]))
        case ast.Assign(targets=targets, value=value) if all(isinstance(target, ast.Name) for target in targets):
            annotation_text, help_text = _help(comment)
            written = None if annotation_text is None else ast.Constant(annotation_text)
            for target in targets:
                _declare(cell, Declaration(ast.unparse(target), statement.lineno, written, value, help_text))
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if _pairs(names, values):
            for target, value in zip(names, values, strict=True):
                _declare(cell, Declaration(ast.unparse(target), statement.lineno, None, value, None))
        case ast.Import() | ast.ImportFrom() | ast.ClassDef():
            cell.others.append(statement)
        case ast.Expr() | ast.Pass() | ast.FunctionDef() | ast.AsyncFunctionDef():
            pass
        case _:
            what = ast.unparse(statement).partition("\n")[0][:80]
            cell.notes.append(
                Note(statement.lineno, f"`{what}` declares no parameter: write each one as `name = value`")
            )


def _declare(cell: ParametersCell, new: Declaration) -> None:
    """Later assignments of a name win, and keep what an earlier one says beyond the value."""
    if new.name.startswith("_"):
        return
    old = cell.declarations.get(new.name)
    if old is not None:
        new = Declaration(
            new.name, new.line, new.annotation or old.annotation, new.value or old.value, new.help or old.help
        )
    cell.declarations[new.name] = new


def _pairs(names: Sequence[ast.expr], values: Sequence[ast.expr]) -> bool:
    return (
        len(names) == len(values)
        and all(isinstance(name, ast.Name) for name in names)
        and not any(isinstance(value, ast.Starred) for value in values)
    )


def _help(comment: str | None) -> tuple[str | None, str | None]:
    """A trailing comment as (annotation, help): `# type: int how many days`, `# how many days`."""
    if comment is None:
        return None, None
    annotation = None
    if found := TYPE_COMMENT.fullmatch(comment):
        annotation, comment = found["type"], found["help"] or ""
    comment = TOOL_COMMENT.sub("", comment).strip(" #")
    return annotation, comment or None


def _comments(text: str) -> dict[int, str]:
    """The comments that follow code, by line."""
    found: dict[int, str] = {}
    for token, alone in _tokens(text):
        if not alone:
            found[token.start[0]] = token.string.lstrip("#").strip()
    return found


def _tokens(text: str) -> Iterator[tuple[tokenize.TokenInfo, bool]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token, not token.line[: token.start[1]].strip()
    except (tokenize.TokenError, SyntaxError):
        return  # IPython's commands need not be made of Python's tokens; the comments before them are kept
