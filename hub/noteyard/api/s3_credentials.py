"""The broker: gives the sidecar of a lab, run or dashboard keys for the data, for as long as its work goes on."""

import asyncio
from typing import Annotated, Any, cast

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from noteyard.api.dependencies import Config, Db, RequestId
from noteyard.api.viewer.rate_limit import RateLimits
from noteyard.api.workers import Token
from noteyard.backends import Caller, Callers
from noteyard.errors import Forbidden, TooMany
from noteyard.s3_places import DataIdentity, places
from noteyard.s3_sessions import Session, Sessions
from noteyard.store import Database
from noteyard.store.audit import record, recorded
from noteyard.store.data_identities import data_identity

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/internal/v1/s3", include_in_schema=False)
PER_MINUTE = 30
"""Requests of one pod; a sidecar that can't get what it wants asks two to ten times a minute."""


class Broker:
    """What the route works with, made once."""

    def __init__(self, callers: Callers, keys: Sessions) -> None:
        self.callers = callers
        self.keys = keys
        self.limits = RateLimits(PER_MINUTE)


def _broker(request: Request) -> Broker:
    return cast(Broker, request.app.state.broker)


TheBroker = Annotated[Broker, Depends(_broker)]


@router.post("/credentials")
async def credentials(
    request: Request,
    token: Token,
    broker: TheBroker,
    database: Db,
    settings: Config,
    request_id: RequestId,
) -> JSONResponse:
    """Keys as AWS's container credentials are written; the token is the pod's own, of the audience `noteyard`."""
    # By address, and before anybody is asked: what a pod sends is cheap to refuse.
    if not broker.limits.take(request.client.host if request.client else ""):
        raise TooMany("This pod asks for credentials too often.", "Wait a minute.")
    caller = await broker.callers.identify(token)
    identity = await asyncio.to_thread(_identity, database, caller, request_id)
    session = await asyncio.to_thread(broker.keys.open, identity)
    reached: dict[str, str] = {area.value: place.access for area, place in places(settings.s3, identity).items()}
    await asyncio.to_thread(_note, database, identity, caller, reached, request_id)
    log.info("data opened", person=identity.person, subject=identity.subject, until=session.expires.isoformat())
    return JSONResponse(_document(session), headers={"Cache-Control": "no-store"})


def _identity(database: Database, caller: Caller, request_id: str) -> DataIdentity:
    try:
        with database.read() as session:
            return data_identity(session, caller.user, caller.subject)
    except Forbidden as error:
        log.warning("data refused", subject=caller.subject, reason=error.message)
        with database.write() as session:
            thing = _thing(caller)
            if not recorded(session, caller.subject, "data.refuse", thing):
                record(session, caller.subject, "data.refuse", thing, {"reason": error.message}, request_id)
        raise


def _note(database: Database, identity: DataIdentity, caller: Caller, reached: dict[str, str], request_id: str) -> None:
    """Once a pod: renewals say nothing new."""
    thing = _thing(caller)
    with database.read() as session:
        if recorded(session, identity.person, "data.open", thing):
            return
    with database.write() as session:
        record(session, identity.person, "data.open", thing, reached, request_id)


def _thing(caller: Caller) -> str:
    return f"{caller.user} {caller.subject} (pod {caller.id})"


def _document(session: Session) -> dict[str, Any]:
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret,
        "Token": session.token,
        "Expiration": session.expires.isoformat(),
    }
