"""docs/one-machine.md: its commands for backups work as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

from noteyard.instance import Instance
from noteyard.store import Database
from noteyard.store.migrate import migrate

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "one-machine.md").read_text()
SUDO = """#!/bin/sh
test "$1 $2" = "-u noteyard" && shift 2 && exec env "$@"
"""


def test_a_backup_is_written_and_restored_by_the_commands_on_the_page(tmp_path: Path) -> None:
    """In folders of the test's own, and without another account."""
    places = {
        "/srv/noteyard/noteyard/.venvs/hub/bin": str(Path(sys.executable).parent),
        "/srv/noteyard/state": str(tmp_path / "state"),
        "/backup/": f"{tmp_path}/backup/",
    }

    def here(text: str) -> str:
        for place, instead in places.items():
            text = text.replace(place, instead)
        return text

    def command(line: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTEYARD_")}
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-euc", line], env={**kept, "PATH": path}, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (wrapper,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", PAGE, re.DOTALL)
    for folder in ("bin", "backup"):
        (tmp_path / folder).mkdir()
    for name, text in (("noteyard", here(wrapper)), ("sudo", SUDO)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    instance = Instance(tmp_path / "state")
    instance.make_secrets()
    database = Database(instance.database_url)
    migrate(database, instance.run)
    database.close()

    backup, restore = (re.findall(rf"^noteyard {word} .*$", PAGE, re.MULTILINE)[0] for word in ("backup", "restore"))
    assert "Wrote" in command(here(backup))
    (written,) = (tmp_path / "backup").iterdir()
    again = here(restore).replace(here(restore).split()[-1], str(written))
    assert "Restored" in command(again)
