"""Where labs, runs and dashboards really run. The only choice between the shapes is made here."""

from noteyard.backends.base import Platform, Runner, WorkloadHost
from noteyard.settings import Settings

__all__ = ["Platform", "Runner", "WorkloadHost", "platform"]


def platform(settings: Settings) -> Platform:
    """The platform of the settings' shape. A shape's libraries are imported only where it is used."""
    from noteyard.backends.local.platform import LocalPlatform

    return LocalPlatform(settings)
