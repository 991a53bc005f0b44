"""Starting a run: choose or upload a release, then a form from its parameter schema."""

from typing import Any

from fastapi import APIRouter, Response

from noteyard.api import runs as rest
from noteyard.api.models import RunRequest
from noteyard.api.portal.choosing import choose_release, release_for
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import Sent, SentForm, body, errors_by_field
from noteyard.api.portal.parameter_fields import fields_of, values_of
from noteyard.errors import NoteyardError

router = APIRouter(prefix="/portal/runs", include_in_schema=False)


@router.get("/new")
def new(desk: Desk, release: str = "", like: str = "", cursor: str | None = None, notebook: str = "") -> Response:
    if not release:
        return choose_release(desk, "Run a notebook", cursor, notebook)
    return _form(desk, release, like)


@router.post("/new")
def start(desk: Desk, sent: SentForm) -> Response:
    release, like = sent.text("release"), sent.text("like")
    try:
        schema = release_for(desk, release).schema_
        request = {
            "release": release,
            "parameters": values_of(schema, sent, _values(desk, like)),
            "timeout": sent.number("timeout", 60),
            "retries": sent.number("retries") or 0,
        }
        run = rest.create(
            body(RunRequest, request), desk.person, desk.database, desk.settings, desk.urls, desk.request_id
        )
    except NoteyardError as error:
        return _form(desk, release, like, sent, error)
    return desk.go(f"/portal/runs/{run.id}")


def _values(desk: AtDesk, like: str) -> dict[str, Any]:
    """The values of the run that is repeated, if one is."""
    return rest.show(like, desk.person, desk.database, desk.settings, desk.urls).parameters if like else {}


def _form(desk: AtDesk, id: str, like: str, sent: Sent | None = None, error: NoteyardError | None = None) -> Response:
    release = release_for(desk, id)
    errors = errors_by_field(error)
    return desk.page(
        "run_new.html",
        error.status if error else 200,
        release=release,
        like=like,
        fields=fields_of(release.schema_, _values(desk, like), sent, errors),
        error=error,
        errors=errors,
        sent=sent or Sent(),
        limit=desk.settings.runs.timeout_seconds,
    )
