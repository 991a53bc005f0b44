"""Where labs, runs and dashboards really run. The only choice between the shapes is made here."""

from noteyard.backends.base import Platform, Runner, WorkloadHost

__all__ = ["Platform", "Runner", "WorkloadHost"]
