"""The S3 mount starts in an image that has nothing else of Noteyard, and the sidecar without the driver's libraries."""

import ast
from pathlib import Path

import noteyard

FOLDER = Path(noteyard.__file__).parent / "s3_mount"
THIRD_PARTY_OF_THE_DRIVER = {"grpc", "google"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_nothing_else_of_noteyard_is_imported() -> None:
    files = list(FOLDER.rglob("*.py"))
    assert len(files) > 10
    for path in files:
        own = {name for name in imports(path) if name.split(".")[0] == "noteyard"}
        assert all(name.startswith("noteyard.s3_mount") for name in own), path


def test_the_sidecar_needs_python_alone() -> None:
    for path in (FOLDER / "sidecar").rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & THIRD_PARTY_OF_THE_DRIVER, path
