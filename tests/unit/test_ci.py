"""What is checked on GitHub and before a commit is what `.ci/run` and `make lint` check."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def load(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / path).read_text())
    return found


def target(name: str) -> list[str]:
    """The commands of a target of the Makefile."""
    found = re.search(rf"^{name}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return [line.strip().replace("$(HUB)", ".venvs/hub/bin") for line in found[1].splitlines()]


def test_the_workflow_does_what_ci_run_does() -> None:
    jobs = load(".github/workflows/ci.yml")["jobs"].values()
    steps = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    wanted = re.findall(r"^ *make (\S+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert [step.split()[1] for step in steps] == wanted == ["lint", "test", "test-faults", "test-kubernetes"]
    assert all("timeout-minutes" in job for job in jobs)


def test_the_hooks_before_a_commit_are_the_tools_of_make_lint() -> None:
    hooks = [hook["entry"].split()[0] for repo in load(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    tools = {command.split()[0] for command in target("lint")}
    assert tools <= set(hooks)
    assert set(hooks) - tools == {".venvs/hub/bin/python"}  # the generated pages; `make test` checks those
