"""Who did what, and who used how much."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from noteyard.api import people as rest
from noteyard.api.portal.desk import Desk

router = APIRouter(prefix="/portal", include_in_schema=False)

PERIODS = (7, 30, 90, 365)


@router.get("/audit")
def audit(
    desk: Desk, who: str = "", thing: str = "", cursor: Annotated[int | None, Query(ge=0, le=2**62)] = None
) -> Response:
    found = rest.audit(desk.person, desk.database, who.strip() or None, thing.strip() or None, cursor, 100)
    return desk.page("audit.html", found=found, who=who, thing=thing)


@router.get("/usage")
def usage(desk: Desk, days: int = 30) -> Response:
    days = days if days in PERIODS else 30
    return desk.page("usage.html", found=rest.usage(desk.person, desk.database, days), days=days, periods=PERIODS)
