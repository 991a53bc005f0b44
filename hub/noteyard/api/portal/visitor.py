"""Who looks at a portal page: like identity.Asking, but somebody who is not logged in is sent to the login."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request

from noteyard.api.identity import check_origin, has_first_password, read_browser
from noteyard.domain import Person

PASSWORD_PAGE = "/portal/account"


class GoTo(Exception):
    """Send the browser somewhere else before the page is made."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


async def looking_person(request: Request) -> Person:
    """The person logged in; GoTo the login, or the password page while a first password is to be changed."""
    found = await asyncio.to_thread(read_browser, request)
    if found is None:
        raise GoTo(f"/portal/login?next={quote(_there(request))}")
    check_origin(request)
    person = found[1]
    if not request.url.path.startswith(PASSWORD_PAGE) and await asyncio.to_thread(has_first_password, request, person):
        raise GoTo(f"{PASSWORD_PAGE}?next={quote(_there(request))}")
    return person


def _there(request: Request) -> str:
    """Where the browser was going, as far as it can go there again."""
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


Looking = Annotated[Person, Depends(looking_person)]
