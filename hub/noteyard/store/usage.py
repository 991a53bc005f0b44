"""How much people use the installation, summed by the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, extract, func, literal, select
from sqlalchemy.orm import Session

from noteyard.domain import RETRIED
from noteyard.store.tables import Run
from noteyard.store.types import Instant, now


@dataclass(frozen=True)
class Usage:
    """A person's runs: how many, how many of them failed, timed out or were lost, and the seconds they took."""

    person: str
    runs: int
    failed: int
    seconds: float


def usage_since(session: Session, since: datetime, person: str | None = None) -> list[Usage]:
    """Of everybody, or one person, by runs created since an instant; who took most time comes first."""
    ended = func.coalesce(Run.ended, literal(now(), Instant()))
    seconds = func.coalesce(func.sum(_epoch(session, ended) - _epoch(session, Run.started)), 0.0)
    query = (
        select(Run.owner, func.count(), func.sum(case((Run.state.in_(RETRIED), 1), else_=0)), seconds)
        .where(Run.created > since)
        .group_by(Run.owner)
        .order_by(seconds.desc(), Run.owner)
    )
    if person is not None:
        query = query.where(Run.owner == person)
    return [Usage(owner, runs, int(failed), float(took)) for owner, runs, failed, took in session.execute(query)]


def _epoch(session: Session, moment: Any) -> ColumnElement[Any]:
    # SQLite's own seconds since 1970 are whole ones.
    if session.get_bind().dialect.name == "sqlite":
        return func.julianday(moment) * 86400.0
    return extract("epoch", moment)
