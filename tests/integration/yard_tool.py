"""`yard` as people start it: a process of its own, in an environment that says nothing but what a test puts into it."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
YARD = REPOSITORY / ".venvs" / "lab" / "bin" / "yard"
LAB_PYTHON = YARD.with_name("python")


def plain_environment(home: Path) -> dict[str, str]:
    """What a login gives, and a time zone that is not UTC."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TZ": "Europe/Berlin", "COLUMNS": "160"}


def yard(*arguments: str, environment: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `yard` in `folder` to its end."""
    return subprocess.run(
        [YARD, *arguments],
        env={**plain_environment(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write_notebook(path: Path, *cells: str, parameters: str | None = None, **metadata: Any) -> Path:
    """A notebook of format 4 with code cells that have been run; `parameters` is the source of a tagged first cell."""
    sources: list[tuple[str, list[str]]] = [(source, []) for source in cells]
    if parameters is not None:
        sources.insert(0, (parameters, ["parameters"]))
    document = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "execution_count": number,
                "metadata": {"tags": tags, "execution": {"iopub.execute_input": "2026-11-22T06:00:00Z"}},
                "outputs": [{"output_type": "stream", "name": "stdout", "text": "computed here\n"}],
                "source": source.splitlines(keepends=True),
            }
            for number, (source, tags) in enumerate(sources, start=1)
        ],
        "metadata": {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path
