"""The worked example: every notebook runs in the lab's environment, with values of the declared types."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from noteyard.api.s3_guard import S3Key
from noteyard.parameters import coerce_query, schema_from_notebook, validate
from noteyard_lab.collect import collect

from tests.integration.yard_tool import LAB_PYTHON, REPOSITORY
from tests.support.s3_stack import ADA, SHOW, Stack, s3_stack

WEATHER = REPOSITORY / "notebooks" / "weather"
NAMES = ("collect", "preprocess", "train", "report", "dashboard")

# As a run does it: papermill, below a cell that gives the parameters values of their declared types. Each line of
# standard input is a notebook to execute, in a kernel of its own; the answer is what made it fail, or nothing.
EXECUTE = """
import json, os, sys
import nbformat, papermill
from noteyard_lab.typed_values import injected_source
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    source, target, folder, parameters, schema, environment = json.loads(line)
    os.environ.clear()
    os.environ.update(environment)
    notebook = nbformat.read(source, as_version=4)
    tagged = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    given = injected_source(parameters, schema, "Parameters")
    notebook.cells.insert(tagged + 1, nbformat.v4.new_code_cell(given))
    nbformat.write(notebook, target)
    try:
        papermill.execute_notebook(target, target, cwd=folder, progress_bar=False, kernel_name="python3")
        failure = ""
    except papermill.PapermillExecutionError as error:
        failure = str(error)
    print(json.dumps(failure), file=answers, flush=True)
"""


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WEATHER / f"{name}.ipynb").read_text())
    return found


def in_a_folder(data: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(data), "NOTEYARD_TEAM_URL": data.as_uri()}


@dataclass
class Executor:
    """A process of the lab's environment that executes one notebook after the other."""

    process: subprocess.Popen[str]

    def execute(self, name: str, environment: Mapping[str, str], output: Path, **texts: str) -> str:
        """What made the notebook fail, its traceback included; empty when nothing did."""
        schema = schema_from_notebook(document(name)).json_schema
        parameters = coerce_query(schema, texts.items())
        validate(schema, parameters)
        given = [str(WEATHER / f"{name}.ipynb"), str(output), str(WEATHER), parameters, schema, dict(environment)]
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()
        failure: str = json.loads(self.process.stdout.readline())
        return failure


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with subprocess.Popen(
        [LAB_PYTHON, "-c", EXECUTE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Executor(process)


def shown(output: Path) -> str:
    """All text that the cells of an executed notebook show."""
    texts: list[str] = []
    for cell in json.loads(output.read_text())["cells"]:
        for item in cell.get("outputs", ()):
            data = item.get("data", {})
            texts += [item.get("text", ""), data.get("text/plain", ""), data.get("text/markdown", "")]
            assert "image/png" not in data or item["metadata"]["image/png"]["alt"], "a chart without a description"
    return "\n".join("".join(text) for text in texts)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_a_source_with_parameters_and_help(name: str) -> None:
    code = [cell for cell in document(name)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    schema = schema_from_notebook(document(name))
    assert schema.notes == ()
    assert schema.json_schema["properties"]
    assert all(item["description"] for item in schema.json_schema["properties"].values())
    files = [file.path for file in collect(WEATHER / f"{name}.ipynb").files]
    assert files == [f"{name}.ipynb", "weather_tools.py"]


def test_the_types_of_the_parameters() -> None:
    properties = {name: schema_from_notebook(document(name)).json_schema["properties"] for name in NAMES}
    assert properties["collect"]["day"]["x-type"] == "date"
    assert properties["train"]["target"]["enum"] == ["temp_max", "temp_min", "wind"]
    share = properties["train"]["test_share"]
    assert (share["minimum"], share["maximum"], share["default"]) == (0.1, 0.5, 0.25)
    assert properties["dashboard"]["year"]["type"] == ["integer", "null"]


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[Stack]:
    with s3_stack(tmp_path / "state") as stack:
        yield stack


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_collecting_to_the_dashboard(executor: Executor, s3: Stack, tmp_path: Path) -> None:
    output = tmp_path / "out.ipynb"
    weather = s3.folder / "team" / "weather"

    def run(name: str, key: S3Key = ADA, **texts: str) -> str:
        assert executor.execute(name, s3.client_environment(key), output, **texts) == ""
        return shown(output)

    assert "1 days are collected so far." in run("collect", day="2015-06-01")
    assert "2012-02-29" in run("collect", day="2028-02-29")
    assert "2014-11-22" in run("collect", day="2026-11-22")
    before = {path.name: path.read_bytes() for path in (weather / "raw").iterdir()}
    assert "3 days are collected so far." in run("collect", day="2026-11-22")
    assert {path.name: path.read_bytes() for path in (weather / "raw").iterdir()} == before

    text = run("preprocess", start="2014-01-01", end="2015-12-31")
    assert "730 days, 2014-01-01 to 2015-12-31" in text
    assert "collected     1" in text
    run("train", target="temp_min", test_share="0.3")
    run("train")
    metrics = json.loads((weather / "models" / "temp_max" / "metrics.json").read_text())
    assert metrics["mean_error"] < metrics["same_as_today"]
    assert metrics["days_seen"] + metrics["days_held_back"] == 729

    assert "**365 days**, 01 January 2015 to 31 December 2015, 1 of them collected." in run(
        "report", key=SHOW, year="2015"
    )
    text = run("dashboard", key=SHOW, year="2014")
    assert "yet" not in text
    assert "Dropdown" in text or "VBox" in text


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_missing_is_said_in_words(executor: Executor, tmp_path: Path) -> None:
    team, output, execute = in_a_folder(tmp_path / "team"), tmp_path / "out.ipynb", executor.execute
    assert execute("dashboard", team, output) == ""
    words = "**There is nothing to show yet.** There is no clean.parquet yet: run preprocess.ipynb first."
    assert words in shown(output)
    assert "There is no clean.parquet yet: run preprocess.ipynb first." in execute("report", team, output)
    failure = execute("preprocess", team, output, start="2015-01-02", end="2015-01-01")
    assert "The last day, 2015-01-01, is before the first, 2015-01-02." in failure
    assert execute("preprocess", team, output, start="2015-01-01", end="2015-03-31") == ""
    assert "3 months are too few to learn from." in execute("train", team, output)
    assert execute("report", team, output) == ""
    assert "No model has been trained yet: run `train.ipynb`" in shown(output)
    assert execute("dashboard", team, output) == ""
    assert "**No model has been trained yet.**" in shown(output)
