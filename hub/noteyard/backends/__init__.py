"""Where labs, runs and dashboards really run. The only choice between the shapes is made here."""

from typing import TYPE_CHECKING

from noteyard.backends.base import Caller, Callers, PersonalData, Platform, Runner, WorkloadHost
from noteyard.settings import Settings

if TYPE_CHECKING:
    from noteyard.backends.local.s3_folder import S3Folder
    from noteyard.backends.local.s3_objects import S3Objects

__all__ = [
    "Caller",
    "Callers",
    "PersonalData",
    "Platform",
    "Runner",
    "WorkloadHost",
    "data_callers",
    "embedded_s3",
    "platform",
]


def platform(settings: Settings) -> Platform:
    """The platform of the settings' shape. A shape's libraries are imported only where it is used."""
    if settings.shape == "kubernetes":
        from noteyard.backends.kubernetes.platform import KubernetesPlatform

        return KubernetesPlatform(settings)
    from noteyard.backends.local.platform import LocalPlatform

    return LocalPlatform(settings)


def embedded_s3(settings: Settings) -> "tuple[S3Folder, S3Objects] | None":
    """The folder behind the S3 server that the API guards, and the server itself; None where S3 is not ours."""
    if settings.shape == "kubernetes":
        return None
    from noteyard.backends.local.s3_folder import S3Folder
    from noteyard.backends.local.s3_objects import S3Objects
    from noteyard.instance import Instance

    instance = Instance.of(settings)
    return S3Folder(instance.s3), S3Objects(instance.internal_url("s3"))


def data_callers(settings: Settings) -> Callers | None:
    """Knows who asks for credentials of the data; None where there is no data, or everybody is given a key."""
    if settings.shape != "kubernetes" or settings.s3.team_url is None:
        return None
    from noteyard.backends.kubernetes.callers import PodCallers

    return PodCallers(settings)
