"""Parameters in a dashboard's notebook of another language than Python."""

import json
import subprocess

from tests.integration.yard_tool import LAB_PYTHON

IN_OTHER_LANGUAGES = """
import json, sys
from pathlib import Path
from noteyard_lab.dashboard.published_notebook import PublishedNotebook, UnusableNotebookError


def injected(kernel, language):
    spec = {"name": kernel, "display_name": language, "language": language}
    path = Path(sys.argv[1])
    path.write_text(json.dumps({"cells": [], "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 4}))
    try:
        return PublishedNotebook(path, {}).with_parameters({"x": 1, "of.r": "a"}).cells[0].source
    except UnusableNotebookError as error:
        return str(error)


print(json.dumps([injected("ir", "R"), injected("other", "Nolang")]))
"""


def test_parameters_are_given_in_the_notebooks_language(tmp_path: object) -> None:
    program = [LAB_PYTHON, "-c", IN_OTHER_LANGUAGES, f"{tmp_path}/x.ipynb"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    in_r, unknown = json.loads(done.stdout)
    assert in_r == '# Parameters of this visit\nx = 1\nof.r = "a"\n'
    assert unknown == "Parameters can't be given to a notebook in Nolang: publish it without any."
