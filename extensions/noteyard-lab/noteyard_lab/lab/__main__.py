"""Starts a lab: `python -I -m noteyard_lab.lab`, by the profile's Python, with the variables that JupyterHub sets.

NOTEYARD_PERSONAL names the folder for packages that the person installs; without it they go into the profile's own.
"""

import os
import sys
from pathlib import Path

from noteyard_lab.lab.home_space import NO_ROOM, has_room, substitutes
from noteyard_lab.lab.personal_environment import prepare

CONFIG = Path(__file__).parent / "jupyter_config"
DATA = Path(__file__).parent / "jupyter_data"


def main() -> None:
    """Become the lab's server; returns when it ends."""
    if not _settle_in(Path.home(), os.environ.get("NOTEYARD_PERSONAL")):
        print("The home is full: this start leaves out settings and packages of its own.", file=sys.stderr)  # noqa: T201
        os.environ.update(substitutes())
    os.environ["JUPYTER_PATH"] = _joined(str(DATA), os.environ.get("JUPYTER_PATH"))
    os.environ["JUPYTER_CONFIG_PATH"] = _joined(str(CONFIG), os.environ.get("JUPYTER_CONFIG_PATH"))
    from jupyterhub.singleuser import main as singleuser

    sys.argv[0] = "jupyterhub-singleuser"
    singleuser()


def _settle_in(home: Path, personal: str | None) -> bool:
    """Prepare the person's own environment; False when there is no room for it."""
    if not has_room(home):
        return False
    try:
        if personal:
            os.environ.update(prepare(Path(personal), os.environ))
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        return False
    return True


def _joined(first: str, rest: str | None) -> str:
    return os.pathsep.join([first, rest] if rest else [first])


if __name__ == "__main__":
    main()
