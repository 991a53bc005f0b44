"""Is this process fit to work, is it one that still turns? And its metrics."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from noteyard.api.dependencies import Db

router = APIRouter(prefix="/internal/v1", include_in_schema=False)


@router.get("/health")
def health(database: Db) -> dict[str, str]:
    """200 while the database answers."""
    with database.read() as session:
        session.execute(text("SELECT 1"))
    return {"status": "ok"}


@router.get("/live")
async def live() -> dict[str, str]:
    """200 while the loop turns that all requests go through; a database that is away is no reason to be restarted.

    In the loop itself: the threads may all be waiting for the database.
    """
    return {"status": "ok"}


@router.get("/metrics")
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
