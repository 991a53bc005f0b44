"""The hub's routes, kept for its proxy class (hub_proxy.py), so that the edge needs no store of its own."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from noteyard.api.dependencies import Db
from noteyard.api.internal import OnlyInternal
from noteyard.store.hub_routes import delete_route, list_routes, put_route

router = APIRouter(prefix="/internal/v1/hub-routes", include_in_schema=False, dependencies=[OnlyInternal])


class RouteBody(BaseModel):
    """A route as JupyterHub describes it."""

    routespec: str = Field(min_length=1, max_length=400, pattern=r"^[a-zA-Z0-9._~%@:/-]*/$")
    target: str = Field(pattern=r"^https?://[^`\s]+$")
    data: dict[str, Any]


@router.get("")
def routes(database: Db) -> dict[str, RouteBody]:
    """Every route, by its routespec."""
    with database.read() as session:
        return {
            row.routespec: RouteBody(routespec=row.routespec, target=row.target, data=row.data)
            for row in list_routes(session)
        }


@router.put("", status_code=204)
def put(body: RouteBody, database: Db) -> None:
    """Add a route or change it."""
    with database.write() as session:
        put_route(session, body.routespec, body.target, body.data)


@router.delete("", status_code=204)
def remove(routespec: str, database: Db) -> None:
    """Remove a route; fine when there is none."""
    with database.write() as session:
        delete_route(session, routespec)
