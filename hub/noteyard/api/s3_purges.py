"""Deletes what a removed person had in S3, for the controller: of all parts, only the API has a way to keys."""

import asyncio

import structlog
from fastapi import APIRouter

from noteyard.api.dependencies import Config, Db
from noteyard.api.internal import OnlyInternal
from noteyard.api.s3_credentials import TheBroker
from noteyard.domain import DataArea, DataUser
from noteyard.errors import Conflict, Forbidden
from noteyard.s3_emptying import empty_place
from noteyard.s3_places import DataIdentity, places
from noteyard.store import Database
from noteyard.store.purging import wanted_purges

router = APIRouter(prefix="/internal/v1/s3", include_in_schema=False, dependencies=[OnlyInternal])
log = structlog.get_logger(__name__)

AT_MOST_SECONDS = 20
"""Of one request: it says whether it is done, and is made again."""


@router.delete("/people/{person}")
async def purge(person: str, broker: TheBroker, database: Db, settings: Config) -> dict[str, bool]:
    """Delete a person's own data; `done` is False when there may be more. Refused unless it is to be purged."""
    identity = DataIdentity(DataUser.PERSON, person, person)
    place = places(settings.s3, identity).get(DataArea.OWN)
    if not await asyncio.to_thread(_is_wanted, database, person):
        raise Conflict(f"The data of {person!r} is not to be purged.")
    if place is None:
        return {"done": True}
    try:
        keys = await asyncio.to_thread(broker.keys.open, identity)
    except Forbidden as refused:
        # Nobody will add a key for somebody who was removed; what else they left must not stay because of that.
        log.warning("S3 data left by a purge", person=person, place=place.url, why=refused.message)
        return {"done": True}
    return {"done": await asyncio.to_thread(empty_place, settings.s3, place, keys, AT_MOST_SECONDS)}


def _is_wanted(database: Database, person: str) -> bool:
    with database.read() as session:
        return person in {name for name, _ in wanted_purges(session)}
