"""Queries and changes of releases and of who made them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from noteyard.errors import FieldError, InvalidParameters, NotFound
from noteyard.releases import Manifest
from noteyard.store.inserting import insert_once
from noteyard.store.tables import Release, ReleaseOwner, Schedule
from noteyard.store.types import now

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def add_release(
    session: Session, manifest: Manifest, schema: dict[str, Any], notes: list[Any], owner: str
) -> tuple[Release, bool]:
    """Store a release for an owner; (release, whether it is new). Its blobs are stored before."""
    release = Release(
        id=manifest.id,
        notebook=manifest.notebook,
        profile=manifest.profile,
        environment_digest=manifest.environment_digest,
        image=manifest.image,
        files=[{"path": file.path, "sha256": file.sha256, "size": file.size} for file in manifest.files],
        schema=schema,
        notes=notes,
        size=manifest.size,
        created=now(),
    )
    is_new = session.get(Release, manifest.id) is None and insert_once(session, release)
    own = ReleaseOwner(release=manifest.id, person=owner)
    if session.get(ReleaseOwner, (manifest.id, owner)) is not None or not insert_once(session, own):
        session.get_one(ReleaseOwner, (manifest.id, owner)).created = now()
    release = session.get_one(Release, manifest.id)
    return release, is_new


def get_release(session: Session, id: str) -> Release:
    """The release, or NotFound. A unique beginning of at least 8 characters will do."""
    release = session.get(Release, id)
    if release is None and 8 <= len(id) < 64 and id.isalnum():
        found = list(session.scalars(select(Release).where(Release.id.startswith(id)).limit(2)))
        release = found[0] if len(found) == 1 else None
    if release is None:
        raise NotFound(f"There is no release {id[:12]!r}.", "Make one with `yard run` or `yard publish`.")
    return release


def owners_of(session: Session, *releases: str) -> dict[str, list[str]]:
    """Names of owners by release."""
    found: dict[str, list[str]] = {release: [] for release in releases}
    query = select(ReleaseOwner.release, ReleaseOwner.person).where(ReleaseOwner.release.in_(releases))
    for release, person in session.execute(query):
        found[release].append(person)
    return found


def list_releases(
    session: Session, owner: str | None, notebook: str | None = None, cursor: str | None = None, limit: int = 50
) -> list[tuple[Release, datetime]]:
    """Releases of an owner with when they made each last, newest first; of None: all, with when they were made first.

    One more than `limit` when there is a next page, which `cursor` begins: what `place_of` gives for the last one.
    """
    made = Release.created if owner is None else ReleaseOwner.created
    query = select(Release, made).order_by(made.desc(), Release.id.desc()).limit(limit + 1)
    if owner is not None:
        query = query.join(ReleaseOwner, and_(ReleaseOwner.release == Release.id, ReleaseOwner.person == owner))
    if notebook is not None:
        query = query.where(Release.notebook == notebook)
    if cursor:
        moment, id = _parse_place(cursor)
        query = query.where(or_(made < moment, and_(made == moment, Release.id < id)))
    return [(release, moment) for release, moment in session.execute(query)]


def place_of(release: Release, made: datetime) -> str:
    """A release's place in the list. It holds the instant, since a release that is made again moves to the top."""
    return f"{(made - EPOCH) // MICROSECOND}-{release.id}"


def made_by(session: Session, release: Release, person: str) -> datetime:
    """When a person made a release last; when it was made first, where it is not theirs."""
    own = session.get(ReleaseOwner, (release.id, person))
    return own.created if own is not None else release.created


def _parse_place(cursor: str) -> tuple[datetime, str]:
    digits, _, id = cursor.partition("-")
    try:
        return EPOCH + MICROSECOND * int(digits), id
    except (ValueError, OverflowError):
        message = f"{cursor[:80]!r} is not the `next` of a page; leave it out to begin with the first one"
        raise InvalidParameters([FieldError("cursor", message)]) from None


def newer_releases(session: Session, *schedules: str) -> dict[str, tuple[int, str]]:
    """How many releases of a schedule's notebook its owner made after the one it runs, and the newest one's id.

    By schedule; those that run the newest are left out.
    """
    pinned, newer, before = aliased(Release), aliased(Release), aliased(ReleaseOwner)
    found = (
        select(
            Schedule.id.label("schedule"),
            newer.id.label("newest"),
            func.count().over(partition_by=Schedule.id).label("behind"),
            func.row_number()
            .over(partition_by=Schedule.id, order_by=(ReleaseOwner.created.desc(), newer.id))
            .label("place"),
        )
        .join(pinned, pinned.id == Schedule.release)
        .outerjoin(before, and_(before.release == pinned.id, before.person == Schedule.owner))
        .join(ReleaseOwner, ReleaseOwner.person == Schedule.owner)
        .join(newer, newer.id == ReleaseOwner.release)
        .where(newer.notebook == pinned.notebook, newer.profile == pinned.profile, newer.id != pinned.id)
        # When the owner made it, which may be again: what it is was maybe known long before.
        .where(ReleaseOwner.created > func.coalesce(before.created, pinned.created))
        .where(Schedule.id.in_(schedules))
        .subquery()
    )
    rows = session.execute(select(found.c.schedule, found.c.behind, found.c.newest).where(found.c.place == 1))
    return {schedule: (behind, newest) for schedule, behind, newest in rows}
