"""The environment variables of a lab: what is listed here, what JupyterHub gives to this one lab, and nothing else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from noteyard.backends.local.network_environment import network_environment
from noteyard.backends.local.task_environment import limit_variables
from noteyard.instance import Instance
from noteyard.settings import Profile
from noteyard.urls import PublicUrls

MARK = "NOTEYARD_LAB"
"""Names the person whose lab a process belongs to; everything that a lab starts inherits it."""
KEPT = ("LANG", "LC_ALL", "TZ", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT")
"""What the administrator set for the language and for pip."""


@dataclass(frozen=True)
class Lab:
    """Whose lab, in which profile and environment folder."""

    person: str
    profile: Profile
    environment: Path


def lab_environment(instance: Instance, lab: Lab, urls: PublicUrls, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of a lab but JupyterHub's and S3's.

    `environment` is the hub's own, of which only KEPT and what is set for the network goes on.
    """
    home = instance.home(lab.person)
    kept = {name: environment[name] for name in KEPT if name in environment}
    return {
        "LANG": "C.UTF-8",
        **kept,
        **network_environment(environment, urls),
        **limit_variables(lab.profile),
        "PATH": os.pathsep.join([str(lab.environment / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(home),
        "USER": lab.person,
        "LOGNAME": lab.person,
        "SHELL": "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NOTEYARD_URL": urls.hub,
        "NOTEYARD_USER": lab.person,
        "NOTEYARD_PROFILE": lab.profile.name,
        "NOTEYARD_PERSONAL": str(home / ".local" / "share" / "noteyard" / lab.profile.name),
        "NOTEYARD_INSTANCE": str(instance.state),
        MARK: lab.person,
    }
