"""Starts a lab: `python -I -m noteyard_lab.lab`, by the profile's Python, with the variables that JupyterHub sets.

NOTEYARD_PERSONAL names the folder for packages that the person installs; without it they go into the profile's own.
NOTEYARD_EXAMPLE names the folder that is copied into the home once; without it that is Noteyard's worked example.
With --spare it waits first until it is told whose lab it is (spare.py).
"""

import os
import sys
from pathlib import Path

from noteyard_lab.lab import builds, spare
from noteyard_lab.lab.example import copy_once
from noteyard_lab.lab.home_space import NO_ROOM, has_room, substitutes
from noteyard_lab.lab.hub_waiting import wait_for_the_hub
from noteyard_lab.lab.personal_environment import prepare

CONFIG = Path(__file__).parent / "jupyter_config"
DATA = Path(__file__).parent / "jupyter_data"


def main() -> None:
    """Become the lab's server; returns when it ends."""
    builds.leave_out()
    if sys.argv[1:] == [spare.OPTION] and not spare.become_a_lab():
        return
    if not _settle_in(Path.home(), os.environ.get("NOTEYARD_PERSONAL")):
        print("The home is full: this start leaves out settings and packages of its own.", file=sys.stderr)  # noqa: T201
        os.environ.update(substitutes())
    os.environ["JUPYTER_PATH"] = _joined(str(DATA), os.environ.get("JUPYTER_PATH"))
    os.environ["JUPYTER_CONFIG_PATH"] = _joined(str(CONFIG), os.environ.get("JUPYTER_CONFIG_PATH"))
    from jupyterhub.singleuser import main as singleuser

    wait_for_the_hub()
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
    return "NOTEYARD_RESCUED" in os.environ or _bring_example(home)


def _bring_example(home: Path) -> bool:
    """Copy the example; False when there is no room for it. No other trouble with it keeps a lab from starting."""
    try:
        copy_once(os.environ.get("NOTEYARD_EXAMPLE"), home)
    except OSError as error:
        print(f"The example could not be copied: {error}", file=sys.stderr)  # noqa: T201
        return error.errno not in NO_ROOM
    return True


def _joined(first: str, rest: str | None) -> str:
    return os.pathsep.join([first, rest] if rest else [first])


if __name__ == "__main__":
    main()
