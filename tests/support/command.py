"""The `noteyard` command as a person or a script runs it."""

import os
import subprocess
import sys
from pathlib import Path

NOTEYARD = Path(sys.prefix) / "bin" / "noteyard"


def noteyard(state: Path, *words: str, stdin: str = "", code: int = 0, seconds: float = 120) -> str:
    """What the command prints on standard output; on standard error when `code`, which it must end with, is not 0."""
    done = subprocess.run(
        [NOTEYARD, *words],
        env=environment(state),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == code, f"noteyard {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def environment(state: Path) -> dict[str, str]:
    """This process's variables, without settings of an installation around the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTEYARD_")}
    return {**kept, "NOTEYARD_STATE": str(state)}
