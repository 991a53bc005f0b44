"""Names of people and groups that begin as somebody types, for the fields that take one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from noteyard.api.portal.desk import Desk
from noteyard.store.people import names_beginning

router = APIRouter()

SHOWN = 12


@router.get("/portal/names")
def names(
    desk: Desk,
    start: Annotated[str, Query(min_length=1, max_length=64)],
    kind: Literal["person", "group"] = "person",
) -> list[str]:
    """At most SHOWN names; of people only those who can log in. For everybody who is logged in, as `me` is."""
    with desk.database.read() as session:
        return names_beginning(session, kind, start.lower(), SHOWN)
