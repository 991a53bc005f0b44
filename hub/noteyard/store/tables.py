"""Every table but the workloads' ones, which stand in workload_tables.py."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from noteyard.domain import CatchUpPolicy, FireState, OverlapPolicy, Role, RunState, Target
from noteyard.store.types import Instant, Word, now

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: Instant, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class Account(Base):
    """A person; `password_hash` (argon2) only for local accounts. Removed people stay as rows: names are not reused.

    `subject` is who they are at the login's provider, for good; `registered` whether somebody added them, rather than
    a first login; `refused` whether the provider's groups keep them out; `login_epoch` grows when all logins end.
    """

    __tablename__ = "people"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str | None] = mapped_column(String(400), unique=True)
    registered: Mapped[bool] = mapped_column(default=True)
    refused: Mapped[bool] = mapped_column(default=False)
    login_epoch: Mapped[int] = mapped_column(default=0)
    password_hash: Mapped[str | None] = mapped_column(Text)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    admin: Mapped[bool] = mapped_column(default=False)
    disabled: Mapped[bool] = mapped_column(default=False)
    removed: Mapped[datetime | None]
    purged: Mapped[datetime | None]  # since when their data is to be gone; it is when `hub_cleared` is True again
    hub_cleared: Mapped[bool] = mapped_column(default=True)  # the hub has forgotten a disabled person's lab and tokens
    created: Mapped[datetime] = mapped_column(default=now)
    last_seen: Mapped[datetime | None]


class Membership(Base):
    """A person in a group."""

    __tablename__ = "memberships"
    person: Mapped[str] = mapped_column(ForeignKey("people.name", ondelete="CASCADE"), primary_key=True)
    group: Mapped[str] = mapped_column("group_name", String(64), primary_key=True, index=True)


class LoginFailure(Base):
    """Failed logins under one name since the last success; slows down guessing."""

    __tablename__ = "login_failures"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    last: Mapped[datetime]


class Release(Base):
    """An immutable snapshot; `id` is the SHA-256 of its manifest."""

    __tablename__ = "releases"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    notebook: Mapped[str] = mapped_column(Text)
    profile: Mapped[str] = mapped_column(String(64))
    environment_digest: Mapped[str | None] = mapped_column(String(64))
    image: Mapped[str | None] = mapped_column(Text)
    files: Mapped[list[Any]]
    schema: Mapped[dict[str, Any]] = mapped_column("parameter_schema")
    notes: Mapped[list[Any]]
    size: Mapped[int]
    created: Mapped[datetime] = mapped_column(default=now, index=True)


class ProfileImage(Base):
    """Which content a profile's image had on the cluster: `asked` is its name in the settings, `name` that by digest.

    `seen` is when it became the one that pods tell; `gone` when a registry last said that it has it no more.
    """

    __tablename__ = "profile_images"
    asked: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    seen: Mapped[datetime] = mapped_column(default=now)
    gone: Mapped[datetime | None]


class ReleaseOwner(Base):
    """Who made the release; the same content by two people is one release with two owners."""

    __tablename__ = "release_owners"
    release: Mapped[str] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name"), primary_key=True, index=True)
    created: Mapped[datetime] = mapped_column(default=now)


class Share(Base):
    """A schedule, dashboard or release opened to a person or a group, as viewer or manager."""

    __tablename__ = "shares"
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    thing: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[Role] = mapped_column(Word(Role))


class Schedule(Base):
    """The rule that makes runs. `next_due` is what the controller fires by."""

    __tablename__ = "schedules"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    owner: Mapped[str] = mapped_column(ForeignKey("people.name"), index=True)
    release: Mapped[str] = mapped_column(ForeignKey("releases.id"))
    cron: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]]
    catch_up: Mapped[CatchUpPolicy] = mapped_column(Word(CatchUpPolicy))
    catch_up_window: Mapped[int]  # seconds
    overlap: Mapped[OverlapPolicy] = mapped_column(Word(OverlapPolicy))
    timeout: Mapped[int | None]  # seconds
    retries: Mapped[int]
    alerts: Mapped[dict[str, Any]]
    paused: Mapped[bool] = mapped_column(default=False)
    paused_reason: Mapped[str | None] = mapped_column(Text)
    failing: Mapped[bool] = mapped_column(default=False)
    next_due: Mapped[datetime | None] = mapped_column(index=True)
    last_due: Mapped[datetime | None]
    created: Mapped[datetime] = mapped_column(default=now)
    deleted: Mapped[datetime | None]


class ScheduleFire(Base):
    """A due time and what became of it; the primary key is what makes a fire happen once."""

    __tablename__ = "fires"
    schedule: Mapped[str] = mapped_column(ForeignKey("schedules.id"), primary_key=True)
    due: Mapped[datetime] = mapped_column(primary_key=True)
    state: Mapped[FireState] = mapped_column(Word(FireState))
    reason: Mapped[str | None] = mapped_column(Text)
    run: Mapped[str | None] = mapped_column(String(32))
    created: Mapped[datetime] = mapped_column(default=now)


class Run(Base):
    """One execution of a release with parameters."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_state_not_before", "state", "not_before"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    release: Mapped[str] = mapped_column(ForeignKey("releases.id"), index=True)
    notebook: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(ForeignKey("people.name"), index=True)
    state: Mapped[RunState] = mapped_column(Word(RunState), default=RunState.QUEUED)
    target: Mapped[Target] = mapped_column(Word(Target), default=Target.RUN)
    parameters: Mapped[dict[str, Any]]
    schedule: Mapped[str | None] = mapped_column(ForeignKey("schedules.id"), index=True)
    due: Mapped[datetime | None]
    previous_due: Mapped[datetime | None]
    timezone: Mapped[str | None] = mapped_column(String(64))  # the schedule's when it fired, for the templates
    rerun_of: Mapped[str | None] = mapped_column(String(32))
    timeout: Mapped[int | None]  # seconds
    retries: Mapped[int] = mapped_column(default=0)
    retries_used: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime] = mapped_column(default=now)
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None] = mapped_column(index=True)
    cells: Mapped[int | None]
    cells_done: Mapped[int] = mapped_column(default=0)
    cell: Mapped[int | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    request_id: Mapped[str] = mapped_column(String(64), default="")
    expired: Mapped[datetime | None]  # outputs and log deleted by retention


class Attempt(Base):
    """One try at a run; `token_hash` is the SHA-256 of the worker's token; `claimed` proves that it executes once."""

    __tablename__ = "attempts"
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[RunState] = mapped_column(Word(RunState), default=RunState.STARTING)
    token_hash: Mapped[str] = mapped_column(String(64), index=True)
    epoch: Mapped[int]  # the controller's fencing epoch
    created: Mapped[datetime] = mapped_column(default=now)
    claimed: Mapped[datetime | None]
    heartbeat: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))  # as the worker reported it
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    log_size: Mapped[int] = mapped_column(default=0)  # characters
    outputs: Mapped[list[Any]] = mapped_column(default=list)  # [{"name", "size"}]


