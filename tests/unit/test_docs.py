"""Generated pages are current, and tell what they should."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import cli_page
import pytest
import rest_page

ROOT = Path(__file__).parents[2]


def test_generated_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_page_of_settings_tells_type_default_and_help() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert "| `port` | whole number, at least 1, at most 65534 | `8000` | Port of hub, labs and dashboards" in page
    assert "| `mail.tls` | `none` or `starttls` or `tls` | `none` |" in page
    assert "| `profiles[].name` | text | required |" in page


def test_every_operation_has_its_scope_and_answer_on_the_page() -> None:
    page = (ROOT / "docs" / "rest.md").read_text()
    for method, path, _ in rest_page.operations(rest_page.document()):
        found = re.search(rf"### `{method.upper()} {re.escape(path)}`\n(.*?)(?=\n##)", page, re.DOTALL)
        assert found, f"{method} {path} is not on the page"
        assert re.search(r"^Scope: `(any|read|write|admin)`$", found[1], re.MULTILINE), f"{method} {path}: no scope"
        assert "\nAnswers `2" in found[1], f"{method} {path}: no answer"
    headings = {line.removeprefix("### ").lower() for line in page.splitlines() if line.startswith("#")}
    headings |= {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("## ")}
    assert set(re.findall(r"\]\(#([a-z_]+)\)", page)) <= headings


COMMANDS = [found for name, top in cli_page.tops() for found in cli_page.commands(name, top)]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_is_on_the_page_with_an_example_that_it_understands(path: str, command: object) -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    example = cli_page.EXAMPLES[path]
    assert f"### `{path}" in page
    assert f"```sh\n{example}\n```" in page
    assert example.startswith(path)
    command.make_context(path, shlex.split(example.removeprefix(path)))  # type: ignore[attr-defined]


def test_the_readme_leads_to_the_generated_pages() -> None:
    more = (ROOT / "README.md").read_text().partition("## More")[2]
    for page in ("rest.md", "cli.md", "settings.md"):
        assert f"(docs/{page})" in more
