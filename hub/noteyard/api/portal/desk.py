"""What every portal page works with, as one dependency: who looks, the app's parts, and how to answer."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from noteyard.api.dependencies import Config, Db, Urls
from noteyard.api.pages import page
from noteyard.api.portal.visitor import Looking
from noteyard.domain import Person
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.urls import PublicUrls


@dataclass(frozen=True)
class AtDesk:
    """A person at a page, with the app's parts that REST routes take."""

    request: Request
    person: Person
    database: Database
    settings: Settings
    urls: PublicUrls

    @property
    def request_id(self) -> str:
        return str(self.request.state.request_id)

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """A rendered page that knows who looks at it."""
        return page(self.request, template, status, person=self.person, **context)

    def go(self, path: str, done: str = "") -> Response:
        """Off to another page after a change; `done` is said there."""
        query = f"?{urlencode({'done': done})}" if done else ""
        return RedirectResponse(f"{path}{query}", 303)


def _desk(request: Request, looking: Looking, database: Db, settings: Config, urls: Urls) -> AtDesk:
    return AtDesk(request, looking, database, settings, urls)


Desk = Annotated[AtDesk, Depends(_desk)]
