"""What every portal page works with, as one dependency: who looks, the app's parts, and how to answer."""

import hashlib
import hmac
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
    def parts(self) -> dict[str, Any]:
        """What most REST routes that change something take beside their own arguments."""
        return {
            "asking": self.person,
            "database": self.database,
            "settings": self.settings,
            "urls": self.urls,
            "request_id": self.request_id,
        }

    @property
    def request_id(self) -> str:
        return str(self.request.state.request_id)

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """A rendered page that knows who looks at it."""
        return page(self.request, template, status, person=self.person, done=self._said(), **context)

    def go(self, path: str, done: str = "") -> Response:
        """Off to another page after a change; `done` is said there."""
        said = urlencode({"done": done, "mark": self._mark(done)}) if done else ""
        joint = ("&" if "?" in path else "?") if said else ""
        return RedirectResponse(f"{path}{joint}{said}", 303)

    def _said(self) -> str:
        # Marked, so that nobody's link can put words into the portal's mouth.
        done = self.request.query_params.get("done", "")
        mark = self.request.query_params.get("mark", "")
        return done if hmac.compare_digest(mark.encode(), self._mark(done).encode()) else ""

    def _mark(self, done: str) -> str:
        key: bytes = self.request.app.state.signing_key
        return hmac.new(key, f"said {self.person.name} {done}".encode(), hashlib.sha256).hexdigest()[:24]


def _desk(request: Request, looking: Looking, database: Db, settings: Config, urls: Urls) -> AtDesk:
    return AtDesk(request, looking, database, settings, urls)


Desk = Annotated[AtDesk, Depends(_desk)]
