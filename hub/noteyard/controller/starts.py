"""What an attempt or a dashboard's process is started with, from its release."""

from sqlalchemy.orm import Session

from noteyard.backends.base import Start
from noteyard.store.images import gone_images
from noteyard.store.releases import get_release


def start_of(session: Session, id: str, token: str, release: str, person: str, timeout: int | None = None) -> Start:
    """A start of the release, by the person, with what is known of its image."""
    made, gone = get_release(session, release), gone_images(session)
    image = made.image if made.image not in gone else None
    return Start(id, token, made.profile, person, image, gone, timeout)
