"""What a lab's pod knows of Noteyard, besides what JupyterHub gives to every lab. Pure."""

from noteyard.backends.kubernetes.homes import RESCUED
from noteyard.backends.kubernetes.manifests import HOME
from noteyard.backends.kubernetes.s3_credentials import data_environment
from noteyard.domain import DataUser
from noteyard.s3_places import DataIdentity
from noteyard.settings import Profile, Settings
from noteyard.urls import PublicUrls


def lab_environment(settings: Settings, person: str, profile: Profile, *, rescue: bool = False) -> dict[str, str]:
    """Environment variables of a lab."""
    # Packages of one's own may be what keeps a lab from starting.
    own = (
        {"NOTEYARD_RESCUED": RESCUED}
        if rescue
        else {"NOTEYARD_PERSONAL": f"{HOME}/.local/share/noteyard/{profile.name}"}
    )
    return {
        "HOME": HOME,
        "USER": person,
        "LOGNAME": person,
        "SHELL": "/bin/bash",
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # Connection files of kernels: a home that is full must not keep one from starting.
        "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",
        "NOTEYARD_URL": PublicUrls.of(settings).hub,
        "NOTEYARD_API_URL": settings.kubernetes.addresses["api"],
        "NOTEYARD_USER": person,
        "NOTEYARD_PROFILE": profile.name,
        **own,
        **settings.labs.environment(),
        **data_environment(settings.s3, DataIdentity(DataUser.PERSON, person, person)),
    }
