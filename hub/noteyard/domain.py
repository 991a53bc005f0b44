"""The words of the design as types: states, policies, and which state may follow which. Imports nothing of ours."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands. `starting` begins with an attempt's row, `running` with the worker's claim.

    `interrupted` is the one end that is not final: Noteyard was stopped meanwhile, or its image is gone, and the run is
    tried again; or it turns out that it was ended for what it did, and is lost.
    """

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    LOST = "lost"
    INTERRUPTED = "interrupted"


ENDED = frozenset(
    {
        RunState.SUCCEEDED,
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.TIMED_OUT,
        RunState.LOST,
        RunState.INTERRUPTED,
    }
)
FINAL = ENDED - {RunState.INTERRUPTED}
ACTIVE = frozenset({RunState.STARTING, RunState.RUNNING})
RETRIED = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.LOST})
"""Ends of an attempt that use up a retry; an interrupted attempt is tried again without using one."""

NEXT_RUN_STATES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.STARTING, RunState.CANCELLED}),
    RunState.STARTING: frozenset({RunState.RUNNING, RunState.QUEUED, *ENDED}) - {RunState.SUCCEEDED},
    RunState.RUNNING: frozenset({RunState.QUEUED, *ENDED}),
    RunState.INTERRUPTED: frozenset({RunState.QUEUED, RunState.CANCELLED, RunState.LOST}),
    **{state: frozenset() for state in ENDED if state is not RunState.INTERRUPTED},
}


class Target(StrEnum):
    """What a run's owner wants of it: desired state, beside the state that is."""

    RUN = "run"
    CANCEL = "cancel"


class CatchUpPolicy(StrEnum):
    """Which due times that passed during an outage are fired afterwards."""

    ALL = "all"
    LAST = "last"
    NONE = "none"


class OverlapPolicy(StrEnum):
    """What happens when a due time comes while the schedule's last run goes on."""

    SKIP = "skip"
    QUEUE = "queue"
    ALLOW = "allow"


class FireState(StrEnum):
    """What became of a due time."""

    FIRED = "fired"
    SKIPPED = "skipped"
    MISSED = "missed"


class Audience(StrEnum):
    """Who may open a dashboard."""

    ME = "me"
    PEOPLE = "people"
    GROUPS = "groups"
    USERS = "users"
    PUBLIC = "public"


class Role(StrEnum):
    """What a share gives: a viewer opens, a manager also edits, runs, publishes and transfers."""

    VIEWER = "viewer"
    MANAGER = "manager"


class VersionState(StrEnum):
    """A dashboard's version: only one that rendered can become current."""

    RENDERING = "rendering"
    GOOD = "good"
    FAILED = "failed"


class WorkloadState(StrEnum):
    """One started process (or pod) of a dashboard."""

    STARTING = "starting"
    RENDERING = "rendering"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


LIVE_WORKLOAD = frozenset({WorkloadState.STARTING, WorkloadState.RENDERING, WorkloadState.READY})


class DataUser(StrEnum):
    """What reaches the data: a person by their lab, a run, or one start of a dashboard."""

    PERSON = "person"
    RUN = "run"
    DASHBOARD = "dashboard"


class DataArea(StrEnum):
    """A part of the data: the team's, or a person's own."""

    TEAM = "team"
    OWN = "own"


@dataclass(frozen=True)
class Person:
    """Somebody who asks: name, groups, and whether they administer. `scopes` narrows what an API token may do."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False
    scopes: frozenset[str] = frozenset({"read", "write", "admin"})


@dataclass(frozen=True)
class Sharing:
    """A share of one thing: to a person or a group, as viewer or manager."""

    subject_kind: str  # "person" or "group"
    subject: str
    role: Role


@dataclass(frozen=True)
class Fire:
    """One due time of a schedule, as templates in its parameters see it. Instants are UTC."""

    due: datetime
    previous_due: datetime | None
    attempt: int
    timezone: str
