"""Choosing the release that a run, schedule or dashboard is made of: one of one's own, or files from this computer."""

from fastapi import Response

from noteyard.api import releases
from noteyard.api.models import ReleaseModel
from noteyard.api.portal.desk import AtDesk


def choose_release(desk: AtDesk, title: str, cursor: str | None, notebook: str = "", asked: str = "") -> Response:
    """The page that leads back to the same address with `release` in its query.

    `asked` is the query that leads to this page, where the address alone leads to another.
    """
    found = releases.list_all(desk.person, desk.database, notebook or None, cursor, 25)
    return desk.page("choose_release.html", title=title, found=found, notebook=notebook, asked=asked)


def release_for(desk: AtDesk, id: str) -> ReleaseModel:
    """The release, if the person may read it."""
    return releases.show(id, desk.person, desk.database, desk.settings)
