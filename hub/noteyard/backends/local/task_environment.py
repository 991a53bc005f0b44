"""What a task's process gets from its profile: interpreter, environment variables, limits.

Memory: each process of the task may allocate `memory_mb` (RLIMIT_DATA), so that a notebook gets a MemoryError instead
of taking the machine down; what several processes use together is not limited. CPU: `cpu` is the number of threads
that numeric libraries start; tasks run at a lower priority than Noteyard's parts. Both hold without rights of our own.
"""

import math
import os
import tempfile
from pathlib import Path

from noteyard.backends.base import Start
from noteyard.backends.local.folders import remove_tree
from noteyard.backends.local.network_environment import network_environment
from noteyard.errors import Conflict
from noteyard.instance import Instance
from noteyard.profiles import environment_folder, find_profile
from noteyard.settings import Profile, Settings
from noteyard.urls import PublicUrls

TEMPORARY = "tmp"  # a link in the task's folder
MIB = 1024 * 1024
BASE_RESERVE = 128 * MIB
THREAD_RESERVE = 64 * MIB
"""The kernel counts what is reserved, not what is used: a thread's stack and buffers are, per thread."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")


def profile_environment(settings: Settings, profile: str) -> Path:
    """The folder of a profile's environment. Raises Conflict when the profile or its interpreter is missing."""
    found = _profile(settings, profile)
    folder = environment_folder(settings, found)
    if not os.access(folder / "bin" / "python", os.X_OK):
        raise Conflict(
            f"The environment of profile {profile!r} is missing: there is no {folder / 'bin' / 'python'}.",
            f"Make it (in a clone of Noteyard by `make up`, elsewhere by `python3 -m venv {folder}` and "
            f"`{folder}/bin/pip install 'noteyard-lab[science]'`), or set another as the profile's `environment`.",
        )
    return folder


def memory_bytes(settings: Settings, profile: str) -> int:
    """What each process may allocate, reserves included; 0: no limit."""
    found = _profile(settings, profile)
    if found.memory_mb is None:
        return 0
    return found.memory_mb * MIB + BASE_RESERVE + THREAD_RESERVE * _threads(found)


def task_environment(
    settings: Settings, instance: Instance, python: Path, folder: Path, start: Start
) -> dict[str, str]:
    """All variables of the process: of the controller's own only what is set for the network, no secret."""
    profile = _profile(settings, start.profile)
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    variables = {
        "PATH": f"{python / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(_temporary(folder)),
        "LANG": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        # Font lists and the like take seconds to make: kept per profile, not per run.
        "MPLCONFIGDIR": str(instance.folder("cache", profile.name, "matplotlib")),
        "NOTEYARD_INSTANCE": str(instance.state),
        "NOTEYARD_TASK": start.id,
    }
    network = network_environment(os.environ, PublicUrls.of(settings))
    return variables | network | limit_variables(profile)


def limit_variables(profile: Profile) -> dict[str, str]:
    """Variables by which libraries keep to the profile's CPU and memory."""
    variables: dict[str, str] = {}
    if profile.cpu is not None:
        variables |= dict.fromkeys(THREAD_VARIABLES, str(_threads(profile)))
    if profile.memory_mb is not None:
        # pyarrow's allocator reserves a GiB at once, which the limit would count as used.
        variables["MIMALLOC_ARENA_EAGER_COMMIT"] = "0"
    return variables


def remove_temporary(folder: Path) -> None:
    """Remove the temporary files of the task with this folder."""
    link = folder / TEMPORARY
    if link.is_symlink():
        remove_tree(link.readlink())
        link.unlink()


def _temporary(folder: Path) -> Path:
    # Not below the state folder: people's code puts sockets there, and a socket's path ends at 108 bytes.
    remove_temporary(folder)
    made = Path(tempfile.mkdtemp(prefix="ny-"))
    (folder / TEMPORARY).symlink_to(made)
    return made


def _profile(settings: Settings, name: str) -> Profile:
    profile = find_profile(settings, name)
    if profile is None:
        raise Conflict(
            f"The profile {name!r} is not in the settings any more.",
            "Make the release again with a profile that is, or ask an administrator to put it back into noteyard.yaml.",
        )
    return profile


def _threads(profile: Profile) -> int:
    return math.ceil(profile.cpu) if profile.cpu is not None else os.cpu_count() or 1
