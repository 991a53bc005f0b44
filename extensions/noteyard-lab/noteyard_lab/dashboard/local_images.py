"""Pictures of the release that a notebook's text shows, put into the notebook: a dashboard serves no files."""

from __future__ import annotations

import base64
import mimetypes
import re
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from nbformat import NotebookNode

from noteyard_lab.release_files import ReleaseError, place_in

LARGEST = 10 << 20
_IMAGE = re.compile(r"(!\[[^\]]*\]\()\s*<?([^)\s>]+)>?((?:\s+\"[^\"]*\")?\s*\))")


def attach_images(notebook: NotebookNode, folder: Path) -> None:
    """Make every `![text](path)` whose path is a picture below `folder` an attachment of its cell."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _IMAGE.sub(partial(_attached, cell, folder), cell.source)


def _attached(cell: NotebookNode, folder: Path, found: re.Match[str]) -> str:
    before, reference, after = found.groups()
    picture = _picture(folder, unquote(reference))
    if picture is None:
        return found.group()
    kind, content = picture
    name = f"picture-{len(cell.setdefault('attachments', {}))}"
    cell.attachments[name] = {kind: base64.b64encode(content).decode()}
    return f"{before}attachment:{name}{after}"


def _picture(folder: Path, reference: str) -> tuple[str, bytes] | None:
    """Media type and content of a picture file; None when the reference is not one below the folder."""
    kind, _ = mimetypes.guess_type(reference)
    if kind is None or not kind.startswith("image/"):
        return None
    try:
        path = place_in(folder, reference)
    except ReleaseError:
        return None
    if not path.is_file() or path.stat().st_size > LARGEST:
        return None
    return kind, path.read_bytes()
