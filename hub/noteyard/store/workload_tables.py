"""Tables of dashboards, their processes, browser sessions and S3 keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from noteyard.domain import Audience, VersionState, WorkloadState
from noteyard.store.tables import Base
from noteyard.store.types import Word, now


class Dashboard(Base):
    """A release published behind a stable link. `awake` is desired state: a process should be up."""

    __tablename__ = "dashboards"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(ForeignKey("people.name"), index=True)
    publisher: Mapped[str] = mapped_column(ForeignKey("people.name"))
    audience: Mapped[Audience] = mapped_column(Word(Audience))
    reads_viewer: Mapped[bool] = mapped_column(default=False)
    parameters: Mapped[dict[str, Any]]  # of the version shown
    current: Mapped[int | None]  # version shown
    awake: Mapped[bool] = mapped_column(default=False)
    starts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)  # starts in a row that failed
    not_before: Mapped[datetime | None]  # backoff after a failed start
    last_visit: Mapped[datetime | None]
    created: Mapped[datetime] = mapped_column(default=now)
    deleted: Mapped[datetime | None]


class DashboardVersion(Base):
    """A published release of a dashboard, numbered from 1."""

    __tablename__ = "dashboard_versions"
    dashboard: Mapped[str] = mapped_column(ForeignKey("dashboards.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    release: Mapped[str] = mapped_column(ForeignKey("releases.id"))
    parameters: Mapped[dict[str, Any]]
    state: Mapped[VersionState] = mapped_column(Word(VersionState), default=VersionState.RENDERING)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    log: Mapped[str | None] = mapped_column(Text)
    published_by: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(default=now)
    rendered: Mapped[datetime | None]
    has_card: Mapped[bool] = mapped_column(default=False)


class WorkloadProcess(Base):
    """One start of a dashboard's process; `id` is `<dashboard>.<version>.<start>`."""

    __tablename__ = "workload_processes"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    dashboard: Mapped[str] = mapped_column(ForeignKey("dashboards.id"), index=True)
    version: Mapped[int]
    render: Mapped[bool] = mapped_column(default=False)
    state: Mapped[WorkloadState] = mapped_column(Word(WorkloadState), default=WorkloadState.STARTING, index=True)
    stop: Mapped[bool] = mapped_column(default=False)  # desired state: end it
    token_hash: Mapped[str] = mapped_column(String(64), index=True)
    epoch: Mapped[int]
    address: Mapped[str | None] = mapped_column(Text)  # host:port once ready
    sessions: Mapped[int] = mapped_column(default=0)
    last_activity: Mapped[datetime | None]
    heartbeat: Mapped[datetime | None]
    claimed: Mapped[datetime | None]
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    log: Mapped[str | None] = mapped_column(Text)


class BrowserSession(Base):
    """A browser known to the portal (`dashboard` empty) or to one dashboard's host; `id` is the cookie's SHA-256."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name"), index=True)
    dashboard: Mapped[str | None] = mapped_column(String(32))
    sid: Mapped[str] = mapped_column(String(32))  # what people's code may know of the session
    csrf: Mapped[str] = mapped_column(String(64), default="")
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime] = mapped_column(index=True)


class Ticket(Base):
    """A single-use pass from the hub's host to a dashboard's; `id` is its SHA-256."""

    __tablename__ = "tickets"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name"))
    dashboard: Mapped[str] = mapped_column(String(32))
    parent: Mapped[str] = mapped_column(String(64))  # the portal session it came from
    query: Mapped[str] = mapped_column(Text, default="")
    expires: Mapped[datetime] = mapped_column(index=True)


class S3Key(Base):
    """An S3 identity of one person, run or dashboard. `grants` maps a bucket to read or write."""

    __tablename__ = "s3_keys"
    access_key: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(10))  # person, run or dashboard
    subject: Mapped[str] = mapped_column(String(64), index=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name"), index=True)
    grants: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
