"""What is known of profiles' images: their digests, and which of these no registry has any more."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from noteyard.store.tables import ProfileImage
from noteyard.store.types import now

GONE_FOR = timedelta(days=1)
"""Then it is asked for again: a registry that was set up wrongly for a while must not cost a release its image."""


def known_image(session: Session, asked: str) -> str | None:
    """What pods told last of the image that the settings name so, by digest; None when none did, or it is gone."""
    name = _last_told(session).get(asked)
    return name if name not in gone_images(session) else None


def news(session: Session, told: Mapping[str, str]) -> dict[str, str]:
    """Of what pods tell (digests by the settings' names), what is not the last that is kept."""
    last = _last_told(session)
    return {asked: name for asked, name in told.items() if last.get(asked) != name}


def keep_images(session: Session, told: Mapping[str, str]) -> None:
    """Keep what pods tell, as the last that is known."""
    for asked, name in told.items():
        session.merge(ProfileImage(asked=asked, name=name, seen=now()))


def gone_images(session: Session) -> frozenset[str]:
    """Images by digest that nothing is to be started with."""
    query = select(ProfileImage.name).where(ProfileImage.gone > now() - GONE_FOR)
    return frozenset(session.scalars(query))


def goes_without(session: Session, name: str, since: datetime) -> bool:
    """Keep that no registry has the image any more; whether a start of `since` is to be made again without it.

    Once this is known nothing is started with it: a later start that fails by it all the same fails for good.
    """
    known = session.scalar(select(func.max(ProfileImage.gone)).where(ProfileImage.name == name))
    if known is not None and now() - known < GONE_FOR:
        return since <= known
    rows = list(session.scalars(select(ProfileImage).where(ProfileImage.name == name)))
    for row in rows or [ProfileImage(asked="", name=name)]:  # maybe no turn of the loop has seen it yet
        row.gone = now()
        session.add(row)
    return True


def _last_told(session: Session) -> dict[str, str]:
    """Digests by the settings' names."""
    query = select(ProfileImage.asked, ProfileImage.name).order_by(ProfileImage.seen)
    return {row.asked: row.name for row in session.execute(query)}