class LogChunk(Base):
    """A piece of an attempt's log, by its offset in characters."""

    __tablename__ = "log_chunks"
    run: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    offset: Mapped[int] = mapped_column("log_offset", primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class Lease(Base):
    """Who leads: one row a role; `epoch` grows with every change of holder and fences the writes of older ones."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    epoch: Mapped[int]
    expires: Mapped[datetime]


class Message(Base):
    """The outbox: an alert to deliver, by mail or webhook. `dedupe` keeps a repeated step from sending twice.

    `error` and `failed` are of the last try, its own or one of another message to the same server; empty once it is
    `delivered`. Without `next_try` it is given up.
    """

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("dedupe"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    dedupe: Mapped[str] = mapped_column(String(200))
    channel: Mapped[str] = mapped_column(String(8))  # mail or webhook
    recipient: Mapped[str] = mapped_column(Text)
    schedule: Mapped[str | None] = mapped_column(String(32), index=True)
    payload: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
    tries: Mapped[int] = mapped_column(default=0)
    next_try: Mapped[datetime | None] = mapped_column(default=now, index=True)
    delivered: Mapped[datetime | None]
    failed: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


class AuditEntry(Base):
    """Who did what to what, kept for administrators."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    who: Mapped[str] = mapped_column(String(64), index=True)
    action: Mapped[str] = mapped_column(String(64))
    thing: Mapped[str] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    request_id: Mapped[str] = mapped_column(String(64), default="")


class HubRoute(Base):
    """A route of the hub's proxy: JupyterHub's routespec, its target, and the data JupyterHub keeps with it."""

    __tablename__ = "hub_routes"
    routespec: Mapped[str] = mapped_column(String(400), primary_key=True)
    target: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
