"""What a lab's pod knows of Noteyard, besides what JupyterHub gives to every lab. Pure."""

from noteyard.backends.kubernetes.manifests import HOME
from noteyard.backends.kubernetes.s3_credentials import data_environment
from noteyard.domain import DataUser
from noteyard.s3_places import DataIdentity
from noteyard.settings import Profile, Settings
from noteyard.urls import PublicUrls


def lab_environment(settings: Settings, person: str, profile: Profile) -> dict[str, str]:
    """Environment variables of a lab."""
    return {
        "HOME": HOME,
        "USER": person,
        "LOGNAME": person,
        "SHELL": "/bin/bash",
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NOTEYARD_URL": PublicUrls.of(settings).hub,
        "NOTEYARD_API_URL": settings.kubernetes.addresses["api"],
        "NOTEYARD_USER": person,
        "NOTEYARD_PROFILE": profile.name,
        "NOTEYARD_PERSONAL": f"{HOME}/.local/share/noteyard/{profile.name}",
        **data_environment(settings.s3, DataIdentity(DataUser.PERSON, person, person)),
    }
